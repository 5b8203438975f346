"""Erasures that were asked for, carried out: by the process that takes in the inbox, and each night as a net."""

from __future__ import annotations

import logging
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, customers
from vefa.database import reading, writing
from vefa.engine.forgetting import forget
from vefa.engine.privacy_requests import PrivacyRequest, Subject, close_request, open_requests
from vefa.inbox import inbox
from vefa.settings import Settings

log = logging.getLogger("vefa.privacy")

#: Who did what no person had to do.
BY_ITSELF = "vefa"


def carry_out(engine: Engine, settings: Settings, now: datetime) -> int:
    """Erase everybody whose erasure was asked for and before whom nothing waits any more; returns how many requests."""
    with reading(engine) as connection:
        ready = [each for each in open_requests(connection) if each.kind == "erase" and _is_next(connection, each)]
    for request in ready:
        _erase(engine, settings, request, now)
    return len(ready)


def _is_next(connection: Connection, request: PrivacyRequest) -> bool:
    """Whether all that was received before it has been taken in."""
    i = inbox.c
    return not connection.scalar(
        sa.select(sa.exists().where(i.taken_at.is_(None), i.problem.is_(None), i.received_at <= request.received_at))
    )


def _erase(engine: Engine, settings: Settings, request: PrivacyRequest, now: datetime) -> None:
    with reading(engine) as connection:
        ids = _customers(connection, request.subject or Subject())
    done = [forget(engine, settings, number, now) for number in ids]
    outcome = f"forgot {len(done)}" if any(done) else "nobody of that number or address is here"
    with writing(engine) as connection:
        close_request(connection, request.id, outcome, BY_ITSELF, now)
    log.info("a request of the law carried out", extra={"customers": len(done)})


def _customers(connection: Connection, subject: Subject) -> list[int]:
    """The customers who are meant: by the shop's number, else by the e-mail address, else by the phone number."""
    c, k = customers.c, contacts.c
    by_number = sa.select(c.id).where(c.outside_id == subject.outside_id, c.forgotten_at.is_(None))
    if subject.outside_id and (found := list(connection.scalars(by_number))):
        return found
    for channel, address in (("email", subject.email), ("sms", subject.phone)):
        query = sa.select(k.customer_id).where(k.channel == channel, k.address_key == address_key(address or ""))
        if address and (found := list(connection.scalars(query))):
            return found
    return []
