"""How everybody due at a step moves on: one function a kind of step, each over bounded sets (rules 5, 6, 10).

A row at a step is in phase 0 when it has just arrived and in phase 1 while it waits. Each function handles whatever
is due and is safe to be repeated at any point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.conditions import about, compile_condition, event_kind, since_entry
from vefa.crm.fields import FIELDS
from vefa.crm.identity import PRIME, chance
from vefa.crm.scope import learned_by
from vefa.crm.tables import customers, events
from vefa.crm.tags import JOURNEY, TagChange, set_tags, untag
from vefa.database import Instant, among, beside, other, writing
from vefa.engine.errand_queue import queue_errands
from vefa.engine.exits import send_to
from vefa.engine.giving import give_coupons
from vefa.engine.messages import say
from vefa.engine.plans import busy_with_a_message, leave
from vefa.engine.stands import Aside, Stand
from vefa.engine.tables import enrolments
from vefa.engine.timing import as_moment, moment_end, move, wait_end
from vefa.ledger.tables import sends
from vefa.plan.steps import (
    Branch,
    Coupon,
    Enter,
    Message,
    Notify,
    Points,
    Split,
    Stop,
    Tag,
    WaitFor,
    WaitUntilEvent,
    WaitUntilTime,
    Webhook,
)
from vefa.rewards.granting import grant

e, s = enrolments.c, sends.c


def advance(stand: Stand) -> int:
    """Move everybody due at a step that sends nothing; queue at one that does. Returns how many rows were handled."""
    return _HANDLERS[type(stand.step)](stand, stand.step)


def waiting_for_event(stand: Stand, step: WaitUntilEvent) -> Any:
    """Over `enrolments`: waiting here while an event that they wait for is new."""
    fresh = sa.select(events.c.customer_id).where(
        events.c.type == step.scope.event, events.c.known_at.between(stand.horizon, stand.now)
    )
    return sa.and_(stand.here, e.phase == 1, e.customer_id.in_(fresh))


def changed_field(stand: Stand, step: WaitUntilTime) -> Any:
    """Over `enrolments`: waiting here for a field's moment that is no longer what it was (rule 6)."""
    if FIELDS[step.until.field].kind == "date":  # the trigger's day and birthdays stand as they are
        return sa.false()
    value = FIELDS[step.until.field].sql(stand.scope)
    return sa.and_(stand.here, e.phase == 1, value.is_distinct_from(e.wait_basis))


# --- waits -------------------------------------------------------------------------------------------------------


def _set_waiting(stand: Stand, ends: Sequence[tuple[int, datetime, datetime | None]]) -> None:
    """Write down when each wait ends: once, in UTC, with what it was computed from."""
    update = (
        sa.update(enrolments)
        .where(e.id == sa.bindparam("row"), beside(stand.here))
        .values(due_at=sa.bindparam("end", type_=Instant()), wait_basis=sa.bindparam("basis", type_=Instant()), phase=1)
    )
    with writing(stand.engine) as connection:
        connection.execute(update, [{"row": row, "end": end, "basis": basis} for row, end, basis in ends])


def _wait_for(stand: Stand, step: WaitFor) -> int:
    while rows := stand.rows(sa.and_(stand.due, e.phase == 0)):
        ends = [(row.id, wait_end(row.arrived_at, step.length, row.zone, step.at, step.on), None) for row in rows]
        _set_waiting(stand, ends)
    return stand.move(sa.and_(stand.due, e.phase == 1), step.next, e.due_at)


def _wait_until_time(stand: Stand, step: WaitUntilTime) -> int:
    value = FIELDS[step.until.field].sql(stand.scope).label("value")
    for which in (sa.and_(stand.due, e.phase == 0), changed_field(stand, step)):
        while rows := stand.rows(which, value):
            _set_waiting(stand, [(row.id, *_field_end(step, row)) for row in rows])
    waited = sa.and_(stand.due, e.phase == 1)
    came = stand.move(sa.and_(waited, e.wait_basis.is_not(None)), step.next, e.due_at)
    return came + stand.move(sa.and_(waited, e.wait_basis.is_(None)), step.otherwise, e.due_at)


def _field_end(step: WaitUntilTime, row: Any) -> tuple[datetime, datetime | None]:
    """The field's moment plus offset, or `at_most` after the arrival while it is empty; and the moment it came from.

    A moment already past is over at once. The compiler asks for `at_most` wherever the field may be empty.
    """
    if row.value is None:
        return (move(row.arrived_at, step.at_most, row.zone) if step.at_most else row.arrived_at), None
    basis = as_moment(row.value, row.zone)
    return max(moment_end(basis, step.until.offset, row.zone, step.at, step.on), row.arrived_at), basis


def _wait_until_event(stand: Stand, step: WaitUntilEvent) -> int:
    """Events before deadlines, in the order of time: an event not after the deadline wins, however late the tick."""
    moved = 0
    while rows := stand.rows(sa.and_(stand.due, e.phase == 0)):
        _set_waiting(stand, [(row.id, move(row.arrived_at, step.at_most, row.zone), None) for row in rows])
        moved += _meet_event(stand, step, among(e.id, [row.id for row in rows]))
    moved += _meet_event(stand, step, waiting_for_event(stand, step))
    moved += _meet_event(stand, step, sa.and_(stand.due, e.phase == 1))
    return moved + stand.move(sa.and_(stand.due, e.phase == 1), step.otherwise, e.due_at)


