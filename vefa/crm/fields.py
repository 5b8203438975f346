"""Every field that a condition or a word can name, as one SQL expression each.

The language's catalogue says what the fields mean; this table says where they stand. A test holds both equal.
Scalar fields are correlated scalar sub-queries over keys; list fields are sub-queries of their values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm import facts as rollups
from vefa.crm import points_fields as points
from vefa.crm.answers import answers_on
from vefa.crm.dates import by_zone, date_number, local_date
from vefa.crm.scope import Scope, learned_by
from vefa.crm.states import changed, object_states
from vefa.crm.tables import (
    consents,
    customers,
    deliveries,
    events,
    facts,
    order_lines,
    orders,
    products,
    returns,
    reviews,
    survey_answers,
    tags,
    tickets,
)
from vefa.database import DAY, Instant, Money, other, to_micros

Kind = Literal["text", "number", "money", "time", "date", "bool", "list"]
Expression = Callable[[Scope], Any]

_EARLIER = orders.alias("earlier")  # stands inside a sub-query over orders


@dataclass(frozen=True)
class SqlField:
    """A field's SQL: `sql(scope)` is a scalar expression, or for lists a SELECT of the values (column `value`)."""

    kind: Kind
    sql: Expression


def _one(query: Select[Any], *own: Any) -> ColumnElement[Any]:
    """The query as one value, its own tables inside and everything else from the statements around it, however far."""
    return query.correlate_except(*own).scalar_subquery()


def _customer(column: str, kind: Kind = "text") -> SqlField:
    def sql(scope: Scope) -> ColumnElement[Any]:
        if scope.customer is not None:
            beside: ColumnElement[Any] = scope.customer[column]
            return beside
        c = other(customers)
        return _one(sa.select(c.c[column]).where(c.c.id == scope.customer_id), c)

    return SqlField(kind, sql)


def _fact(measure: str) -> Expression:
    def sql(scope: Scope) -> ColumnElement[Any]:
        if scope.facts is not None:
            beside: ColumnElement[Any] = scope.facts[measure]
            return beside
        if scope.world.facts == "dated":
            return rollups.dated_one(scope.now, scope.world.shop, scope.customer_id, measure)
        f = other(facts)
        return _one(sa.select(f.c[measure]).where(f.c.customer_id == scope.customer_id), f)

    return sql


def _visible(at: ColumnElement[Any], known: ColumnElement[Any], scope: Scope) -> ColumnElement[Any]:
    return sa.type_coerce(sa.case((known <= scope.now, at)), Instant())


def _order(pick: Callable[[Any, Scope], Any], kind: Kind) -> SqlField:
    def sql(scope: Scope) -> ColumnElement[Any]:
        o = other(orders)
        return _one(sa.select(pick(o.c, scope)).where(o.c.id == scope.order_id), o)

    return SqlField(kind, sql)


def _order_time(name: str) -> SqlField:
    return _order(lambda o, scope: _visible(o[f"{name}_at"], o[f"{name}_known_at"], scope), "time")


def _may_be_about(scope: Scope, kind: str) -> bool:
    """Whether rows of the scope can have an object of that kind at hand."""
    return scope.object_kind == kind or (scope.object_kind is None and scope.kind_at is not None)


def _is_about(scope: Scope, kind: str) -> list[ColumnElement[bool]]:
    """What a row itself says of the kind of its object: the same number names other things in other tables."""
    return [] if scope.kind_at is None else [scope.kind_at == kind]


