"""What we told a shop system of a consent, and how it is known again when it comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table
from sqlalchemy.engine import Connection

from vefa.crm.tables import consents
from vefa.database import Id, Instant, among, metadata

#: A shop system dates what we told it by our date, or by the moment in which it took it: this long after, at most.
TAKEN_WITHIN = timedelta(minutes=5)
#: Shop systems keep no parts of seconds.
SECOND = timedelta(seconds=1)

consents_passed_on = Table(
    "consents_passed_on",
    metadata,
    Column("consent_id", Id, ForeignKey("consents.id", ondelete="CASCADE"), primary_key=True),
    Column("target", sa.Text, primary_key=True, comment="shopify, or a tool's name"),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("channel", sa.Text, nullable=False),
    Column("granted", sa.Boolean, nullable=False),
    Column("occurred_at", Instant, nullable=False, comment="when the customer said it"),
    Column("passed_on_at", Instant, nullable=False, comment="the last time that it went out"),
    Index("ix_consents_passed_on_customer_id", "customer_id"),
    comment="consents that shop systems were told of: their echo is no new consent",
)
p, c = consents_passed_on.c, consents.c


class Spoken(Protocol):
    """What is needed of a word to know an echo."""

    @property
    def granted(self) -> bool: ...
    @property
    def channel(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def customer_ids(self) -> tuple[int, ...]: ...


Word = TypeVar("Word", bound=Spoken)


def without_echoes(connection: Connection, words: Sequence[Word]) -> list[Word]:
    """The words that are no echo of one that we sent.

    A no is left out only while no yes has come since: better one row too many than a no that is not heard.
    """
    people = {customer for word in words for customer in word.customer_ids}
    sent = _passed_on(connection, people) if people else []
    return [word for word in words if not any(_is_echo(word, one) for one in sent)]


@dataclass(frozen=True)
class _PassedOn:
    """What a shop system was told, and the moments by which it may date that."""

    customer_id: int
    channel: str
    granted: bool
    first: datetime
    last: datetime


def _passed_on(connection: Connection, people: set[int]) -> list[_PassedOn]:
    later = sa.exists().where(
        c.customer_id == p.customer_id,
        c.channel == p.channel,
        c.granted.is_(True),
        c.occurred_at > p.occurred_at,
    )
    counts = sa.or_(p.granted.is_(True), sa.not_(later))
    query = sa.select(consents_passed_on).where(among(p.customer_id, people), counts)
    return [
        _PassedOn(
            customer_id=row.customer_id,
            channel=row.channel,
            granted=row.granted,
            first=row.occurred_at - SECOND,
            last=row.passed_on_at + TAKEN_WITHIN,
        )
        for row in connection.execute(query)
    ]


def _is_echo(word: Spoken, sent: _PassedOn) -> bool:
    same = sent.customer_id in word.customer_ids and word.channel == sent.channel
    return same and word.granted is sent.granted and sent.first <= word.occurred_at <= sent.last
