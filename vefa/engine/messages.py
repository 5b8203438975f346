"""Messages of a step: queued for everybody who has arrived, and in `whenever` for each event that has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import Instant, among, writing
from vefa.engine.doubts import message_of, release_held, settle_aside
from vefa.engine.movement import queue_messages
from vefa.engine.stands import Aside, Stand
from vefa.engine.tables import enrolments
from vefa.engine.trials import Turn, turns
from vefa.ledger import claims
from vefa.ledger.tables import sends
from vefa.plan.steps import Message

e, s = enrolments.c, sends.c


def say(stand: Stand, step: Message) -> int:
    """Queue a message for everybody who has arrived, and let go on whose message was settled or held long enough."""
    if isinstance(stand, Aside):
        return _say_aside(stand, step)
    moved = release_held(stand, step)
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


def _let_go_on(connection: Connection, stand: Stand, step: Message, ids: Sequence[int]) -> None:
    """Who has come to a step whose message they had already is due at once, to go on."""
    had = sa.exists().where(message_of(stand, step), s.state.in_(("sent", "skipped", "failed")))
    which = among(e.id, ids, stand.here, had.correlate_except(sends))
    connection.execute(sa.update(enrolments).where(which).values(due_at=e.arrived_at))


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