def _own(table: sa.Table, object_kind: str, column: str, kind: Kind, known: str | None = None) -> SqlField:
    """A column of the trigger's own object; empty where the journey is about something else."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        if not _may_be_about(scope, object_kind):
            return sa.null()
        t = other(table)
        value = _visible(t.c[column], t.c[known], scope) if known else t.c[column]
        return _one(sa.select(value).where(t.c.id == scope.object_id, *_is_about(scope, object_kind)), t)

    return SqlField(kind, sql)


def _state(object_kind: str) -> SqlField:
    """How the trigger's own object stands; in a `whenever` that runs for a change of it, what it changed to."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        if not _may_be_about(scope, object_kind):
            return sa.null()
        st = other(object_states)
        mine = (st.c.kind == object_kind, st.c.object_id == scope.object_id, *_is_about(scope, object_kind))
        now = sa.select(st.c.state).where(*mine, st.c.known_at <= scope.now)
        last = _one(now.order_by(st.c.changed_at.desc(), st.c.n.desc()).limit(1), st)
        if scope.event_id is None:
            return last
        v = other(events)
        told = (v.c.id == scope.event_id, v.c.type == changed(object_kind), v.c.object_id == st.c.object_id)
        change = sa.select(st.c.state).where(*mine, *told, st.c.n == v.c.occurrence)
        return sa.func.coalesce(_one(change, st, v), last)

    return SqlField("text", sql)


def _parcel(column: str, kind: Kind, known: str | None = None) -> SqlField:
    """A column of the parcel itself, or of the order's last parcel where the journey is about the order."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        d = other(deliveries)
        value = _visible(d.c[column], d.c[known], scope) if known else d.c[column]
        own = _one(sa.select(value).where(d.c.id == scope.object_id, *_is_about(scope, "delivery")), d)
        if scope.object_kind == "delivery":
            return own
        last = sa.select(value).where(d.c.order_id == scope.order_id)
        last = last.order_by(d.c.delivered_at.desc().nulls_last(), d.c.id.desc()).limit(1)
        brought = [own] if scope.object_kind is None and scope.kind_at is not None else []
        if known is None:
            return sa.func.coalesce(*brought, _one(last, d)) if brought else _one(last, d)
        o = other(orders)
        whole = sa.select(_visible(o.c[column], o.c[known], scope)).where(o.c.id == scope.order_id)
        return sa.func.coalesce(*brought, _one(last, d), _one(whole, o), type_=Instant())

    return SqlField(kind, sql)


def _count(table: sa.Table, known: str, *still: str) -> Expression:
    """How many of the customer's rows are known; with `still`, only those whose named moment is not known yet."""

    def sql(scope: Scope) -> ColumnElement[int]:
        t = other(table)
        query = sa.select(sa.func.count()).where(t.c.customer_id == scope.customer_id, t.c[known] <= scope.now)
        for column in still:
            query = query.where(sa.or_(t.c[column].is_(None), t.c[column] > scope.now))
        return _one(query, t)

    return sql


def _last_agent(scope: Scope) -> ColumnElement[str]:
    t = other(tickets)
    known = (t.c.customer_id == scope.customer_id, t.c.agent.is_not(None), t.c.opened_known_at <= scope.now)
    return _one(sa.select(t.c.agent).where(*known).order_by(t.c.opened_at.desc(), t.c.id.desc()).limit(1), t)


def _last_answer(survey: str) -> Expression:
    def sql(scope: Scope) -> ColumnElement[int]:
        a = other(survey_answers)
        query = sa.select(a.c.score).where(
            a.c.customer_id == scope.customer_id, a.c.survey == survey, a.c.answered_known_at <= scope.now
        )
        return _one(query.order_by(a.c.answered_at.desc(), a.c.id.desc()).limit(1), a)

    return sql


def _last_event(kind: str) -> Expression:
    def sql(scope: Scope) -> ColumnElement[Any]:
        e = other(events)
        query = sa.select(sa.func.max(e.c.occurred_at)).where(
            e.c.customer_id == scope.customer_id, e.c.type == kind, learned_by(e.c, scope.now)
        )
        return sa.type_coerce(_one(query, e), Instant())

    return sql


def consent_given(scope: Scope, channel: Any, purpose: str = "commercial") -> ColumnElement[bool]:
    """The latest known word of the customer about that channel and purpose; False where they never said one."""
    return sa.func.coalesce(consent_said(scope, channel, purpose), sa.false(), type_=sa.Boolean())


