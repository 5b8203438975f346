"""The transcript of the ticket that a journey is about, for words: `ticket.messages` and `ticket.left_out`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import customers
from vefa.crm.ticket_messages import Conversation, Utterance, read_conversations
from vefa.database import among
from vefa.engine.tables import enrolments

MESSAGES, LEFT_OUT = "ticket.messages", "ticket.left_out"

e, c = enrolments.c, customers.c
_NOTHING = Conversation()


def transcripts(
    connection: Connection, names: Collection[str], ids: Sequence[int], zones: Sequence[str], now: datetime
) -> Mapping[str, Sequence[Any]]:
    """Both words for each of these enrolments, if `names` asks for any of them; empty where there is no ticket."""
    if MESSAGES not in names and LEFT_OUT not in names:
        return {}
    query = sa.select(e.id, e.object_id, c.first_name).join_from(enrolments, customers, c.id == e.customer_id)
    rows = connection.execute(query.where(among(e.id, ids, e.object_kind == "ticket"))).all()
    about = {number: (ticket, name) for number, ticket, name in rows}
    told = read_conversations(connection, sorted({ticket for ticket, _ in about.values()}), now)
    found = [about.get(number, (0, None)) for number in ids]
    said = [(told.get(ticket, _NOTHING), name, zone) for (ticket, name), zone in zip(found, zones, strict=True)]
    return {
        MESSAGES: [[_word(each, name, zone) for each in talk.messages] for talk, name, zone in said],
        LEFT_OUT: [talk.left_out for talk, _, _ in said],
    }


def _word(said: Utterance, first_name: str | None, zone: str) -> dict[str, Any]:
    """A message as templates see it, by the customer's own clock."""
    who = said.agent if said.author == "agent" else first_name
    return {"author": said.author, "who": who, "text": said.text, "when": said.said_at.astimezone(ZoneInfo(zone))}
