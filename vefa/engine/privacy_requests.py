"""What the law lets a customer ask of the shop, as a shop system passes it on: erasure, and a copy of what is held.

A request is written down in the transaction that takes it in. Erasures are carried out afterwards by whoever takes in
the inbox, once all that was received before them is in; a copy, and the erasure of a whole shop, wait for a person.
Until a request is done it holds whom it is about; afterwards only hashes, and what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import Id, Instant, metadata

Kind = Literal["erase", "export", "erase_shop"]

privacy_requests = sa.Table(
    "privacy_requests",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, comment="erase | export | erase_shop"),
    sa.Column("source", sa.Text, nullable=False, comment="who passed it on: shopify, woocommerce, …"),
    sa.Column("subject", sa.JSON, comment="whom it is about, as far as they were named; null once it is done"),
    sa.Column("keys", sa.JSON, comment="HMACs of the same, once it is done"),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("done_at", Instant, comment="null: not yet"),
    sa.Column("outcome", sa.Text, comment="what came of it, without a name"),
    sa.Column("done_by", sa.Text, comment="who did it: vefa, or a person's name"),
    sa.Index(
        "ix_privacy_requests_open",
        "id",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    ),
    comment="what customers may ask for by law, as shop systems pass it on; never removed",
)
p = privacy_requests.c


@dataclass(frozen=True)
class Subject:
    """Whom a request is about, in the shop's own words: number, addresses, numbers of orders."""

    outside_id: str | None = None
    email: str | None = None
    phone: str | None = None
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrivacyRequest:
    """One request. `subject` is None once it is done."""

    id: int
    kind: Kind
    source: str
    subject: Subject | None
    received_at: datetime
    done_at: datetime | None = None
    outcome: str | None = None
    done_by: str | None = None


def note_privacy_request(
    connection: Connection,
    *,
    source: str,
    kind: Kind,
    outside_id: str | None,
    email: str | None,
    phone: str | None,
    orders: Sequence[str],
    now: datetime,
) -> None:
    """Write the request down, in the caller's transaction. The same, while it is open, is one request."""
    named = {"outside_id": outside_id, "email": email, "phone": phone, "orders": sorted(set(orders))}
    same = sa.select(p.subject).where(p.kind == kind, p.source == source, p.done_at.is_(None))
    if any(given == named for given in connection.scalars(same)):
        return
    row = {"kind": kind, "source": source, "subject": named, "received_at": now}
    connection.execute(sa.insert(privacy_requests).values(row))


def open_requests(connection: Connection) -> list[PrivacyRequest]:
    """Those that are not done, the oldest first."""
    query = sa.select(privacy_requests).where(p.done_at.is_(None)).order_by(p.id)
    return [_request(row) for row in connection.execute(query)]


def all_requests(connection: Connection) -> list[PrivacyRequest]:
    """Every one that ever came, the oldest first."""
    return [_request(row) for row in connection.execute(sa.select(privacy_requests).order_by(p.id))]


def close_request(
    connection: Connection, number: int, outcome: str, by: str, now: datetime, keys: Sequence[str] = ()
) -> bool:
    """Note what came of it, and let go of whom it was about; whether it was open."""
    done = {"done_at": now, "outcome": outcome, "done_by": by, "subject": sa.null(), "keys": list(keys)}
    mine = sa.update(privacy_requests).where(p.id == number, p.done_at.is_(None))
    return connection.execute(mine.values(done)).rowcount > 0


def _request(row: Any) -> PrivacyRequest:
    return PrivacyRequest(
        row.id, row.kind, row.source, _subject(row.subject), row.received_at, row.done_at, row.outcome, row.done_by
    )


def _subject(given: Any) -> Subject | None:
    if given is None:
        return None
    return Subject(given["outside_id"], given["email"], given["phone"], tuple(given["orders"]))
