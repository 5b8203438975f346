"""Conditions as SQL: every condition is one boolean expression, true or false, never null (rule 12)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.crm.dates import by_zone, day_start_micros, local_date
from vefa.crm.fields import FIELDS, Kind
from vefa.crm.scope import Scope
from vefa.crm.tables import events
from vefa.database import Money, other
from vefa.language.catalogue import OF_AN_ORDER
from vefa.language.conditions import (
    Ago,
    Anything,
    Before,
    Between,
    Compare,
    Condition,
    Contains,
    Duration,
    EventScope,
    Everything,
    Happened,
    InSegment,
    Known,
    Not,
    Nothing,
    OneOf,
    Reacted,
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


def compile_condition(condition: Condition, scope: Scope) -> ColumnElement[bool]:
    """The condition over the scope's row, as of the scope's now."""
    match condition:
        case Everything(conditions):
            return sa.and_(sa.true(), *(compile_condition(c, scope) for c in conditions))
        case Anything(conditions):
            return sa.or_(sa.false(), *(compile_condition(c, scope) for c in conditions))
        case Nothing(conditions):
            return sa.not_(sa.or_(sa.false(), *(compile_condition(c, scope) for c in conditions)))
        case Not(inner):
            return sa.not_(compile_condition(inner, scope))
        case InSegment(_, inner):
            return compile_condition(inner, scope)
        case Happened():
            return _happened(condition, scope)
        case Reacted(step, how):
            return scope.reacted(step, how) if scope.reacted else sa.false()
        case _:
            return _total(_atom(condition, scope))


def _total(expression: ColumnElement[Any]) -> ColumnElement[bool]:
    return sa.func.coalesce(expression, sa.false(), type_=sa.Boolean())


def _atom(condition: Any, scope: Scope) -> Any:
    field = FIELDS[condition.field]
    value = field.sql(scope)
    if field.kind == "list":
        return _membership(condition, value)
    match condition:
        case Compare(_, op, wanted):
            return OPERATORS[op](value, _bind(wanted, field.kind))
        case Between(_, low, high):
            return sa.and_(value >= _bind(low, field.kind), value <= _bind(high, field.kind))
        case OneOf(_, values):
            return value.in_([_plain(v, field.kind) for v in values])
        case Contains(_, part):
            # The database lowers both sides, so that letters which it cannot lower still match themselves.
            escaped = part.replace("/", "//").replace("%", "/%").replace("_", "/_")
            return sa.func.lower(value).like(sa.func.lower(f"%{escaped}%"), escape="/")
        case Known(_, known):
            return value.is_not(None) if known else value.is_(None)
        case Ago() | Within():
            return _relative(condition, value, field.kind, scope)
        case Today():
            return sa.and_(value >= _day(scope, field.kind, 0), value < _day(scope, field.kind, 1))
        case Before(_, day, after):
            edge = _edge(scope, field.kind, day + timedelta(days=1) if after else day)
            return value >= edge if after else value < edge
    raise TypeError(f"{condition!r} is no condition")


def _membership(condition: Any, values: Any) -> Any:
    def has(value: Any) -> ColumnElement[bool]:
        return sa.literal(str(value)).in_(values)

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
        edge = sa.literal(scope.now + _elapsed(length) * (-1 if past else 1), value.type)
    if past:
        return value < edge if condition.more else sa.and_(value > edge, value <= now)
    return value > edge if condition.more else sa.and_(value > now, value < edge)


def _elapsed(length: Duration) -> timedelta:
    return timedelta(days=length.days, seconds=length.seconds)


def about(scope: Scope, wanted: EventScope, e: Any, event_kind: str | None) -> ColumnElement[bool]:
    """That event row `e` is the scope's customer's and, where both have one, about the same object (rule 9)."""
    mine: ColumnElement[bool] = e.customer_id == scope.customer_id
    if not wanted.of_customer and scope.object_kind is None and scope.kind_at is not None and event_kind is not None:
        return sa.and_(mine, _about_brought(scope, scope.kind_at, e, event_kind))
    if wanted.of_customer or scope.object_kind is None or event_kind is None:
        return mine
    if event_kind == scope.object_kind:
        return sa.and_(mine, e.object_id == scope.object_id)
    if {event_kind, scope.object_kind} <= OF_AN_ORDER:
        return sa.and_(mine, e.order_id == scope.order_id)
    return mine


def _about_brought(scope: Scope, kind: Any, e: Any, event_kind: str) -> ColumnElement[bool]:
    """The same, where each row tells itself what kind of object it brought along."""
    whens = [(kind == event_kind, e.object_id == scope.object_id)]
    if event_kind in OF_AN_ORDER:
        whens.append((kind.in_(sorted(OF_AN_ORDER)), e.order_id == scope.order_id))
    return sa.func.coalesce(sa.case(*whens, else_=sa.true()), sa.false(), type_=sa.Boolean())


def since_entry(scope: Scope, event: str, e: Any) -> ColumnElement[bool]:
    """That event row `e` came since entry; the event that brought the customer in is none that came since (rule 9)."""
    came: ColumnElement[bool] = e.occurred_at >= scope.entered_at
    if event != scope.trigger_event or scope.is_trigger is None:
        return came
    return sa.and_(came, sa.not_(scope.is_trigger(e)))


def event_kind(event: str) -> str | None:
    """What kind of object an event is about, by its name; None for the shop's own free-form events."""
    noun = event.partition(".")[0]
    return noun if noun in OF_AN_ORDER or noun in {"survey", "customer", "send"} else None


def _happened(condition: Happened, scope: Scope) -> ColumnElement[bool]:
    e = other(events)
    wanted = condition.scope
    where = [
        e.c.type == wanted.event,
        e.c.known_at <= scope.now,
        about(scope, wanted, e.c, event_kind(wanted.event)),
    ]
    if condition.within is not None:
        where.append(e.c.occurred_at > scope.now - _elapsed(condition.within))
    elif condition.since_entry and scope.entered_at is not None:
        where.append(since_entry(scope, wanted.event, e.c))
    if (condition.op, condition.times) == (">=", 1):
        return sa.exists().where(*where).correlate_except(e)
    count = sa.select(sa.func.count()).where(*where).correlate_except(e).scalar_subquery()
    compared: ColumnElement[bool] = OPERATORS[condition.op](count, condition.times)
    return compared
