"""Conditions as SQL: every condition is one boolean expression, true or false, never null (rule 12)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.crm.atoms import OPERATORS, atom, elapsed, total
from vefa.crm.scope import Scope, learned_by
from vefa.crm.tables import events
from vefa.database import other
from vefa.language.catalogue import OF_AN_ORDER
from vefa.language.conditions import (
    Anything,
    Condition,
    EventScope,
    Everything,
    Happened,
    InSegment,
    Not,
    Nothing,
    Reacted,
)


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
            return total(atom(condition, scope))


def compile_filter(condition: Condition, scope: Scope) -> ColumnElement[bool]:
    """The same for WHERE alone: true of the same rows, and maybe null where `compile_condition` is false.

    Without the guards against null the database may search its indexes. Below a `not` a null would come out wrong,
    so from there on the guards stand.
    """
    match condition:
        case Everything(conditions):
            return sa.and_(sa.true(), *(compile_filter(c, scope) for c in conditions))
        case Anything(conditions):
            return sa.or_(sa.false(), *(compile_filter(c, scope) for c in conditions))
        case InSegment(_, inner):
            return compile_filter(inner, scope)
        case Nothing() | Not() | Happened() | Reacted():
            return compile_condition(condition, scope)
        case _:
            bare: ColumnElement[bool] = atom(condition, scope)
            return bare


def about(scope: Scope, wanted: EventScope, e: Any, event_kind: str | None) -> ColumnElement[bool]:
    """That event row `e` is the scope's customer's and, where both have one, about the same object (rule 9)."""
    mine: ColumnElement[bool] = e.customer_id == scope.customer_id
    if event_kind == "survey" and scope.object_kind != "survey" and not wanted.of_customer and scope.answers:
        return sa.and_(mine, scope.answers(e))
    if event_kind == "coupon":
        own = None if wanted.of_customer else scope.own_coupon
        return mine if own is None else sa.and_(mine, own(e))
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
    return noun if noun in OF_AN_ORDER or noun in {"survey", "customer", "send", "coupon"} else None


def _happened(condition: Happened, scope: Scope) -> ColumnElement[bool]:
    e = other(events)
    wanted = condition.scope
    where = [
        e.c.type == wanted.event,
        learned_by(e.c, scope.now),
        about(scope, wanted, e.c, event_kind(wanted.event)),
    ]
    if condition.within is not None:
        where.append(e.c.occurred_at > scope.now - elapsed(condition.within))
    elif condition.since_entry and scope.entered_at is not None:
        where.append(since_entry(scope, wanted.event, e.c))
    if (condition.op, condition.times) == (">=", 1):
        return sa.exists().where(*where).correlate_except(e)
    count = sa.select(sa.func.count()).where(*where).correlate_except(e).scalar_subquery()
    compared: ColumnElement[bool] = OPERATORS[condition.op](count, condition.times)
    return compared
