"""What people write back: a word that stops messages, a word that takes that back, or something for a person to read.

An SMS is heard once, however often it is told of. One that means nothing to us opens a ticket of whoever has that
number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.happenings import record_events
from vefa.crm.identity import address_key
from vefa.crm.lifting import lifted_by
from vefa.crm.permissions import SAID_BY, Word, record
from vefa.crm.sms_words import Meaning
from vefa.crm.suppressing import readers
from vefa.crm.tables import events, orders, suppressions, tickets
from vefa.crm.ticket_messages import ticket_messages
from vefa.database import among, inserting

SOURCE, TYPE = "sms", "sms.received"
#: A ticket's subject is what was written, as long as an SMS may be.
_LONGEST = 1600
NO_WORDS = "(no words)"
#: Who writes again so soon goes on with what they wrote before: it opens no second ticket.
WARM = timedelta(hours=1)


@dataclass(frozen=True)
class Heard:
    """One SMS from somebody. `key` is the provider's number of it; `means` is what it says, if it is a word of ours."""

    key: str
    number: str
    text: str
    means: Meaning | None
    occurred_at: datetime
    known_at: datetime


def hear(connection: Connection, heard: Heard) -> bool:
    """Do what it asks, once. False if it is for a person to read, and nobody of ours has that number."""
    key = address_key(heard.number)
    customers = readers(connection, [("sms", key)])["sms", key]
    takes_back = heard.means == "start" and _is_stopped(connection, key)
    if heard.means != "stop" and not takes_back and not customers:
        return False
    who = _who(connection, customers)
    if not _is_new(connection, heard, who):
        return True
    if heard.means == "stop" or takes_back:
        _obey(connection, heard, key, customers)
    elif who is not None:
        _write_down(connection, heard, who)
    return True


def _obey(connection: Connection, heard: Heard, key: str, customers: tuple[int, ...]) -> None:
    word = Word(
        granted=heard.means == "start",
        channel="sms",
        signal="reply",
        source=SAID_BY["sms"],
        occurred_at=heard.occurred_at,
        known_at=heard.known_at,
        customer_ids=customers,
        address_key=key,
        evidence=f"SMS {heard.key}",
    )
    record(connection, [word])


def _is_stopped(connection: Connection, key: str) -> bool:
    """Whether there is anything that the reader's own START lifts."""
    x = suppressions.c
    theirs = sa.and_(x.channel == "sms", x.address_key == key, x.reason.in_(lifted_by("reply")))
    return bool(connection.scalar(sa.select(sa.exists().where(theirs))))


def _who(connection: Connection, customers: Sequence[int]) -> int | None:
    """Of several with one number, who ordered last; else the first."""
    if len(customers) < 2:
        return next(iter(customers), None)
    o = orders.c
    query = sa.select(o.customer_id).where(among(o.customer_id, customers))
    return connection.scalar(query.order_by(o.placed_at.desc(), o.id.desc()).limit(1)) or customers[0]


def _is_new(connection: Connection, heard: Heard, customer: int | None) -> bool:
    row = {
        "source": SOURCE,
        "type": TYPE,
        "object_kind": "sms",
        "object_key": heard.key,
        "occurrence": 0,
        "customer_id": customer,
        "occurred_at": heard.occurred_at,
        "known_at": heard.known_at,
        "data": {"means": heard.means},
    }
    insert = inserting(connection, events).values(row).on_conflict_do_nothing().returning(events.c.id)
    return connection.scalar(insert) is not None


def _write_down(connection: Connection, heard: Heard, customer: int) -> None:
    """In the ticket that their last SMS opened, if it is still warm; else in a new one."""
    ticket = _warm_ticket(connection, heard, customer) or _open_ticket(connection, heard, customer)
    if ticket is None:
        return
    row = {
        "source": SOURCE,
        "outside_id": heard.key,
        "ticket_id": ticket,
        "author": "customer",
        "text": heard.text or NO_WORDS,
        "said_at": heard.occurred_at,
        "said_known_at": heard.known_at,
    }
    connection.execute(inserting(connection, ticket_messages).values(row).on_conflict_do_nothing())


def _warm_ticket(connection: Connection, heard: Heard, customer: int) -> int | None:
    t, warm = tickets.c, (heard.occurred_at - WARM, heard.occurred_at + WARM)
    theirs = sa.and_(t.customer_id == customer, t.source == SOURCE, t.resolved_at.is_(None), t.opened_at.between(*warm))
    return connection.scalar(sa.select(t.id).where(theirs).order_by(t.opened_at.desc(), t.id.desc()).limit(1))


def _open_ticket(connection: Connection, heard: Heard, customer: int) -> int | None:
    row = {
        "source": SOURCE,
        "outside_id": heard.key,
        "customer_id": customer,
        "subject": heard.text[:_LONGEST] or NO_WORDS,
        "category": "sms",
        "opened_at": heard.occurred_at,
        "opened_known_at": heard.known_at,
    }
    insert = inserting(connection, tickets).values(row).on_conflict_do_nothing().returning(tickets.c.id)
    number: int | None = connection.scalar(insert)
    if number is not None:
        record_events(connection, "ticket", [number])
    return number
