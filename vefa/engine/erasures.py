"""Erasures that were asked for, carried out: by the process that takes in the inbox, and each night as a net."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.forgotten import contact_key, keyed
from vefa.crm.tables import contacts, customers
from vefa.database import reading, writing
from vefa.engine.erased_keys import keep_beside, key_old_ones, take_back
from vefa.engine.forgetting import Forgot, finish, forget, forget_unknown
from vefa.engine.privacy_requests import PrivacyRequest, Subject, close_request, open_requests
from vefa.engine.subjects import known_of
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
    if ready:
        finish(engine, settings)
    return len(ready)


def erase_all(engine: Engine, settings: Settings, now: datetime) -> int:
    """Forget every customer, as a person has confirmed; returns how many."""
    c, count = customers.c, 0
    with reading(engine) as connection:
        ids = connection.scalars(sa.select(c.id).where(c.forgotten_at.is_(None)).order_by(c.id)).all()
    for number in ids:
        count += forget(engine, settings, number, now, tidy=False) is not None
    finish(engine, settings)
    return count


def forget_again(engine: Engine, settings: Settings) -> int:
    """After a restore: whoever had been forgotten since the backup is forgotten once more; returns how many."""
    key_old_ones(engine, settings)
    back = take_back(engine, settings)
    done = [forget(engine, settings, number, at, tidy=False) for number, at in back]
    if back:
        finish(engine, settings)
    return len([each for each in done if each is not None])


def keep_promises(engine: Engine, settings: Settings, now: datetime) -> None:
    """Each night: what no other process has carried out, and keys in both places."""
    forget_again(engine, settings)
    carry_out(engine, settings, now)
    keep_beside(engine, settings)


def _is_next(connection: Connection, request: PrivacyRequest) -> bool:
    """Whether all that was received before it has been taken in, but for what waits until something is mended."""
    i = inbox.c
    before = sa.and_(i.taken_at.is_(None), i.problem.is_(None), i.received_at <= request.received_at)
    return not connection.scalar(sa.select(sa.exists().where(before)))


def _erase(engine: Engine, settings: Settings, request: PrivacyRequest, now: datetime) -> None:
    subject = request.subject or Subject()
    with reading(engine) as connection:
        ids = customers_meant(connection, subject)
        keys = known_of(connection, ids, subject, request.source).keys
    done = [forget(engine, settings, each, now, also=subject, source=request.source, tidy=False) for each in ids]
    forgot: Sequence[Forgot] = [each for each in done if each is not None]
    if not forgot:
        forget_unknown(engine, settings, subject, request.source, now, tidy=False)
    with writing(engine) as connection:
        kept = sorted(keyed(settings, key) for key in keys)
        close_request(connection, request.id, _outcome(forgot), BY_ITSELF, now, kept)
    log.info("a request of the law carried out", extra={"customers": len(forgot)})


def _outcome(forgot: Sequence[Forgot]) -> str:
    if not forgot:
        return "nobody of that number or address was here; they will not come in by anything from before"
    rows = sum(sum(each.removed.values()) + sum(each.stripped.values()) for each in forgot)
    return f"forgotten: {sum(each.records for each in forgot)} records, {rows} rows removed or emptied"


def customers_meant(connection: Connection, subject: Subject) -> list[int]:
    """The customers who are meant: by the shop's number, else by the e-mail address, else by the phone number."""
    c, k = customers.c, contacts.c
    by_number = sa.select(c.id).where(c.outside_id == subject.outside_id, c.forgotten_at.is_(None))
    if subject.outside_id and (found := list(connection.scalars(by_number))):
        return found
    for channel, address in (("email", subject.email), ("sms", subject.phone)):
        query = sa.select(k.customer_id).where(k.channel == channel, k.address_key == contact_key(address or ""))
        if address and (found := list(connection.scalars(query))):
            return found
    return []