def consent_said(scope: Scope, channel: Any, purpose: str = "commercial") -> ColumnElement[bool | None]:
    """The same, null where they never said one."""
    c = other(consents)
    said = sa.select(c.c.granted).where(
        c.c.customer_id == scope.customer_id,
        c.c.channel == channel,
        c.c.purpose == purpose,
        c.c.known_at <= scope.now,
        c.c.occurred_at <= scope.now,
    )
    # Two words of the same moment: the "no" counts.
    return _one(said.order_by(c.c.occurred_at.desc(), c.c.granted, c.c.id.desc()).limit(1), c)


def _age(scope: Scope) -> ColumnElement[int]:
    c = other(customers)
    own = c.c if scope.customer is None else scope.customer
    world = scope.world

    def today(zone: str) -> int:
        return int(local_date(world.now, zone).strftime("%Y%m%d"))

    now = by_zone(own.zone, world.zones, world.shop.zone, today, sa.Integer())
    # with the precedence of a division, or the difference before it would get no brackets
    years = (now - date_number(own.birth_date)).op("/", precedence=8)(sa.literal(10_000, sa.Integer()))
    return years if scope.customer is not None else _one(sa.select(years).where(c.c.id == scope.customer_id), c)


def _typical_gap(scope: Scope) -> ColumnElement[Any]:
    """Days from order to order: (last - first) / (count - 1); empty before the second order."""
    first, last, n = (_fact(m)(scope) for m in ("orders_first_at", "orders_last_at", "orders_count"))
    span = sa.cast(sa.type_coerce(last, sa.BigInteger) - sa.type_coerce(first, sa.BigInteger), sa.Float)
    return sa.case((n > 1, span / sa.literal(float(DAY), sa.Float) / (n - 1)))


def _gaps_since_last(scope: Scope) -> ColumnElement[Any]:
    """Time since the last order, in typical gaps; empty before the second order or where all came at once."""
    last = sa.type_coerce(_fact("orders_last_at")(scope), sa.BigInteger)
    since = sa.cast(sa.literal(to_micros(scope.now), sa.BigInteger) - last, sa.Float)
    return since / sa.literal(float(DAY), sa.Float) / sa.func.nullif(_typical_gap(scope), 0.0)


def _average(scope: Scope) -> ColumnElement[Any]:
    revenue = sa.type_coerce(_fact("orders_revenue")(scope), sa.BigInteger)
    n = _fact("orders_count")(scope)
    return sa.type_coerce(revenue.op("/")(sa.func.nullif(n, 0)), Money())


def _score(measure: str, which: Literal["recency", "frequency", "monetary"]) -> Expression:
    """1 to 5: one more than the quintile borders at or below the value; empty for who never bought."""

    def sql(scope: Scope) -> ColumnElement[int]:
        value = sa.type_coerce(_fact(measure)(scope), sa.BigInteger)
        above = [sa.case((value >= border, 1), else_=0) for border in getattr(scope.world.borders, which)]
        total: Any = sa.literal(1, sa.Integer)
        for one in above:
            total = total + one
        return sa.case((_counted(scope) > 0, total))

    return sql


def _counted(scope: Scope) -> ColumnElement[int]:
    count: ColumnElement[int] = _fact("orders_count")(scope)
    return count if scope.has_facts else sa.func.coalesce(count, 0)


def _revenue(scope: Scope) -> ColumnElement[Any]:
    raw = _fact("orders_revenue")(scope)
    if scope.has_facts:
        return sa.type_coerce(raw, Money())
    return sa.type_coerce(sa.func.coalesce(sa.type_coerce(raw, sa.BigInteger), 0), Money())


def _tags(scope: Scope) -> Select[Any]:
    t = other(tags)
    return sa.select(t.c.tag.label("value")).where(t.c.customer_id == scope.customer_id, t.c.since <= scope.now)


def _bought(column: str, *, this_order: bool) -> Expression:
    """Categories or products of all the customer's counted orders, or of the order at hand."""

    def sql(scope: Scope) -> Select[Any]:
        p, line = other(products), other(order_lines)
        query = sa.select(p.c[column].label("value")).join_from(p, line, line.c.product_id == p.c.id)
        query = query.correlate_except(p, line)
        if this_order:
            return query.where(line.c.order_id == scope.order_id).distinct()
        mine = sa.select(orders.c.id).where(orders.c.customer_id == scope.customer_id, rollups.counted(scope.now))
        return query.where(line.c.order_id.in_(mine.correlate_except(orders))).distinct()

    return sql


