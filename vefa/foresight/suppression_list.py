"""Stops on addresses for people: which there are, why each stands and until when, what lifts it, and what was lifted.

Only an operator's terminal sees addresses; where nobody of the shop's has an address, only its key is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.identity import address_key
from vefa.crm.importers.addresses import ascii_email, e164
from vefa.crm.lifting import Signal, lifts
from vefa.crm.suppressing import Address, stands
from vefa.crm.suppression_history import suppression_history
from vefa.crm.tables import contacts, customers, suppressions
from vefa.errors import UserError

x, k, h = suppressions.c, contacts.c, suppression_history.c

#: What lifts a stop, in words for people; a signal that is not here lifts none that people ask about.
LIFTED_BY: dict[Signal, str] = {
    "page": "their own yes on the preference page",
    "reply": "START, written back by SMS",
    "provider": "a yes that the provider reports",
    "shop": "a later yes at the shop, with its own date",
    "register": "a later yes in İYS",
    "import": "a later yes in an import, with its own date",
    "staff": "a yes that staff write down: vefa consent",
    "delivered": "a message that is delivered",
    "order": "a new order of theirs",
    "time": "time",
    "hand": "vefa suppressions lift",
}


@dataclass(frozen=True)
class Suppression:
    """One stop. `customers` are the shop's numbers of those who are reached there; `until` None: until it is lifted."""

    id: int
    channel: str
    address: str | None
    address_key: str
    customers: tuple[str, ...]
    reason: str
    purpose: str | None
    evidence: str | None
    since: datetime
    until: datetime | None

    @property
    def lifted_by(self) -> tuple[str, ...]:
        """What takes it away, in words."""
        return tuple(says for signal, says in LIFTED_BY.items() if lifts(signal, self.reason))


@dataclass(frozen=True)
class PastSuppression:
    """What was done by hand, or a stop that was taken away."""

    what: str
    reason: str
    since: datetime
    at: datetime
    signal: str
    author: str | None
    note: str | None


def list_suppressions(
    connection: Connection,
    now: datetime,
    *,
    reason: str | None = None,
    channel: str | None = None,
    places: Sequence[Address] | None = None,
    most: int | None = None,
) -> list[Suppression]:
    """The stops that stand at `now`, the newest first. `places` names addresses; `most` says how many at most."""
    query = sa.select(suppressions).where(stands(suppressions, now)).order_by(x.occurred_at.desc(), x.id.desc())
    if reason is not None:
        query = query.where(x.reason == reason)
    if channel is not None:
        query = query.where(x.channel == channel)
    if places is not None:
        query = query.where(sa.tuple_(x.channel, x.address_key).in_(list(places)))
    rows = connection.execute(query.limit(most) if most is not None else query).all()
    owners = _owners(connection, {row.address_key for row in rows})
    return [_suppression(row, owners) for row in rows]


def count_suppressions(connection: Connection, now: datetime) -> dict[str, int]:
    """How many addresses stand at `now` for each reason."""
    query = sa.select(x.reason, sa.func.count(sa.distinct(x.address_key))).where(stands(suppressions, now))
    return dict(connection.execute(query.group_by(x.reason).order_by(x.reason)).tuples().all())


def past_suppressions(connection: Connection, places: Sequence[Address]) -> list[PastSuppression]:
    """What was lifted from these addresses or put on them by hand, the oldest first."""
    query = sa.select(suppression_history).where(sa.tuple_(h.channel, h.address_key).in_(list(places)))
    return [
        PastSuppression(row.what, row.reason, row.stopped_at, row.at, row.signal, row.author, row.note)
        for row in connection.execute(query.order_by(h.at, h.id))
    ]


def find_places(connection: Connection, who: str, country: str) -> list[Address]:
    """The addresses that are meant: an e-mail address, a phone number, or all of a customer by the shop's number.

    A number without a prefix is read as of `country`. Raises UserError where it is none of them.
    """
    if "@" in who and (email := ascii_email(who)):
        return [("email", address_key(email))]
    theirs = sa.select(k.channel, k.address_key).join_from(contacts, customers).where(customers.c.outside_id == who)
    if found := [(row.channel, row.address_key) for row in connection.execute(theirs.order_by(k.channel))]:
        return found
    if number := e164(who, country):
        return [("sms", address_key(number))]
    raise UserError("That is no e-mail address, no phone number, and no customer who has one.")


def _owners(connection: Connection, keys: set[str]) -> dict[Address, list[tuple[str, str]]]:
    query = sa.select(k.channel, k.address_key, k.address, customers.c.outside_id).join_from(contacts, customers)
    query = query.where(k.address_key.in_(sorted(keys))).order_by(customers.c.id)
    found: dict[Address, list[tuple[str, str]]] = {}
    for channel, key, address, outside_id in connection.execute(query):
        found.setdefault((channel, key), []).append((address, outside_id))
    return found


def _suppression(row: sa.Row[tuple[object, ...]], owners: dict[Address, list[tuple[str, str]]]) -> Suppression:
    mine = owners.get((row.channel, row.address_key), [])
    return Suppression(
        row.id,
        row.channel,
        mine[0][0] if mine else None,
        row.address_key,
        tuple(outside_id for _, outside_id in mine),
        row.reason,
        row.purpose,
        row.evidence,
        row.occurred_at,
        row.until,
    )
