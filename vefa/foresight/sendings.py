"""The messages of one enrolment: what became of each, and everything that delayed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.tables import step_names
from vefa.foresight.reasons import reason_words
from vefa.ledger.tables import send_history, sends


@dataclass(frozen=True)
class Turn:
    """Something on the way that was not simply sending."""

    at: datetime
    what: str
    detail: str | None
    because: str


@dataclass(frozen=True)
class Sending:
    """One message that was due. `because` tells a withheld one's reason in plain words."""

    send: int
    step: str
    template: str
    purpose: str
    medium: str | None
    locale: str | None
    state: str
    reason: str | None
    because: str
    due_at: datetime
    not_before: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    attempt: int
    history: tuple[Turn, ...]
    #: of the step's test; `tried`: they were one of those on whom it was tried
    variant: str | None = None
    tried: bool = False


def sendings(connection: Connection, enrolment_id: int) -> tuple[Sending, ...]:
    """All messages of the enrolment in the order they fell due."""
    s = sends.c
    rows = connection.execute(
        sa.select(sends, step_names.c.name)
        .join(step_names, step_names.c.id == s.step)
        .where(s.enrolment_id == enrolment_id)
        .order_by(s.due_at, s.id)
    ).all()
    turns = _turns(connection, [row.id for row in rows])
    return tuple(_sending(row, tuple(turns.get(row.id, ()))) for row in rows)


def _sending(row: Any, history: tuple[Turn, ...]) -> Sending:
    return Sending(
        row.id,
        row.name,
        row.template,
        row.purpose,
        row.medium,
        row.locale,
        row.state,
        row.reason,
        reason_words(row.reason or ""),
        row.due_at,
        row.not_before,
        row.claimed_at,
        row.settled_at,
        row.attempt,
        history,
        row.variant,
        row.trial is not None,
    )


def _turns(connection: Connection, ids: list[int]) -> dict[int, list[Turn]]:
    h = send_history.c
    rows = connection.execute(
        sa.select(h.send_id, h.at, h.what, h.detail).where(h.send_id.in_(ids)).order_by(h.at, h.id)
    )
    found: dict[int, list[Turn]] = {}
    for send_id, at, what, detail in rows:
        found.setdefault(send_id, []).append(Turn(at, what, detail, reason_words(detail or "")))
    return found