def _is_first(o: Any, scope: Scope) -> ColumnElement[bool]:
    earlier = _EARLIER
    sooner = sa.exists().where(
        earlier.c.customer_id == o.customer_id,
        sa.or_(
            earlier.c.placed_at < o.placed_at,
            sa.and_(earlier.c.placed_at == o.placed_at, earlier.c.id < o.id),
        ),
        earlier.c.placed_known_at <= scope.now,
        sa.or_(earlier.c.cancelled_known_at.is_(None), earlier.c.cancelled_known_at > scope.now),
    )
    return sa.not_(sooner.correlate_except(earlier))


def _items(o: Any, scope: Scope) -> ColumnElement[int]:
    line = other(order_lines)
    return sa.select(sa.func.coalesce(sa.func.sum(line.c.quantity), 0)).where(line.c.order_id == o.id).scalar_subquery()


def _answer(name: str, kind: Kind, column: str, known: str | None = None) -> SqlField:
    """Of the answer that brought the customer in, else of the one to what this journey asked."""
    brought = _own(survey_answers, "survey", column, kind, known)

    def sql(scope: Scope) -> ColumnElement[Any]:
        asked = sa.null() if scope.more is None else scope.more(name)
        if not _may_be_about(scope, "survey"):
            return asked
        own: ColumnElement[Any] = brought.sql(scope)
        return sa.func.coalesce(own, asked, type_=survey_answers.c[column].type)

    return SqlField(kind, sql)


def _more(name: str, kind: Kind) -> SqlField:
    """A field that a room above owns and puts into the scope; empty elsewhere."""
    return SqlField(kind, lambda scope: sa.null() if scope.more is None else scope.more(name))


