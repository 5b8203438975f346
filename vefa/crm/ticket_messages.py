"""What was said in a ticket, by the customer and by whoever helped them, and the words that a transcript is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.engine import Connection

from vefa.crm.tables import tickets
from vefa.database import Id, Instant, among, metadata

ticket_messages = Table(
    "ticket_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", sa.Text, nullable=False),
    Column("outside_id", sa.Text, nullable=False),
    Column("fingerprint", sa.Text, nullable=False, server_default=""),
    Column("ticket_id", Id, ForeignKey("tickets.id"), nullable=False),
    Column("author", sa.Text, nullable=False, comment="customer | agent"),
    Column("agent", sa.Text, comment="the agent's name, where one wrote"),
    Column("text", sa.Text, nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("said_known_at", Instant, nullable=False),
    UniqueConstraint("source", "outside_id"),
    Index("ix_ticket_messages_ticket_id", "ticket_id", "said_at"),
    comment="one thing that was said in a ticket a row",
)

#: The latest messages that a transcript has, letters of one, and letters of all together.
MOST, LONGEST, TOGETHER = 40, 2_000, 20_000

#: What words call them.
MESSAGES, LEFT_OUT = "ticket.messages", "ticket.left_out"

c = ticket_messages.c


@dataclass(frozen=True)
class Utterance:
    """One message as it is told; `agent` is the name of whoever of the shop wrote it."""

    author: str
    agent: str | None
    text: str
    said_at: datetime


@dataclass(frozen=True)
class Conversation:
    """The end of a ticket's conversation, and how many messages came before it."""

    messages: tuple[Utterance, ...] = ()
    left_out: int = 0


def read_conversations(connection: Connection, ticket_ids: Sequence[int], now: datetime) -> dict[int, Conversation]:
    """What was said in each of these tickets, as known at `now`; of a long one the end."""
    from_the_end = sa.func.row_number().over(partition_by=c.ticket_id, order_by=(c.said_at.desc(), c.id.desc()))
    whole = sa.func.count().over(partition_by=c.ticket_id)
    known = among(c.ticket_id, ticket_ids, c.said_known_at <= now)
    numbered = (
        sa.select(c.ticket_id, c.author, sa.func.coalesce(c.agent, tickets.c.agent).label("agent"), c.text, c.said_at)
        .add_columns(from_the_end.label("place"), whole.label("whole"))
        .join_from(ticket_messages, tickets, tickets.c.id == c.ticket_id)
        .where(known)
        .subquery()
    )
    query = sa.select(numbered).where(numbered.c.place <= MOST).order_by(numbered.c.ticket_id, numbered.c.place)
    found: dict[int, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.ticket_id, []).append(row)
    return {ticket: _conversation(rows) for ticket, rows in found.items()}


def told(talk: Conversation, first_name: str | None, zone: str) -> dict[str, Any]:
    """`ticket.messages` and `ticket.left_out` as templates see them, by the customer's own clock."""
    messages = [
        {
            "author": said.author,
            "who": said.agent if said.author == "agent" else first_name,
            "text": said.text,
            "when": said.said_at.astimezone(ZoneInfo(zone)),
        }
        for said in talk.messages
    ]
    return {MESSAGES: messages, LEFT_OUT: talk.left_out}


def _conversation(rows: Sequence[Any]) -> Conversation:
    """From rows that begin with the last message: as many as are not too long to read."""
    kept: list[Utterance] = []
    letters = 0
    for row in rows:
        text = row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 1].rstrip() + "…"
        letters += len(text)
        if kept and letters > TOGETHER:
            break
        agent = row.agent if row.author == "agent" else None
        kept.append(Utterance(row.author, agent, text, row.said_at))
    return Conversation(tuple(reversed(kept)), rows[0].whole - len(kept))
