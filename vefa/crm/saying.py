"""Adding a word to the log of consents. Nothing in it is ever changed: who says otherwise says it in a new row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.engine import Connection

from vefa.crm.tables import consents
from vefa.database import inserting

Channel = Literal["email", "sms"]
Purpose = Literal["commercial", "transactional"]


@dataclass(frozen=True)
class Said:
    """Yes or no to one purpose by one channel: where, when, to which words, and what proves it."""

    customer_id: int
    channel: Channel
    purpose: Purpose
    granted: bool
    source: str
    occurred_at: datetime
    text_version: str | None = None
    evidence: str | None = None


def say(connection: Connection, said: Said, now: datetime) -> bool:
    """Write it down, in the caller's transaction. False where the very same is there already."""
    row = {**vars(said), "known_at": max(now, said.occurred_at)}
    insert = inserting(connection, consents).values(row).on_conflict_do_nothing().returning(consents.c.id)
    return connection.execute(insert).first() is not None