FIELDS: dict[str, SqlField] = {
    "customer.outside_id": _customer("outside_id"),
    "customer.first_name": _customer("first_name"),
    "customer.last_name": _customer("last_name"),
    "customer.gender": _customer("gender"),
    "customer.age": SqlField("number", _age),
    "customer.birth_date": _customer("birth_date", "date"),
    "customer.language": _customer("language"),
    "customer.country": _customer("country"),
    "customer.city": _customer("city"),
    "customer.zone": _customer("zone"),
    "customer.created_at": _customer("created_at", "time"),
    "customer.preferred_channel": _customer("preferred_channel"),
    "customer.agent": SqlField("text", _last_agent),
    "customer.answers_on": SqlField("text", lambda scope: answers_on(scope.customer_id, scope.now)),
    "customer.tags": SqlField("list", _tags),
    "orders.count": SqlField("number", _counted),
    "orders.revenue": SqlField("money", _revenue),
    "orders.average": SqlField("money", _average),
    "orders.first_at": SqlField("time", _fact("orders_first_at")),
    "orders.last_at": SqlField("time", _fact("orders_last_at")),
    "orders.typical_gap": SqlField("number", _typical_gap),
    "orders.gaps_since_last": SqlField("number", _gaps_since_last),
    "orders.categories": SqlField("list", _bought("category", this_order=False)),
    "orders.products": SqlField("list", _bought("outside_id", this_order=False)),
    "rfm.recency": SqlField("number", _score("orders_last_at", "recency")),
    "rfm.frequency": SqlField("number", _score("orders_count", "frequency")),
    "rfm.monetary": SqlField("number", _score("orders_revenue", "monetary")),
    "returns.count": SqlField("number", _count(returns, "requested_known_at")),
    "tickets.count": SqlField("number", _count(tickets, "opened_known_at")),
    "tickets.open": SqlField("number", _count(tickets, "opened_known_at", "resolved_known_at")),
    "reviews.count": SqlField("number", _count(reviews, "posted_known_at")),
    "feedback.nps": SqlField("number", _last_answer("nps")),
    "feedback.csat": SqlField("number", _last_answer("csat")),
    "email.last_opened_at": SqlField("time", _last_event("email.opened")),
    "email.last_clicked_at": SqlField("time", _last_event("email.clicked")),
    "consent.email": SqlField("bool", lambda scope: consent_given(scope, "email")),
    "consent.sms": SqlField("bool", lambda scope: consent_given(scope, "sms")),
    "loyalty.points": SqlField("number", points.points),
    "loyalty.worth": SqlField("money", points.worth),
    "loyalty.tier": SqlField("text", points.tier),
    "loyalty.next_tier": SqlField("text", points.next_tier),
    "loyalty.to_next_tier": SqlField("number", points.to_next_tier),
    "loyalty.expiring": SqlField("number", points.expiring),
    "loyalty.expires_at": SqlField("time", points.expires_at),
    "order.points": SqlField("number", points.of_order),
    "order.number": _order(lambda o, _: o.number, "text"),
    "order.total": _order(lambda o, _: o.total, "money"),
    "order.currency": _order(lambda o, _: o.currency, "text"),
    "order.coupon_code": _order(lambda o, _: o.coupon_code, "text"),
    "order.placed_at": _order_time("placed"),
    "order.shipped_at": _order_time("shipped"),
    "order.delivered_at": _order_time("delivered"),
    "order.cancelled_at": _order_time("cancelled"),
    "order.is_first": _order(_is_first, "bool"),
    "order.items": _order(_items, "number"),
    "order.categories": SqlField("list", _bought("category", this_order=True)),
    "order.products": SqlField("list", _bought("outside_id", this_order=True)),
    "delivery.carrier": _parcel("carrier", "text"),
    "delivery.tracking": _parcel("tracking", "text"),
    "delivery.promised_at": _parcel("promised_at", "time"),
    "delivery.shipped_at": _parcel("shipped_at", "time", "shipped_known_at"),
    "delivery.delivered_at": _parcel("delivered_at", "time", "delivered_known_at"),
    "return.reason": _own(returns, "return", "reason", "text"),
    "return.amount": _own(returns, "return", "amount", "money"),
    "return.state": _state("return"),
    "return.requested_at": _own(returns, "return", "requested_at", "time", "requested_known_at"),
    "return.received_at": _own(returns, "return", "received_at", "time", "received_known_at"),
    "return.refunded_at": _own(returns, "return", "refunded_at", "time", "refunded_known_at"),
    "ticket.subject": _own(tickets, "ticket", "subject", "text"),
    "ticket.category": _own(tickets, "ticket", "category", "text"),
    "ticket.agent": _own(tickets, "ticket", "agent", "text"),
    "ticket.csat": _own(tickets, "ticket", "csat", "number"),
    "ticket.state": _state("ticket"),
    "ticket.opened_at": _own(tickets, "ticket", "opened_at", "time", "opened_known_at"),
    "ticket.answered_at": _own(tickets, "ticket", "answered_at", "time", "answered_known_at"),
    "ticket.resolved_at": _own(tickets, "ticket", "resolved_at", "time", "resolved_known_at"),
    "review.rating": _own(reviews, "review", "rating", "number"),
    "review.text": _own(reviews, "review", "text", "text"),
    "review.posted_at": _own(reviews, "review", "posted_at", "time", "posted_known_at"),
    "survey.name": _answer("survey.name", "text", "survey"),
    "survey.score": _answer("survey.score", "number", "score"),
    "survey.choice": _answer("survey.choice", "text", "choice"),
    "survey.comment": _answer("survey.comment", "text", "comment"),
    "survey.answered_at": _answer("survey.answered_at", "time", "answered_at", "answered_known_at"),
    "coupon.code": _more("coupon.code", "text"),
    "coupon.used": _more("coupon.used", "bool"),
    "coupon.valid_until": _more("coupon.valid_until", "time"),
    "trigger.date": _more("trigger.date", "date"),
    "trigger.years": _more("trigger.years", "number"),
    "trigger.at": _more("trigger.at", "time"),
    "shop.founded_on": SqlField("date", lambda scope: sa.literal(scope.world.shop.founded_on, sa.Date())),
}
