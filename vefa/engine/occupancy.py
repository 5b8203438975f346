"""Who is at a step: whether anybody, and how many are due."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import reading
from vefa.engine.doubts import settled_late
from vefa.engine.post import Post, queued
from vefa.engine.stands import Aside, Stand
from vefa.engine.steps import changed_field, waiting_for_event
from vefa.engine.tables import enrolments
from vefa.ledger.tables import batches, sends
from vefa.plan.steps import Message, WaitUntilEvent, WaitUntilTime

s = sends.c


def is_occupied(stand: Stand) -> bool:
    """Whether anybody stands there: one look along an index."""
    with reading(stand.engine) as connection:
        if isinstance(stand, Aside) and isinstance(stand.step, Message):
            return _anything_at(connection, stand, stand.step)
        return bool(connection.scalar(sa.select(sa.exists().where(stand.here))))


def _anything_at(connection: Connection, stand: Aside, step: Message) -> bool:
    """Whether an event is at the step, or a message of it may go or was ever in doubt: one look along indexes."""
    journey, number, b = stand.pin.journey_id, stand.pin.number(step.id), batches.c
    mine = sa.and_(s.journey_id == journey, s.step == number, s.occasion != 0)
    looks = (
        sa.exists().where(b.journey_id == journey, b.step == stand.pin.number(step.key), b.settled_at.is_(None)),
        sa.exists().where(mine, s.state == "queued", s.batch_id.is_(None), s.not_before <= stand.now),
        sa.exists().where(mine, s.doubts > 0),
        sa.exists().where(stand.here),
    )
    return bool(connection.scalar(sa.select(sa.or_(*looks))))


def rows_due(stand: Stand, post: Post | None) -> int:
    """Rows that `advance` would handle there now; at a message (`post`), with those that are queued."""
    which = stand.due
    match stand.step:
        case WaitUntilEvent() as wait:
            which = sa.or_(which, waiting_for_event(stand, wait))
        case WaitUntilTime() as wait:
            which = sa.or_(which, changed_field(stand, wait))
    with reading(stand.engine) as connection:
        n = connection.scalar(sa.select(sa.func.count()).select_from(enrolments).where(which)) or 0
        if post is not None:
            n += queued(connection, post, post.clock()) + settled_late(connection, stand, post.step)
    return n
