"""Who leaves early, and who reached the goal (rules 9, 10, 16)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.crm.conditions import about, compile_condition, event_kind, since_entry
from vefa.crm.scope import Scope, World, learned_by
from vefa.crm.tables import deliveries, events, orders
from vefa.database import Id, among, other, reading, writing
from vefa.engine.entries import BATCH, Doorway, as_candidates, enter_candidates
from vefa.engine.plans import Pinned, elapsed, journey_row, leave, pinned
from vefa.engine.scopes import enrolment_scope, world_for
from vefa.engine.tables import enrolments, journeys
from vefa.language.conditions import EventScope
from vefa.plan.steps import Message

e = enrolments.c

#: Why somebody leaves whose order was trashed, deleted, voided, a test, or is unpaid again.
WITHDRAWN = "exit: the order was withdrawn"


def happened_since_entry(scope: Scope, wanted: EventScope) -> ColumnElement[bool]:
    """The event came since entry, about the same object where both have one, and is known."""
    v = other(events)
    came = sa.and_(
        v.c.type == wanted.event,
        learned_by(v.c, scope.now),
        since_entry(scope, wanted.event, v.c),
        about(scope, wanted, v.c, event_kind(wanted.event)),
    )
    return sa.exists().where(came).correlate_except(v)


def order_withdrawn() -> ColumnElement[bool]:
    """Over an enrolment: the order that it is about, or its parcel, is none after all."""
    o, d = other(orders), other(deliveries)
    order = sa.exists().where(o.c.id == e.order_id, o.c.withdrawn.is_not(None)).correlate_except(o)
    parcel = sa.exists().where(d.c.id == e.object_id, e.object_kind == "delivery", d.c.cancelled_at.is_not(None))
    return sa.or_(order, parcel.correlate_except(d))


def leaves_now(world: World, pin: Pinned) -> ColumnElement[Any]:
    """Over an enrolment: why it must end now, as text; null where it may go on. Asked again at every claim."""
    scope = enrolment_scope(world, pin)
    exits = pin.plan.exits
    whens = [(order_withdrawn(), sa.literal(WITHDRAWN))]
    whens += [(happened_since_entry(scope, on), sa.literal(f"exit: {on.event}")) for on in exits.on]
    if exits.unless is not None:
        whens.append((sa.not_(compile_condition(exits.unless, scope)), sa.literal("exit: no longer meant")))
    return sa.case(*whens)


def run_exits(door: Doorway, pin: Pinned) -> int:
    """End everybody in this plan on whom an exit event has come since the last look. Returns how many left."""
    gone = sa.and_(e.journey_id == door.row.id, e.plan_id == pin.id, e.state == "active", order_withdrawn())
    left = leave_in_batches(door, pin, sa.select(e.id).where(gone), WITHDRAWN) if _any_withdrawn(door) else 0
    for wanted in pin.plan.exits.on:
        came = happened_since_entry(enrolment_scope(door.world, pin), wanted)
        inside = sa.and_(e.journey_id == door.row.id, e.plan_id == pin.id, e.state == "active", came)
        which = sa.union(*(sa.select(e.id).where(new, inside) for new in _newly_concerned(door, pin, wanted)))
        left += leave_in_batches(door, pin, which, f"exit: {wanted.event}")
    return left


def _any_withdrawn(door: Doorway) -> bool:
    """Whether any order or parcel was ever withdrawn: most shops have few, and many have none."""
    order = sa.exists().where(orders.c.withdrawn.is_not(None))
    parcel = sa.exists().where(deliveries.c.cancelled_at.is_not(None))
    with reading(door.engine) as connection:
        return bool(connection.scalar(sa.select(sa.or_(order, parcel))))


def _newly_concerned(door: Doorway, pin: Pinned, wanted: EventScope) -> list[ColumnElement[bool]]:
    """Of whom something is new since the horizon: each is a look along an index of its own."""
    # Who is held by a message under way or in doubt leaves when that is settled, however long ago the event was.
    messages = [pin.number(step.key) for step in pin.plan.steps if isinstance(step, Message)]
    held = [sa.and_(e.plan_id == pin.id, e.step == number, e.phase == 1) for number in messages]
    return [*_news(door, wanted.event), *held]


def _news(door: Doorway, event: str) -> list[ColumnElement[bool]]:
    """Over `enrolments`: the event is new of them, or they are new themselves."""
    v, mine = events.c, e.journey_id == door.row.id
    fresh = sa.select(v.customer_id).where(
        v.type == event, v.known_at.between(door.horizon, door.now), v.customer_id.is_not(None)
    )
    return [sa.and_(mine, e.customer_id.in_(fresh)), sa.and_(mine, e.enrolled_at >= door.horizon)]


def leave_in_batches(door: Doorway, pin: Pinned, which: Any, reason: str) -> int:
    """End the enrolments whose ids `which` selects; `then: {enter: …}` takes them on, in one transaction."""
    with reading(door.engine) as connection:
        ids = sorted(connection.scalars(which))
    left = 0
    for start in range(0, len(ids), BATCH):
        chosen = among(e.id, ids[start : start + BATCH])
        with writing(door.engine) as connection:
            left += end_and_hand_over(connection, door.world, pin, chosen, reason)
    return left


def end_and_hand_over(connection: Connection, world: World, pin: Pinned, which: Any, reason: str) -> int:
    """End enrolments; whoever really left goes to the journey that `exit: then` names."""
    then = pin.plan.exits.then_enter
    if then is None:
        return leave(connection, which, world.now, reason)
    active = list(connection.scalars(sa.select(e.id).where(which, e.state == "active")))
    left = leave(connection, which, world.now, reason)
    gone = among(e.id, active)
    send_to(connection, world, then, sa.and_(gone, e.state == "left"), sa.literal(world.now, e.arrived_at.type))
    return left


def send_to(connection: Connection, world: World, journey: str, which: Any, moment: Any) -> dict[str, int]:
    """Put the customers of those enrolments into another journey; the object travels along (language: `enter`)."""
    if not connection.scalar(sa.select(journeys.c.id).where(journeys.c.name == journey, journeys.c.state == "live")):
        return {"not live": 1}
    row = journey_row(connection, journey)
    pin = pinned(connection, row.plan_id or 0)
    door = Doorway(connection.engine, row, pin, world_for(connection, world, pin))
    # An object of another kind than the journey is about stays behind; the order that it belongs to comes along.
    theirs = getattr(pin.plan.trigger, "object_kind", None)
    fits = sa.true() if theirs is None else e.object_kind == theirs
    kind, number = (sa.case((fits, column)) for column in (e.object_kind, e.object_id))
    columns = (e.customer_id, e.id, moment, kind, number, e.order_id, e.trigger_date, sa.cast(sa.null(), Id))
    return enter_candidates(connection, door, as_candidates(*columns).where(which), sent_on=True)


def mark_goals(door: Doorway, pin: Pinned) -> int:
    """Note the first goal event of everybody whom one has come for, holdouts too. Returns how many."""
    goal = pin.plan.goal
    if goal is None:
        return 0
    scope, v = enrolment_scope(door.world, pin), other(events)
    reach = _micros(elapsed(goal.within))
    since = sa.type_coerce(e.entered_at, sa.BigInteger)
    first = (
        sa.select(sa.func.min(v.c.occurred_at))
        .where(
            v.c.type == goal.scope.event,
            learned_by(v.c, door.now),
            v.c.occurred_at > e.entered_at,
            sa.type_coerce(v.c.occurred_at, sa.BigInteger) <= since + reach,
            about(scope, goal.scope, v.c, event_kind(goal.scope.event)),
        )
        .correlate_except(v)
        .scalar_subquery()
    )
    open_yet = sa.and_(e.plan_id == pin.id, e.goal_at.is_(None), first.is_not(None))
    which = sa.union(*(sa.select(e.id).where(new, open_yet) for new in _news(door, goal.scope.event)))
    with reading(door.engine) as connection:
        ids = sorted(connection.scalars(which))
    for start in range(0, len(ids), BATCH):
        reached = among(e.id, ids[start : start + BATCH], e.goal_at.is_(None))
        with writing(door.engine) as connection:
            connection.execute(sa.update(enrolments).where(reached).values(goal_at=first))
    return len(ids)


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
