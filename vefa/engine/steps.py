"""How everybody due at a step moves on: one function a kind of step, each over bounded sets (rules 5, 6, 10).

A row at a step is in phase 0 when it has just arrived and in phase 1 while it waits. Each function handles whatever
is due and is safe to be repeated at any point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.conditions import about, compile_condition, event_kind, since_entry
from vefa.crm.fields import FIELDS
from vefa.crm.identity import PRIME, chance
from vefa.crm.scope import learned_by
from vefa.crm.tables import customers, events, tags
from vefa.database import Instant, among, beside, other, writing
from vefa.engine.asides import settle_aside
from vefa.engine.entries import insert_ignore
from vefa.engine.errand_queue import queue_errands
from vefa.engine.exits import end_and_hand_over, send_to
from vefa.engine.giving import give_coupons
from vefa.engine.movement import move_on, queue_messages
from vefa.engine.plans import busy_with_a_message, leave
from vefa.engine.stands import Aside, Stand
from vefa.engine.tables import enrolments
from vefa.engine.timing import as_moment, moment_end, move, wait_end
from vefa.engine.trials import Turn, turns
from vefa.ledger import claims
from vefa.ledger.claims import HOLD
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


def _move_in_batches(stand: Stand, which: Any, target: str | None, arrived: Any) -> int:
    moved = 0
    for ids in stand.batches(which):
        with writing(stand.engine) as connection:
            moved += move_on(connection, stand.pin, among(e.id, ids, which), target, arrived)
    return moved


def _wait_for(stand: Stand, step: WaitFor) -> int:
    while rows := stand.rows(sa.and_(stand.due, e.phase == 0)):
        ends = [(row.id, wait_end(row.arrived_at, step.length, row.zone, step.at, step.on), None) for row in rows]
        _set_waiting(stand, ends)
    return _move_in_batches(stand, sa.and_(stand.due, e.phase == 1), step.next, e.due_at)


def _wait_until_time(stand: Stand, step: WaitUntilTime) -> int:
    value = FIELDS[step.until.field].sql(stand.scope).label("value")
    for which in (sa.and_(stand.due, e.phase == 0), changed_field(stand, step)):
        while rows := stand.rows(which, value):
            _set_waiting(stand, [(row.id, *_field_end(step, row)) for row in rows])
    waited = sa.and_(stand.due, e.phase == 1)
    came = _move_in_batches(stand, sa.and_(waited, e.wait_basis.is_not(None)), step.next, e.due_at)
    return came + _move_in_batches(stand, sa.and_(waited, e.wait_basis.is_(None)), step.otherwise, e.due_at)


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
    return moved + _move_in_batches(stand, sa.and_(stand.due, e.phase == 1), step.otherwise, e.due_at)


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
    return _move_in_batches(stand, met, step.next, arrived)


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
        chosen = sa.select(e.customer_id).where(among(e.id, ids))
        if step.add:
            rows = sa.select(e.customer_id, sa.literal(step.tag), sa.literal(stand.now, Instant())).distinct()
            insert = insert_ignore(connection, tags).from_select(
                ["customer_id", "tag", "since"], rows.where(among(e.id, ids))
            )
            connection.execute(insert.on_conflict_do_nothing())
        else:
            gone = sa.delete(tags).where(tags.c.tag == step.tag, tags.c.customer_id.in_(chosen))
            connection.execute(gone)

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


def _message(stand: Stand, step: Message) -> int:
    """Queue a message for everybody who has arrived, and let go on whose message was settled or held long enough."""
    if isinstance(stand, Aside):
        return _say_aside(stand, step)
    moved = _release_held(stand, step)
    arrived = sa.and_(stand.due, e.phase == 0)
    if step.test is not None:
        return moved + sum(_queue(stand, step, arrived, turn) for turn in turns(stand, step, arrived))
    return moved + sum(_queue(stand, step, arrived, Turn(ids)) for ids in stand.batches(arrived, claims.BATCH))


def _queue(stand: Stand, step: Message, arrived: Any, turn: Turn) -> int:
    which = among(e.id, turn.ids, arrived)
    with writing(stand.engine) as connection:
        since = sa.literal(stand.now, Instant()) if turn.waited else e.arrived_at
        new = queue_messages(
            connection, stand.pin, step, which, variant=turn.variant, trial=turn.trial, not_before=since
        )
        update = sa.update(enrolments).where(which).values(phase=1, due_at=None)
        held = connection.execute(update).rowcount
        if new < held:
            _let_go_on(connection, stand, step, turn.ids)
        return held


def _say_aside(stand: Aside, step: Message) -> int:
    """Queue a message for each event that has come here, and go on at once: in `whenever` a message holds nobody."""
    moved = 0
    for ids in stand.batches(stand.due, claims.BATCH):
        which = among(e.id, ids, stand.due)
        with writing(stand.engine) as connection:
            queue_messages(connection, stand.pin, step, which, occasion=stand.occasion, arrived=stand.arrived)
            moved += stand.go(connection, which, step.next)
    settle_aside(stand, step)
    return moved


def _let_go_on(connection: Connection, stand: Stand, step: Message, ids: Sequence[int]) -> None:
    """Who has come to a step whose message they had already is due at once, to go on."""
    had = sa.exists().where(_mine(stand, step), s.state.in_(("sent", "skipped", "failed")))
    which = among(e.id, ids, stand.here, had.correlate_except(sends))
    connection.execute(sa.update(enrolments).where(which).values(due_at=e.arrived_at))


def _mine(stand: Stand, step: Message) -> Any:
    """Over `sends` beside `enrolments`: the message of this step."""
    return sa.and_(s.enrolment_id == e.id, s.step == stand.pin.number(step.id), s.occasion == 0)


def held_and_settled(stand: Stand, step: Message) -> list[Any]:
    """Over `enrolments`: who is held by a message at the step that may have been settled without them.

    Either they are due, or the message was ever in doubt: everybody else goes on in the transaction that settles. So no
    look at all who wait for their turn is needed.
    """
    mine = sa.and_(s.journey_id == stand.pin.journey_id, s.step == stand.pin.number(step.id), s.occasion == 0)
    doubts = sa.and_(mine, s.doubts > 0)
    doubted = sa.select(s.enrolment_id).where(doubts, s.state.in_(("sent", "skipped", "failed")))
    held = sa.and_(stand.here, e.phase == 1)
    return [sa.and_(held, e.due_at <= stand.now), sa.and_(e.id.in_(doubted), beside(held))]


def _release_held(stand: Stand, step: Message) -> int:
    """Who stands here with a settled message (the provider told late), or with one in doubt for long enough, goes on;
    a transactional one in doubt goes once more (rules 14, 15)."""
    mine = _mine(stand, step)
    settled = sa.select(s.claimed_at).where(mine, s.state.in_(("sent", "skipped", "failed")))
    settled_at = sa.func.coalesce(settled.correlate_except(sends).scalar_subquery(), e.arrived_at, type_=Instant())
    done = sa.exists(settled.correlate_except(sends))
    failed = sa.exists().where(mine, s.state == "failed").correlate_except(sends)
    moved = 0
    for held in held_and_settled(stand, step):
        if step.on_failure == "exit":
            with writing(stand.engine) as connection:
                which = sa.and_(held, failed)
                moved += end_and_hand_over(connection, stand.world, stand.pin, which, f"failed: {step.id}")
        moved += _move_in_batches(stand, sa.and_(held, done), step.next, settled_at)
    with writing(stand.engine) as connection:
        number, journey_id = stand.pin.number(step.id), stand.pin.journey_id
        inside = sa.exists().where(e.id == s.enrolment_id, stand.here, e.phase == 1).correlate_except(enrolments)
        own = sa.and_(s.journey_id == journey_id, s.step == number, s.occasion == 0)
        if claims.second_attempts(connection, sa.and_(own, inside), stand.now):
            again = sa.exists().where(mine, s.state == "queued").correlate_except(sends)
            due = sa.and_(stand.here, e.phase == 1, e.due_at.is_not(None), again)
            connection.execute(sa.update(enrolments).where(due).values(due_at=None))
        return moved + _end_doubt(connection, stand, step, mine)


def _end_doubt(connection: Connection, stand: Stand, step: Message, mine: Any) -> int:
    """Who was looked at again with a message still in doubt goes on once held for long enough, and waits till then."""
    doubt = sa.select(s.claimed_at).where(mine, s.state == "unknown").correlate_except(sends).scalar_subquery()
    claimed_at = sa.func.coalesce(doubt, e.arrived_at, type_=Instant())
    held = sa.and_(stand.due, e.phase == 1, doubt.is_not(None))
    moved = move_on(connection, stand.pin, sa.and_(held, doubt <= stand.now - HOLD), step.next, claimed_at)
    until = sa.type_coerce(doubt, sa.BigInteger) + HOLD // timedelta(microseconds=1)
    connection.execute(sa.update(enrolments).where(held).values(due_at=until))
    return moved


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
    Message: _message,
}
