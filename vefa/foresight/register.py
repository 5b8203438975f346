"""How things stand with İYS: how fresh our knowledge is, and which words it does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.consent.answers import FEEDS
from vefa.consent.gate import STALE, STALE_REASON, feed_name
from vefa.consent.progress import read_progress
from vefa.consent.tables import iys_pushes, iys_recipients
from vefa.ledger.tables import sends

p = iys_pushes.c
#: A word that İYS must have within this and does not is told.
SOON = timedelta(hours=24)


@dataclass(frozen=True)
class RegisterStatus:
    """`heard_at`: all that was said to İYS until then is here. Words by their state; refused ones by İYS's code."""

    heard_at: datetime | None
    stale: bool
    recipients: int
    held: int
    waiting: int
    due_soon: int
    due_by: datetime | None
    late: int
    refused: Mapping[str, int]


def register_status(connection: Connection, now: datetime) -> RegisterStatus:
    """How it stands at that moment."""
    heard = [read_progress(connection, feed_name(feed)).at for feed in FEEDS]
    heard_at = min(moment for moment in heard if moment) if all(heard) else None
    open_words = p.state.in_(("waiting", "sent"))
    states = dict(
        connection.execute(sa.select(p.state, sa.func.count()).where(p.state != "done").group_by(p.state))
        .tuples()
        .all()
    )
    refused = sa.select(sa.func.coalesce(p.problem, "?"), sa.func.count()).where(p.state == "refused")
    return RegisterStatus(
        heard_at=heard_at,
        stale=heard_at is None or heard_at <= now - STALE,
        recipients=_count(connection, iys_recipients),
        held=_count(connection, sends, sends.c.state == "queued", sends.c.reason == STALE_REASON),
        waiting=states.get("waiting", 0) + states.get("sent", 0),
        due_soon=_count(connection, iys_pushes, open_words, p.due_by <= now + SOON),
        due_by=connection.scalar(sa.select(sa.func.min(p.due_by)).where(open_words)),
        late=states.get("late", 0),
        refused=dict(connection.execute(refused.group_by(p.problem)).tuples().all()),
    )


def _count(connection: Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0
