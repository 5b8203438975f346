"""What stands with the order at hand, its lines and its parcels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm import facts
from vefa.crm.coupon_uses import order_codes
from vefa.crm.object_fields import is_about
from vefa.crm.scope import Scope
from vefa.crm.sql_fields import Expression, Kind, SqlField, one, visible
from vefa.crm.tables import deliveries, order_lines, orders, products, refunds
from vefa.database import Instant, Quantity, other

_EARLIER = orders.alias("earlier")  # stands inside a sub-query over orders


def of(pick: Callable[[Any, Scope], Any], kind: Kind) -> SqlField:
    """Something of the order at hand, over its columns."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        o = other(orders)
        return one(sa.select(pick(o.c, scope)).where(o.c.id == scope.order_id), o)

    return SqlField(kind, sql)


def moment(name: str) -> SqlField:
    """One of its moments, once it is known."""
    return of(lambda o, scope: visible(o[f"{name}_at"], o[f"{name}_known_at"], scope), "time")


def is_first(o: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether the customer has placed none before that stands."""
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


def refunded(column: str) -> SqlField:
    """What has gone back of the order at hand, as known: the sum of all payments, or the moment of the last."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        r = other(refunds)
        value: Any = sa.func.max(r.c.refunded_at)
        if column == "amount":
            value = sa.func.coalesce(sa.func.sum(sa.type_coerce(r.c.amount, sa.BigInteger)), 0)
        kind = r.c[column].type
        mine = (r.c.order_id == scope.order_id, r.c.refunded_known_at <= scope.now, r.c.amount.is_not(None))
        found: Any = sa.select(value).where(*mine).correlate_except(r).scalar_subquery()
        if column == "amount":  # nothing, and not 0, where no order is at hand
            found = sa.null() if scope.order_id is None else sa.case((scope.order_id.is_not(None), found))
        return sa.type_coerce(found, kind)

    return SqlField("money" if column == "amount" else "time", sql)


def items(o: Any, scope: Scope) -> ColumnElement[Any]:
    """How much is in it: pieces, and parts of pieces where goods are weighed or cut."""
    line = other(order_lines)
    pieces = sa.func.coalesce(sa.func.sum(sa.type_coerce(line.c.quantity, sa.BigInteger)), 0)
    exact = sa.cast(pieces, sa.Float) / sa.literal(float(Quantity.scale), sa.Float)
    return sa.select(exact).where(line.c.order_id == o.id).scalar_subquery()


def only_gift_cards(o: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether all that is known to be in it are gift cards: there are no goods to review or to bring back."""
    line, p = other(order_lines), other(products)
    lines = sa.select(line.c.line).join(p, p.c.id == line.c.product_id).where(line.c.order_id == o.id)
    lines = lines.correlate_except(line, p)
    return sa.and_(lines.where(p.c.gift_card).exists(), sa.not_(lines.where(sa.not_(p.c.gift_card)).exists()))


def codes(scope: Scope) -> Select[Any]:
    """All discount codes that the order at hand names."""
    c = other(order_codes)
    return sa.select(c.c.code.label("value")).where(c.c.order_id == scope.order_id).correlate_except(c)


def bought(column: str, *, this_order: bool) -> Expression:
    """Categories or products of all the customer's counted orders, or of the order at hand."""

    def sql(scope: Scope) -> Select[Any]:
        p, line = other(products), other(order_lines)
        query = sa.select(p.c[column].label("value")).join_from(p, line, line.c.product_id == p.c.id)
        query = query.correlate_except(p, line)
        if this_order:
            return query.where(line.c.order_id == scope.order_id).distinct()
        mine = sa.select(orders.c.id).where(orders.c.customer_id == scope.customer_id, facts.counted(scope.now))
        return query.where(line.c.order_id.in_(mine.correlate_except(orders))).distinct()

    return sql


def parcel(column: str, kind: Kind, known: str | None = None) -> SqlField:
    """A column of the parcel itself, or of the order's last parcel where the journey is about the order."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        d = other(deliveries)
        value = visible(d.c[column], d.c[known], scope) if known else d.c[column]
        own = one(sa.select(value).where(d.c.id == scope.object_id, *is_about(scope, "delivery")), d)
        if scope.object_kind == "delivery":
            return own
        last = sa.select(value).where(d.c.order_id == scope.order_id, d.c.cancelled_at.is_(None))
        last = last.order_by(d.c.delivered_at.desc().nulls_last(), d.c.id.desc()).limit(1)
        brought = [own] if scope.object_kind is None and scope.kind_at is not None else []
        if known is None:
            return sa.func.coalesce(*brought, one(last, d)) if brought else one(last, d)
        o = other(orders)
        whole = sa.select(visible(o.c[column], o.c[known], scope)).where(o.c.id == scope.order_id)
        return sa.func.coalesce(*brought, one(last, d), one(whole, o), type_=Instant())

    return SqlField(kind, sql)
