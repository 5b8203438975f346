"""What customers have said about being written to, put behind what they said before: nothing is ever taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.engine import Connection

from vefa.crm.tables import consents
from vefa.database import inserting


@dataclass(frozen=True)
class Said:
    """One word of one customer on commercial messages."""

    customer_id: int
    channel: Literal["email", "sms"]
    granted: bool
    evidence: str
    occurred_at: datetime


def put_consents(connection: Connection, said: Sequence[Said], source: str, now: datetime) -> None:
    """Write down what is new."""
    if not said:
        return
    rows = [
        {
            "customer_id": each.customer_id,
            "channel": each.channel,
            "purpose": "commercial",
            "granted": each.granted,
            "source": source,
            "evidence": each.evidence,
            "occurred_at": each.occurred_at,
            "known_at": max(now, each.occurred_at),
        }
        for each in said
    ]
    same = ["customer_id", "channel", "purpose", "occurred_at", "granted"]
    connection.execute(inserting(connection, consents).on_conflict_do_nothing(index_elements=same), rows)
