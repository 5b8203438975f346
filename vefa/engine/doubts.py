"""Messages in doubt, and those that were settled without the customer whom they hold: who is held, until when, and
who goes on (rules 14, 15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import Instant, beside, reading, writing
from vefa.engine.exits import end_and_hand_over
from vefa.engine.movement import move_on
from vefa.engine.plans import Pinned
from vefa.engine.stands import Aside, Stand
from vefa.engine.tables import enrolments
from vefa.ledger import claims
from vefa.ledger.claims import HOLD, LOOK_UP
from vefa.ledger.reports import BATCH as REPORTS
from vefa.ledger.reports import settle_told
from vefa.ledger.tables import sends
from vefa.plan.steps import Message

e, s = enrolments.c, sends.c


def message_of(stand: Stand, step: Message) -> Any:
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


def release_held(stand: Stand, step: Message) -> int:
    """Who stands here with a settled message (the provider told late), or with one in doubt for long enough, goes on;
    a transactional one in doubt goes once more (rules 14, 15)."""
    mine = message_of(stand, step)
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
        moved += stand.move(sa.and_(held, done), step.next, settled_at)
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


def settled_late(connection: Connection, stand: Stand, step: Message) -> int:
    """Who was held by a message that was settled meanwhile; in `whenever`, messages in doubt that may go once
    more."""
    if isinstance(stand, Aside):
        again = sa.select(sa.func.count()).select_from(sends).where(in_doubt(stand, step))
        return connection.scalar(again) or 0
    done = sa.exists().where(message_of(stand, step), s.state.in_(("sent", "skipped", "failed")))
    _, doubted = held_and_settled(stand, step)
    where = sa.and_(doubted, sa.or_(e.due_at.is_(None), e.due_at > stand.now), done)
    return connection.scalar(sa.select(sa.func.count()).select_from(enrolments).where(where)) or 0


def in_doubt(stand: Aside, step: Message) -> Any:
    """Over `sends`: messages of the step that are in doubt and may go once more (rule 14), or failed after a doubt."""
    mine = sa.and_(s.journey_id == stand.pin.journey_id, s.step == stand.pin.number(step.id), s.occasion != 0)
    again = sa.and_(
        s.state == "unknown",
        s.purpose == "transactional",
        s.doubts == 1,
        s.claimed_at <= stand.now - LOOK_UP,
        s.claimed_at > stand.now - HOLD,
    )
    return sa.and_(mine, s.doubts > 0, again)


def settle_aside(stand: Aside, step: Message) -> None:
    """A transactional message in doubt goes once more; who is told late to be out of reach leaves, if the step says
    so (rules 14, 15)."""
    mine = sa.and_(s.journey_id == stand.pin.journey_id, s.step == stand.pin.number(step.id), s.occasion != 0)
    inside = sa.exists().where(e.id == s.enrolment_id, e.plan_id == stand.pin.id, e.state.in_(("active", "finished")))
    with reading(stand.engine) as connection:
        if not connection.scalar(sa.select(sa.exists().where(mine, s.doubts > 0))):
            return
    with writing(stand.engine) as connection:
        claims.second_attempts(connection, sa.and_(mine, inside.correlate_except(enrolments)), stand.now)
        if step.on_failure == "exit":
            _leave_failed(connection, stand, step, mine)


def _leave_failed(connection: Connection, stand: Aside, step: Message, mine: Any) -> None:
    failed = sa.select(s.enrolment_id).where(mine, s.doubts > 0, s.state == "failed")
    which = sa.and_(e.plan_id == stand.pin.id, e.state == "active", e.id.in_(failed))
    end_and_hand_over(connection, stand.world, stand.pin, which, f"failed: {step.id}")


def hold_doubtful(engine: Engine, journey_id: int) -> None:
    """Whose message was just found in doubt is held, and looked at again as any other such (rule 15)."""
    micros = timedelta(microseconds=1)
    again = sa.case((s.purpose == "transactional", LOOK_UP // micros), else_=HOLD // micros)
    until_then = sa.case((s.state == "unknown", sa.type_coerce(s.claimed_at, sa.BigInteger) + again))
    last = sa.select(until_then).where(s.enrolment_id == e.id, s.occasion == 0).order_by(s.id.desc()).limit(1)
    until = last.correlate_except(sends).scalar_subquery()
    held = sa.and_(e.journey_id == journey_id, e.state == "active", e.phase == 1, e.due_at.is_(None))
    doubted = sa.select(s.enrolment_id).where(
        s.journey_id == journey_id, s.occasion == 0, s.doubts > 0, s.state == "unknown"
    )
    held = sa.and_(held, e.id.in_(doubted), until.is_not(None))
    with reading(engine) as connection:
        if not connection.scalar(sa.select(sa.exists().where(held))):
            return
    with writing(engine) as connection:
        connection.execute(sa.update(enrolments).where(held).values(due_at=until))


def hear_again(engine: Engine, journey_id: int, pins: Iterable[Pinned], now: datetime) -> None:
    """What the provider told of messages that were then still in a worker's hands settles those in doubt now."""
    steps = [(pin, step) for pin in pins for step in pin.plan.steps if isinstance(step, Message)]
    if not steps:
        return
    places = sa.or_(*(sa.and_(e.plan_id == pin.id, e.step == pin.numbers[step.key]) for pin, step in steps))
    held = sa.and_(places, e.state == "active", e.phase == 1, e.due_at.is_not(None))
    query = sa.select(s.id).join_from(enrolments, sends, s.enrolment_id == e.id).where(held, s.state == "unknown")
    # Those of a `whenever` hold nobody; as long as they may go once more, they are asked about, too.
    aside = sa.and_(s.journey_id == journey_id, s.occasion != 0, s.doubts > 0, s.state == "unknown")
    lately = sa.select(s.id).where(aside, s.claimed_at > now - HOLD)
    with reading(engine) as connection:
        doubtful = sorted({*connection.scalars(query), *connection.scalars(lately)})
    for start in range(0, len(doubtful), REPORTS):
        with writing(engine) as connection:
            settle_told(connection, doubtful[start : start + REPORTS], now)
