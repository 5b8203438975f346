"""The only writer of consents: a yes or a no is kept, and stops an address or lets messages go on.

Nothing is ever taken out of the log. A no always adds; what a yes lifts stands in `vefa.crm.lifting`. What we told a
shop system and what comes back from it as an echo is not written again, and lifts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.consent_echoes import without_echoes
from vefa.crm.lifting import DATED, STOPPING, UNSUBSCRIBED, Signal, lifted_by
from vefa.crm.suppressing import COMMERCIAL, Address, Stop, lift_reasons, suppress
from vefa.crm.tables import consents, contacts
from vefa.database import among, inserting

k = contacts.c

Channel = Literal["email", "sms"]
#: Where somebody answered a message, in the words of the İYS.
SAID_BY: Mapping[str, str] = {"email": "HS_EPOSTA", "sms": "HS_MESAJ"}


@dataclass(frozen=True)
class Said:
    """One word of one customer on commercial messages, as a shop system tells it."""

    customer_id: int
    channel: Channel
    granted: bool
    evidence: str
    occurred_at: datetime


@dataclass(frozen=True)
class Word:
    """A yes or a no to messages by one channel, of customers or of whoever reads what is sent to an address.

    `address_key` None: the customers' present addresses are meant. A no to transactional messages is one to all.
    """

    granted: bool
    channel: str
    signal: Signal
    source: str
    occurred_at: datetime
    known_at: datetime
    customer_ids: tuple[int, ...] = ()
    address_key: str | None = None
    evidence: str | None = None
    purpose: str = COMMERCIAL
    text_version: str | None = None


def put_consents(connection: Connection, said: Sequence[Said], source: str, now: datetime) -> None:
    """Take in what a shop system says, each with its own date; one that is still to come is dated now."""
    words = [
        Word(
            granted=each.granted,
            channel=each.channel,
            signal="shop",
            source=source,
            occurred_at=min(each.occurred_at, now),
            known_at=now,
            customer_ids=(each.customer_id,),
            evidence=each.evidence,
        )
        for each in said
    ]
    record(connection, without_echoes(connection, words))


def record(connection: Connection, words: Iterable[Word]) -> int:
    """Keep the words and let them act, in the caller's transaction. Returns how many rows of the log are new.

    The same words in any order, and any number of times, come to the same end: of two of one moment the no counts.
    """
    given = sorted(words, key=lambda word: (word.occurred_at, not word.granted))
    if not given:
        return 0
    places = _places(connection, given)
    new = _keep(connection, given)
    _let_go(connection, given, places)
    _stop(connection, given, places)
    return new


def keep(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Put rows into the log without any effect on addresses: for whoever has weighed them. Returns how many are new."""
    if not rows:
        return 0
    insert = inserting(connection, consents).on_conflict_do_nothing().returning(consents.c.id)
    return len(connection.execute(insert, list(rows)).all())


def _keep(connection: Connection, words: Sequence[Word]) -> int:
    rows = [
        {
            "customer_id": customer,
            "channel": word.channel,
            "purpose": purpose,
            "granted": word.granted,
            "source": word.source,
            "signal": word.signal,
            "evidence": word.evidence,
            "text_version": word.text_version,
            "occurred_at": word.occurred_at,
            "known_at": max(word.known_at, word.occurred_at),
        }
        for word in words
        for customer in word.customer_ids
        for purpose in _purposes(word)
    ]
    return keep(connection, rows)


def _purposes(word: Word) -> tuple[str, ...]:
    """Who refuses what they must know refuses everything."""
    if word.granted or word.purpose == COMMERCIAL:
        return (word.purpose,)
    return (COMMERCIAL, word.purpose)


def _places(connection: Connection, words: Sequence[Word]) -> dict[Word, tuple[Address, ...]]:
    """The addresses that each word is about."""
    people = {customer for word in words if word.address_key is None for customer in word.customer_ids}
    query = sa.select(k.customer_id, k.channel, k.address_key).where(among(k.customer_id, people))
    present = {(row[0], row[1]): row[2] for row in connection.execute(query)} if people else {}
    found: dict[Word, tuple[Address, ...]] = {}
    for word in words:
        keys = {present.get((customer, word.channel)) for customer in word.customer_ids}
        own = {word.address_key} if word.address_key is not None else keys
        found[word] = tuple((word.channel, key) for key in sorted(key for key in own if key))
    return found


def _let_go(connection: Connection, words: Sequence[Word], places: Mapping[Word, tuple[Address, ...]]) -> None:
    """A dated yes lifts what the table says, where that stood before it."""
    latest: dict[tuple[Signal, str | None], dict[Address, datetime]] = defaultdict(dict)
    for word in words:  # in the order of time: the last one stays
        if word.granted and word.signal in DATED and word.purpose == COMMERCIAL:
            latest[word.signal, word.evidence].update(dict.fromkeys(places[word], word.occurred_at))
    for (signal, evidence), moments in latest.items():
        lift_reasons(connection, signal, moments, lifted_by(signal), note=evidence)


def _stop(connection: Connection, words: Sequence[Word], places: Mapping[Word, tuple[Address, ...]]) -> None:
    """A no stops the address, unless whoever reads there agreed again later."""
    said_later = _nobodys_yes(words, places)
    stops = [
        Stop(
            channel=word.channel,
            address_key=key,
            reason=UNSUBSCRIBED,
            evidence=word.evidence or word.source,
            occurred_at=word.occurred_at,
            known_at=word.known_at,
            purpose=COMMERCIAL if word.purpose == COMMERCIAL else None,
        )
        for word in words
        if not word.granted and word.signal in STOPPING
        for _, key in places[word]
        if not word.occurred_at < said_later.get((word.channel, key), word.occurred_at)
    ]
    suppress(connection, stops)


def _nobodys_yes(words: Sequence[Word], places: Mapping[Word, tuple[Address, ...]]) -> dict[Address, datetime]:
    """Of numbers that no customer has nothing stands in the log: a yes among these words counts all the same."""
    return {
        place: word.occurred_at for word in words if word.granted and word.signal in DATED for place in places[word]
    }


def drop_doubled(connection: Connection, number: int) -> None:
    """Take out a row that says what another row of the same customer says already: two records have become one."""
    connection.execute(sa.delete(consents).where(consents.c.id == number))
