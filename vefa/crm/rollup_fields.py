"""What a customer's orders come to: their roll-up, and what is computed from it."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.crm.facts import dated_one
from vefa.crm.scope import Scope
from vefa.crm.sql_fields import Expression, one
from vefa.crm.tables import facts
from vefa.database import DAY, Money, other, to_micros


def measure(name: str) -> Expression:
    """A column of the roll-up; in a world without roll-ups, counted from the orders there and then."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        if scope.facts is not None:
            beside: ColumnElement[Any] = scope.facts[name]
            return beside
        if scope.world.facts == "dated":
            return dated_one(scope.now, scope.world.shop, scope.customer_id, name)
        f = other(facts)
        return one(sa.select(f.c[name]).where(f.c.customer_id == scope.customer_id), f)

    return sql


def typical_gap(scope: Scope) -> ColumnElement[Any]:
    """Days from order to order: (last - first) / (count - 1); empty before the second order."""
    first, last, n = (measure(m)(scope) for m in ("orders_first_at", "orders_last_at", "orders_count"))
    span = sa.cast(sa.type_coerce(last, sa.BigInteger) - sa.type_coerce(first, sa.BigInteger), sa.Float)
    return sa.case((n > 1, span / sa.literal(float(DAY), sa.Float) / (n - 1)))


def gaps_since_last(scope: Scope) -> ColumnElement[Any]:
    """Time since the last order, in typical gaps; empty before the second order or where all came at once."""
    last = sa.type_coerce(measure("orders_last_at")(scope), sa.BigInteger)
    since = sa.cast(sa.literal(to_micros(scope.now), sa.BigInteger) - last, sa.Float)
    return since / sa.literal(float(DAY), sa.Float) / sa.func.nullif(typical_gap(scope), 0.0)


def average(scope: Scope) -> ColumnElement[Any]:
    """What one order comes to; empty before the first whose worth is known."""
    spent = sa.type_coerce(measure("orders_revenue")(scope), sa.BigInteger)
    n = measure("orders_count")(scope) - measure("orders_unpriced")(scope)
    return sa.type_coerce(spent.op("/")(sa.func.nullif(n, 0)), Money())


def score(of: str, which: Literal["recency", "frequency", "monetary"]) -> Expression:
    """1 to 5: one more than the quintile borders at or below the value; empty for who never bought."""

    def sql(scope: Scope) -> ColumnElement[int]:
        value = sa.type_coerce(measure(of)(scope), sa.BigInteger)
        above = [sa.case((value >= border, 1), else_=0) for border in getattr(scope.world.borders, which)]
        total: Any = sa.literal(1, sa.Integer)
        for reached in above:
            total = total + reached
        return sa.case((counted(scope) > 0, total))

    return sql


def counted(scope: Scope) -> ColumnElement[int]:
    """How many orders; 0 where there is no roll-up."""
    count: ColumnElement[int] = measure("orders_count")(scope)
    return count if scope.has_facts else sa.func.coalesce(count, 0)


def revenue(scope: Scope) -> ColumnElement[Any]:
    """What they come to; 0 where there is no roll-up."""
    raw = measure("orders_revenue")(scope)
    if scope.has_facts:
        return sa.type_coerce(raw, Money())
    return sa.type_coerce(sa.func.coalesce(sa.type_coerce(raw, sa.BigInteger), 0), Money())
