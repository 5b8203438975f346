"""One customer: found by the shop's number or an address, with consents and suppressions as they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.identifiers import guests
from vefa.crm.identity import address_key
from vefa.crm.people import kept_ids
from vefa.crm.tables import consents, contacts, customers, suppressions
from vefa.crm.wishes import topic_refusals, wishes
from vefa.errors import UserError
from vefa.text import clean_line


@dataclass(frozen=True)
class Way:
    """A way to reach the customer. The address is shown with its middle hidden."""

    channel: str
    address: str
    undeliverable: str | None


@dataclass(frozen=True)
class Consent:
    """What the customer said, once."""

    channel: str
    purpose: str
    granted: bool
    source: str
    occurred_at: datetime
    known_at: datetime
    text_version: str | None = None
    evidence: str | None = None


@dataclass(frozen=True)
class Suppression:
    """Why nothing may go to one of the customer's addresses."""

    channel: str
    purpose: str | None
    reason: str
    occurred_at: datetime
    known_at: datetime


@dataclass(frozen=True)
class Wishes:
    """What the customer chose on their own page."""

    language: str | None = None
    paused_until: datetime | None = None
    refused_topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """Who it is about, and on which clock their times are told."""

    id: int
    outside_id: str
    name: str
    zone: str
    language: str | None
    preferred_channel: str | None
    ways: tuple[Way, ...]
    consents: tuple[Consent, ...]
    suppressions: tuple[Suppression, ...]
    wishes: Wishes = Wishes()


def find_person(connection: Connection, who: str) -> Person:
    """The customer of that outside id, e-mail address or phone number. UserError where there is none, or several.

    An id that was merged away, and the name that a guest had, lead to the customer that stands for them now.
    """
    c, who = customers.c, clean_line(who)
    names = {who, *kept_ids(connection, [who]).values()}
    ids = connection.scalars(sa.select(c.id).where(c.outside_id.in_(sorted(names)))).all()
    ids = ids or _as_guest(connection, who) or _by_address(connection, who)
    if not ids:
        raise UserError("There is no customer with that number or address.")
    if len(ids) > 1:
        numbers = connection.scalars(sa.select(c.outside_id).where(c.id.in_(ids)).order_by(c.outside_id))
        raise UserError(f"Several customers have that address: {', '.join(numbers)}. Name one of them.")
    return _person(connection, ids[0])


def _as_guest(connection: Connection, name: str) -> list[int]:
    return list(connection.scalars(sa.select(guests.c.customer_id).where(guests.c.name == name)))


def _by_address(connection: Connection, who: str) -> list[int]:
    k = contacts.c
    number = "" if "@" in who else re.sub(r"[\s()./-]+", "", who)
    keys = {address_key(who), *([address_key(number)] if number.startswith("+") else [])}
    query = sa.select(k.customer_id).where(k.address_key.in_(sorted(keys))).distinct()
    return list(connection.scalars(query))


def _person(connection: Connection, customer_id: int) -> Person:
    row = connection.execute(sa.select(customers).where(customers.c.id == customer_id)).one()
    name = " ".join(filter(None, (row.first_name, row.last_name)))
    return Person(
        row.id,
        row.outside_id,
        name,
        row.zone,
        row.language,
        row.preferred_channel,
        _ways(connection, customer_id),
        _consents(connection, customer_id),
        _suppressions(connection, customer_id),
        _wishes(connection, customer_id),
    )


def _ways(connection: Connection, customer_id: int) -> tuple[Way, ...]:
    k = contacts.c
    rows = connection.execute(
        sa.select(k.channel, k.address, k.undeliverable).where(k.customer_id == customer_id).order_by(k.channel)
    )
    return tuple(Way(channel, hidden(address), why) for channel, address, why in rows)


def hidden(address: str) -> str:
    """Enough of an address to know it again: `a…@ornek.example`, `+9053…67`."""
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{address[:5]}…{address[-2:]}"


def _consents(connection: Connection, customer_id: int) -> tuple[Consent, ...]:
    k = consents.c
    columns = (k.channel, k.purpose, k.granted, k.source, k.occurred_at, k.known_at, k.text_version, k.evidence)
    rows = connection.execute(sa.select(*columns).where(k.customer_id == customer_id).order_by(k.occurred_at, k.id))
    return tuple(Consent(*row) for row in rows)


def _suppressions(connection: Connection, customer_id: int) -> tuple[Suppression, ...]:
    s, k = suppressions.c, contacts.c
    rows = connection.execute(
        sa.select(s.channel, s.purpose, s.reason, s.occurred_at, s.known_at)
        .join(contacts, sa.and_(k.channel == s.channel, k.address_key == s.address_key))
        .where(k.customer_id == customer_id)
        .order_by(s.occurred_at, s.id)
    )
    return tuple(Suppression(*row) for row in rows)


def _wishes(connection: Connection, customer_id: int) -> Wishes:
    w, t = wishes.c, topic_refusals.c
    chosen = connection.execute(sa.select(w.language, w.paused_until).where(w.customer_id == customer_id)).one_or_none()
    refused = connection.scalars(sa.select(t.topic).where(t.customer_id == customer_id).order_by(t.topic))
    language, paused_until = chosen or (None, None)
    return Wishes(language, paused_until, tuple(refused))
