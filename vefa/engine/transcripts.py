"""The transcript of the ticket that a journey is about, for words: `ticket.messages` and `ticket.left_out`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import customers
from vefa.crm.ticket_messages import LEFT_OUT, MESSAGES, Conversation, read_conversations, told
from vefa.database import among
from vefa.engine.tables import enrolments

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
    talks = read_conversations(connection, sorted({ticket for ticket, _ in about.values()}), now)
    found = [about.get(number, (0, None)) for number in ids]
    words = [told(talks.get(ticket, _NOTHING), name, zone) for (ticket, name), zone in zip(found, zones, strict=True)]
    return {name: [each[name] for each in words] for name in (MESSAGES, LEFT_OUT)}
