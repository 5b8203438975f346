"""What stands with the customer: their own row, their consents, and what they have done one by one."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm.dates import DateNumber, by_zone, local_date
from vefa.crm.importers.dates import FIRST_YEAR
from vefa.crm.scope import Scope, learned_by
from vefa.crm.sql_fields import Expression, Kind, SqlField, one
from vefa.crm.suppressing import unsubscribed_at
from vefa.crm.tables import consents, customers, events, survey_answers, tags, tickets
from vefa.crm.tags import borne
from vefa.database import Instant, other


def column(name: str, kind: Kind = "text") -> SqlField:
    """A column of the customer's own row."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        if scope.customer is not None:
            beside: ColumnElement[Any] = scope.customer[name]
            return beside
        c = other(customers)
        return one(sa.select(c.c[name]).where(c.c.id == scope.customer_id), c)

    return SqlField(kind, sql)


def birth_date() -> SqlField:
    """The date of birth; empty where its year is not known, though the birthday comes round."""
    stored = column("birth_date", "date")

    def sql(scope: Scope) -> ColumnElement[Any]:
        value: ColumnElement[Any] = stored.sql(scope)
        return _with_a_year(value)

    return SqlField("date", sql, yearly=stored.sql)


def _with_a_year(day: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.case((day >= sa.literal(date(FIRST_YEAR, 1, 1), sa.Date()), day))


def age(scope: Scope) -> ColumnElement[int]:
    """Whole years, by the day on the customer's own clock; empty where the year of birth is not known."""
    c = other(customers)
    own = c.c if scope.customer is None else scope.customer
    world = scope.world

    def today(zone: str) -> int:
        return int(local_date(world.now, zone).strftime("%Y%m%d"))

    now = by_zone(own.zone, world.zones, world.shop.zone, today, sa.Integer())
    # with the precedence of a division, or the difference before it would get no brackets
    years = (now - DateNumber(_with_a_year(own.birth_date))).op("/", precedence=8)(sa.literal(10_000, sa.Integer()))
    return years if scope.customer is not None else one(sa.select(years).where(c.c.id == scope.customer_id), c)


def last_agent(scope: Scope) -> ColumnElement[str]:
    """Who helped them last."""
    t = other(tickets)
    known = (t.c.customer_id == scope.customer_id, t.c.agent.is_not(None), t.c.opened_known_at <= scope.now)
    return one(sa.select(t.c.agent).where(*known).order_by(t.c.opened_at.desc(), t.c.id.desc()).limit(1), t)


def tags_of(scope: Scope) -> Select[Any]:
    """The marks that they bear."""
    t = other(tags)
    return sa.select(t.c.tag.label("value")).where(t.c.customer_id == scope.customer_id, *borne(t.c, scope.now))


def count(table: sa.Table, known: str, *still: str) -> Expression:
    """How many of the customer's rows are known; with `still`, only those whose named moment is not known yet."""

    def sql(scope: Scope) -> ColumnElement[int]:
        t = other(table)
        query = sa.select(sa.func.count()).where(t.c.customer_id == scope.customer_id, t.c[known] <= scope.now)
        for column in still:
            query = query.where(sa.or_(t.c[column].is_(None), t.c[column] > scope.now))
        return one(query, t)

    return sql


def last_answer(survey: str) -> Expression:
    """The score of their latest answer to that survey."""

    def sql(scope: Scope) -> ColumnElement[int]:
        a = other(survey_answers)
        query = sa.select(a.c.score).where(
            a.c.customer_id == scope.customer_id, a.c.survey == survey, a.c.answered_known_at <= scope.now
        )
        return one(query.order_by(a.c.answered_at.desc(), a.c.id.desc()).limit(1), a)

    return sql


def last_event(kind: str) -> Expression:
    """When an event of that type happened to them last."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        e = other(events)
        query = sa.select(sa.func.max(e.c.occurred_at)).where(
            e.c.customer_id == scope.customer_id, e.c.type == kind, learned_by(e.c, scope.now)
        )
        return sa.type_coerce(one(query, e), Instant())

    return sql


def consent_given(scope: Scope, channel: Any, purpose: str = "commercial") -> ColumnElement[bool]:
    """The latest known word of the customer about that channel and purpose; False where they never said one.

    Whoever reads their mailbox and has unsubscribed it since has not agreed: the claim holds such a message back, too.
    """
    said = sa.func.coalesce(consent_said(scope, channel, purpose), sa.false(), type_=sa.Boolean())
    return sa.and_(said, sa.not_(unsubscribed_at(scope.customer_id, channel, scope.now)))


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
    return one(said.order_by(c.c.occurred_at.desc(), c.c.granted, c.c.id.desc()).limit(1), c)
