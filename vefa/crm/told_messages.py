"""A ticket's messages as a sender tells them with an event of the ticket: `data: {messages: […]}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from vefa.crm.importers.maps import Column, unknown
from vefa.crm.importers.readings import Habits, Misfit, reader, written
from vefa.crm.people import inserting
from vefa.crm.ticket_messages import ticket_messages
from vefa.database import from_micros

#: Messages that may come with one event; letters of one, and of its other keys.
MOST, LONGEST, LONGEST_KEY = 500, 10_000, 200
KEYS = {"id": "text", "author": "author", "agent": "text", "text": "text", "said_at": "time"}


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
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return [], "data: messages must be a list of messages, each with id, author and text"
    if len(given) > MOST:
        return [], f"data: {len(given)} messages are more than the {MOST} that may come at once"
    messages = []
    for number, each in enumerate(given, start=1):
        message = _message(each, habits)
        if isinstance(message, str):
            return [], f"data: message {number}: {message}"
        messages.append(message)
    return messages, None


def _message(given: dict[str, Any], habits: Habits) -> Told | str:
    said: dict[str, Any] = {}
    for key, value in given.items():
        if key not in KEYS:
            return unknown("key", key[:80], KEYS)
        if isinstance(value, dict | list):
            return f"{key} must be one value, not several"
        text = written(value)
        if len(text) > (LONGEST if key == "text" else LONGEST_KEY):
            return f"{key}: longer than anybody would write"
        read = reader(KEYS[key], Column(column=key), habits)(text)
        if isinstance(read, Misfit):
            return f"{key}: {read.reason}"
        said[key] = read
    lacking = [key for key in ("id", "author", "text") if said.get(key) is None]
    if lacking:
        return f"needs {', '.join(lacking)}"
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