def _meet_event(stand: Stand, step: WaitUntilEvent, which: Any) -> int:
    scope, v = stand.scope, other(events)
    first = (
        sa.select(sa.func.min(v.c.occurred_at))
        .where(
            v.c.type == step.scope.event,
            learned_by(v.c, stand.now),
            since_entry(scope, step.scope.event, v.c),
            v.c.occurred_at <= e.due_at,
            about(scope, step.scope, v.c, event_kind(step.scope.event)),
        )
        .correlate_except(v)
        .scalar_subquery()
    )
    met = sa.and_(which, stand.here, e.phase == 1, first.is_not(None))
    arrived = sa.type_coerce(sa.case((first > e.arrived_at, first), else_=e.arrived_at), Instant())
    return stand.move(met, step.next, arrived)


# --- ways --------------------------------------------------------------------------------------------------------


def _branch(stand: Stand, step: Branch) -> int:
    scope = stand.scope
    arms = [(compile_condition(arm.when, scope), arm.target) for arm in step.arms]
    return _choose(stand, [*arms, (sa.true(), step.next)])


def _split(stand: Stand, step: Split) -> int:
    a, b = chance("split", stand.pin.plan.journey, step.id)
    c = other(customers)
    bucket = sa.select(c.c.bucket).where(c.c.id == e.customer_id).correlate_except(c).scalar_subquery()
    drawn, ways, upto = (bucket * a + b) % PRIME, [], 0
    for arm in step.arms:
        upto += arm.share
        ways.append((drawn < PRIME * upto // 10_000, arm.target))
    return _choose(stand, [*ways[:-1], (sa.true(), step.arms[-1].target)])


def _choose(stand: Stand, ways: Sequence[tuple[Any, str | None]]) -> int:
    """The first way that holds, for everybody due; they arrive there when they arrived here."""
    moved = 0
    for ids in stand.batches(stand.due):
        with writing(stand.engine) as connection:
            for holds, target in ways:
                which = among(e.id, ids, stand.here, holds)
                moved += stand.go(connection, which, target)
    return moved


# --- deeds -------------------------------------------------------------------------------------------------------


def _do_and_go_on(stand: Stand, target: str | None, deed: Callable[[Connection, list[int]], None]) -> int:
    moved = 0
    for ids in stand.batches(stand.due):
        with writing(stand.engine) as connection:
            here = among(e.id, ids, stand.due)
            still = list(connection.scalars(sa.select(e.id).where(here)))
            deed(connection, still)
            moved += stand.go(connection, among(e.id, still), target)
    return moved


def _points(stand: Stand, step: Points) -> int:
    """While the programme rests everybody stays here: nobody knows when their points would run out."""
    programme, zone = stand.shop.loyalty, stand.shop.settings.shop.zone
    if programme.rests:
        return 0
    number = stand.pin.number(step.id) or 0

    def deed(connection: Connection, ids: list[int]) -> None:
        whom = sa.select(e.id, e.customer_id, stand.occasion).where(among(e.id, ids))
        grant(connection, step, number, whom, stand.now, programme.runs_out(stand.now, zone))

    return _do_and_go_on(stand, step.next, deed)


def _tag(stand: Stand, step: Tag) -> int:
    def deed(connection: Connection, ids: list[int]) -> None:
        chosen = list(connection.scalars(sa.select(e.customer_id).where(among(e.id, ids)).distinct()))
        if step.add:
            set_tags(connection, [TagChange(each, step.tag, True, stand.now, JOURNEY) for each in chosen])
        else:
            untag(connection, chosen, step.tag, stand.now)

    return _do_and_go_on(stand, step.next, deed)


def _enter(stand: Stand, step: Enter) -> int:
    def deed(connection: Connection, ids: list[int]) -> None:
        send_to(connection, stand.world, step.journey, among(e.id, ids), stand.arrived)

    if step.leave:
        return _leave(stand, f"went on to {step.journey}", deed)
    return _do_and_go_on(stand, step.next, deed)


def _errand(stand: Stand, step: Webhook | Notify) -> int:
    """Into the queue of what goes to tools and staff; the customer does not wait for it."""

    def deed(connection: Connection, ids: list[int]) -> None:
        occasion = sa.cast(stand.occasion, sa.Text) if isinstance(stand, Aside) else ""
        queue_errands(
            connection, stand.shop, stand.pin, step, among(e.id, ids), stand.now, occasion, arrived=stand.arrived
        )

    return _do_and_go_on(stand, step.next, deed)


def _stop(stand: Stand, step: Stop) -> int:
    return _leave(stand, f"stopped at {step.id}", lambda connection, ids: None)


def _leave(stand: Stand, reason: str, deed: Callable[[Connection, list[int]], None]) -> int:
    """Who has a message of a `whenever` under way stays until that is settled (rule 16)."""
    left = 0
    free = sa.and_(stand.due, sa.not_(busy_with_a_message(stand.now)), sa.not_(stand.has_more_to_say))
    for ids in stand.batches(free):
        with writing(stand.engine) as connection:
            still = list(connection.scalars(sa.select(e.id).where(among(e.id, ids, free))))
            deed(connection, still)
            left += leave(connection, among(e.id, still), stand.now, reason)
            stand.end(connection, among(e.id, still))
    return left


# --- messages ----------------------------------------------------------------------------------------------------


_HANDLERS: dict[type[Any], Callable[[Stand, Any], int]] = {
    WaitFor: _wait_for,
    WaitUntilTime: _wait_until_time,
    WaitUntilEvent: _wait_until_event,
    Branch: _branch,
    Split: _split,
    Coupon: give_coupons,
    Points: _points,
    Tag: _tag,
    Enter: _enter,
    Stop: _stop,
    Webhook: _errand,
    Notify: _errand,
    Message: say,
}
