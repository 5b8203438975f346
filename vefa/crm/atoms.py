"""One line of a condition as SQL: a field's value put to the test, for the row at hand or for everybody as a set."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.crm.dates import by_zone, day_start_micros, local_date
from vefa.crm.fields import FIELDS
from vefa.crm.relations import RELATIONS, Relation
from vefa.crm.scope import Scope
from vefa.crm.sql_fields import Kind
from vefa.database import Money
from vefa.language.conditions import (
    Ago,
    Before,
    Between,
    Compare,
    Contains,
    Duration,
    Known,
    OneOf,
    Scalar,
    Today,
    Within,
)

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_TYPES: dict[Kind, Any] = {
    "text": sa.Text(),
    "money": Money(),
    "bool": sa.Boolean(),
    "date": sa.Date(),
    "list": sa.Text(),
}


def holds_of_missing(condition: Any, missing: int | None) -> bool:
    """Whether an atom is true of who is not in the set that it asks about: their value is `missing`."""
    match condition:
        case Known(_, known):
            return known == (missing is not None)
        case _ if missing is None:
            return False
        case Compare(_, op, wanted):
            return bool(OPERATORS[op](missing, wanted))
        case Between(_, low, high):
            return bool(OPERATORS[">="](missing, low) and OPERATORS["<="](missing, high))
        case OneOf(_, values):
            return missing in values
    return False


def total(expression: ColumnElement[Any]) -> ColumnElement[bool]:
    return sa.func.coalesce(expression, sa.false(), type_=sa.Boolean())


def atom(condition: Any, scope: Scope) -> Any:
    field = FIELDS[condition.field]
    relation = RELATIONS.get(condition.field)
    if scope.is_whole and relation is not None:
        return _in_set(condition, relation, field.kind, scope)
    if field.kind == "list":
        return _membership(condition, field.sql(scope))
    return _test(condition, field.sql(scope), field.kind, scope)


def _in_set(condition: Any, relation: Relation, kind: Kind, scope: Scope) -> Any:
    """The atom as `customer IN (…)`: one set for the whole statement."""
    if kind == "list":
        return _in_lists(condition, relation, scope)
    if relation.anybody is not None and _asks_for_any(condition):
        return scope.customer_id.in_(relation.anybody(scope))
    rows = relation.rows(scope).subquery()
    holds = _test(condition, rows.c.value, kind, scope)
    if holds_of_missing(condition, relation.missing):
        return scope.customer_id.not_in(sa.select(rows.c.customer_id).where(sa.not_(total(holds))))
    return scope.customer_id.in_(sa.select(rows.c.customer_id).where(holds))


def _asks_for_any(condition: Any) -> bool:
    return isinstance(condition, Compare) and (condition.op, condition.value) in {(">", 0), (">=", 1), ("!=", 0)}


def _in_lists(condition: Any, relation: Relation, scope: Scope) -> Any:
    rows = relation.rows(scope).subquery()
    have = sa.select(rows.c.customer_id)

    def has(*values: Any) -> ColumnElement[bool]:
        return scope.customer_id.in_(have.where(rows.c.value.in_([str(value) for value in values])))

    match condition:
        case Compare(_, op, wanted):
            return sa.not_(has(wanted)) if op == "!=" else has(wanted)
        case Contains(_, wanted):
            return has(wanted)
        case OneOf(_, wanted):
            return has(*wanted)
        case Known(_, known):
            return scope.customer_id.in_(have) if known else scope.customer_id.not_in(have)
    raise TypeError(f"{condition!r} cannot be asked of a list")


def _test(condition: Any, value: Any, kind: Kind, scope: Scope) -> Any:
    match condition:
        case Compare(_, op, wanted):
            return OPERATORS[op](value, _bind(wanted, kind))
        case Between(_, low, high):
            return sa.and_(value >= _bind(low, kind), value <= _bind(high, kind))
        case OneOf(_, values):
            return value.in_([_plain(v, kind) for v in values])
        case Contains(_, part):
            # The database lowers both sides, so that letters which it cannot lower still match themselves.
            escaped = part.replace("/", "//").replace("%", "/%").replace("_", "/_")
            return sa.func.lower(value).like(sa.func.lower(f"%{escaped}%"), escape="/")
        case Known(_, known):
            return value.is_not(None) if known else value.is_(None)
        case Ago() | Within():
            return _relative(condition, value, kind, scope)
        case Today():
            return sa.and_(value >= _day(scope, kind, 0), value < _day(scope, kind, 1))
        case Before(_, day, after):
            edge = _edge(scope, kind, day + timedelta(days=1) if after else day)
            return value >= edge if after else value < edge
    raise TypeError(f"{condition!r} is no condition")


def _membership(condition: Any, values: Any) -> Any:
    def has(value: Any) -> ColumnElement[bool]:
        return total(sa.literal(str(value)).in_(values))

    match condition:
        case Compare(_, op, wanted):
            return sa.not_(has(wanted)) if op == "!=" else has(wanted)
        case Contains(_, wanted):
            return has(wanted)
        case OneOf(_, wanted):
            return sa.or_(sa.false(), *(has(one) for one in wanted))
        case Known(_, known):
            return values.exists() if known else sa.not_(values.exists())
    raise TypeError(f"{condition!r} cannot be asked of a list")


def _plain(value: Scalar, kind: Kind) -> Any:
    match kind:
        case "money":
            return Decimal(str(value))
        case "number":
            return float(value) if isinstance(value, Decimal) else value
        case "text":
            return str(value)
    return value


def _bind(value: Scalar, kind: Kind) -> ColumnElement[Any]:
    return sa.literal(_plain(value, kind), _TYPES.get(kind))


def _day(scope: Scope, kind: Kind, shift: int) -> Any:
    """The customer's today, moved by `shift` days: a date, or the day's first moment."""
    world = scope.world
    move = timedelta(days=shift)
    if kind == "date":
        return by_zone(
            scope.zone_name,
            world.zones,
            world.shop.zone,
            lambda z: local_date(world.now, z) + move,
            sa.Date(),
        )
    return by_zone(
        scope.zone_name,
        world.zones,
        world.shop.zone,
        lambda z: day_start_micros(local_date(world.now, z) + move, z),
        sa.BigInteger(),
    )


def _edge(scope: Scope, kind: Kind, day: date) -> Any:
    if kind == "date":
        return sa.literal(day, sa.Date())
    world = scope.world
    return by_zone(scope.zone_name, world.zones, world.shop.zone, lambda z: day_start_micros(day, z), sa.BigInteger())


def _relative(condition: Ago | Within, value: Any, kind: Kind, scope: Scope) -> Any:
    """`more than 90 days ago` and its kin. For moments, days are 24 hours back from now; for dates, calendar days."""
    past = isinstance(condition, Ago)
    length = condition.length
    if kind == "date":
        days = length.days + length.seconds // 86_400
        now, edge = _day(scope, kind, 0), _day(scope, kind, -days if past else days)
    else:
        now = sa.literal(scope.now, value.type)
        edge = sa.literal(scope.now + elapsed(length) * (-1 if past else 1), value.type)
    if past:
        return value < edge if condition.more else sa.and_(value > edge, value <= now)
    return value > edge if condition.more else sa.and_(value > now, value < edge)


def elapsed(length: Duration) -> timedelta:
    return timedelta(days=length.days, seconds=length.seconds)
