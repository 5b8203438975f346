"""A ticket's messages as a sender tells them with an event of the ticket: `data: {messages: […]}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from vefa.crm.importers.readings import Habits
from vefa.crm.parts import Parts
from vefa.crm.ticket_messages import ticket_messages
from vefa.database import from_micros, inserting

MESSAGES = Parts(
    "message",
    "messages",
    {"id": "line", "author": "author", "agent": "line", "text": "text", "said_at": "time"},
    needed=("id", "author", "text"),
    most=500,
    longest=200,
    longer={"text": 10_000},
)


@dataclass(frozen=True)
class Told:
    """One message; `said_at` None: now."""

    id: str
    author: str
    text: str
    agent: str | None
    said_at: datetime | None


def read_messages(given: Any, habits: Habits) -> tuple[list[Told], str | None]:
    """The messages, or what is wrong with the first that is wrong."""
    parts, problem = MESSAGES.read(given, habits)
    return [_message(part) for part in parts], problem


def _message(said: dict[str, Any]) -> Told:
    moment = said.get("said_at")
    at = None if moment is None else from_micros(moment)
    return Told(said["id"], said["author"], said["text"], said.get("agent"), at)


def put_messages(connection: Connection, told: Mapping[int, Sequence[Told]], source: str, now: datetime) -> None:
    """Beside those that each ticket has; one that comes again is corrected, and stays known since then."""
    rows = [
        {
            "source": source,
            "outside_id": each.id,
            "ticket_id": ticket,
            "author": each.author,
            "agent": each.agent,
            "text": each.text,
            "said_at": each.said_at or now,
            "said_known_at": max(now, each.said_at or now),
        }
        for ticket, messages in told.items()
        for each in messages
    ]
    if not rows:
        return
    insert = inserting(connection, ticket_messages)
    corrected = {name: insert.excluded[name] for name in ("ticket_id", "author", "agent", "text")}
    connection.execute(insert.on_conflict_do_update(index_elements=["source", "outside_id"], set_=corrected), rows)
