"""What ends messages to an address, and what lets them go on: bounces, complaints, and people's own words.

What stands at the end depends on what was said and when, never on the order in which it came or how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import consents, contacts, suppressions
from vefa.database import among, inserting

x, k, c = suppressions.c, consents.c, contacts.c

#: Where somebody said it, in the words of the İYS.
SAID_BY: Mapping[str, str] = {"email": "HS_EPOSTA", "sms": "HS_MESAJ"}
UNSUBSCRIBED, COMMERCIAL = "unsubscribed", "commercial"


@dataclass(frozen=True)
class Stop:
    """Nothing of a purpose (None: nothing at all) goes to an address any more. `evidence` tells stops apart."""

    channel: str
    address_key: str
    reason: str
    evidence: str
    occurred_at: datetime
    known_at: datetime
    purpose: str | None = None


@dataclass(frozen=True)
class Word:
    """A yes or a no to commercial messages by one channel, by whoever reads what is sent to an address."""

    granted: bool
    channel: str
    address_key: str
    customer_ids: tuple[int, ...]
    evidence: str
    occurred_at: datetime
    known_at: datetime


def suppress(connection: Connection, stops: Iterable[Stop]) -> None:
    """Write the stops down; one that stands already is not written again, but may turn out to be earlier."""
    for stop in stops:
        same = sa.and_(
            x.channel == stop.channel,
            x.address_key == stop.address_key,
            x.reason == stop.reason,
            x.evidence == stop.evidence,
        )
        found = connection.execute(sa.select(x.id, x.occurred_at).where(same)).first()
        if found is None:
            connection.execute(sa.insert(suppressions).values(vars(stop)))
        elif stop.occurred_at < found.occurred_at:
            connection.execute(sa.update(suppressions).where(x.id == found.id).values(occurred_at=stop.occurred_at))


def listen(connection: Connection, words: Sequence[Word]) -> None:
    """Keep what was said, and stop the address or let it go on: the latest word counts, and of two at once the no."""
    for word in sorted(words, key=lambda word: (word.occurred_at, not word.granted)):
        _remember(connection, word)
        if word.granted:
            ours = sa.and_(x.channel == word.channel, x.address_key == word.address_key, x.reason == UNSUBSCRIBED)
            connection.execute(sa.delete(suppressions).where(ours, x.occurred_at < word.occurred_at))
        elif not _granted_since(connection, word):
            stop = Stop(
                word.channel,
                word.address_key,
                UNSUBSCRIBED,
                word.evidence,
                word.occurred_at,
                word.known_at,
                COMMERCIAL,
            )
            suppress(connection, [stop])


def owners(connection: Connection, channel: str, address_key: str) -> tuple[int, ...]:
    """The customers who are reached there."""
    query = sa.select(c.customer_id).where(c.channel == channel, c.address_key == address_key)
    return tuple(connection.scalars(query.order_by(c.customer_id)))


def address_keys(connection: Connection, customer_ids: Iterable[int]) -> dict[tuple[int, str], str]:
    """Where customers are reached now, by (customer, channel)."""
    query = sa.select(c.customer_id, c.channel, c.address_key).where(among(c.customer_id, set(customer_ids)))
    return {(row.customer_id, row.channel): row.address_key for row in connection.execute(query)}


def _remember(connection: Connection, word: Word) -> None:
    rows: list[dict[str, Any]] = [
        {
            "customer_id": customer,
            "channel": word.channel,
            "purpose": COMMERCIAL,
            "granted": word.granted,
            "source": SAID_BY[word.channel],
            "evidence": word.evidence,
            "occurred_at": word.occurred_at,
            "known_at": word.known_at,
        }
        for customer in word.customer_ids
    ]
    if rows:
        connection.execute(inserting(connection, consents).on_conflict_do_nothing(), rows)


def _granted_since(connection: Connection, word: Word) -> bool:
    query = sa.select(
        sa.exists().where(
            among(k.customer_id, word.customer_ids),
            k.channel == word.channel,
            k.purpose == COMMERCIAL,
            k.granted.is_(True),
            k.occurred_at > word.occurred_at,
        )
    )
    return bool(connection.scalar(query))
