"""Messages that are ended unsent because they may have gone in a past that this ledger does not know: before a backup
of it was restored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.ledger.claims import HOLD, ended
from vefa.ledger.tables import sends

REASON = "may have gone before the restore"

s = sends.c


def may_have_gone(now: datetime) -> Any:
    """Over `sends`: due by now and never to go.

    A transactional one of the last day is left to go, and one in doubt to its own rule (rule 14).
    """
    left = sa.and_(s.purpose == "transactional", sa.or_(s.due_at > now - HOLD, s.doubts > 0))
    return sa.and_(s.state == "queued", s.due_at <= now, s.not_before <= now, sa.not_(left))


def write_off(connection: Connection, which: Any, now: datetime, limit: int) -> int:
    """End up to `limit` of the messages that `which` chooses and that may have gone. Returns how many."""
    chosen = sa.select(s.id).where(which, may_have_gone(now)).order_by(s.id).limit(limit)
    values = ended("skipped", REASON) | {"settled_at": now}
    return connection.execute(sa.update(sends).where(s.id.in_(chosen)).values(values)).rowcount
