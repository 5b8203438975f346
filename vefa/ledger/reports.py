"""What providers tell afterwards: an e-mail was delivered, bounced, dropped (rules 13, 14).

A report is written down once, as an event about the message. What it proves settles a message in doubt; a message in
a living worker's hands is left alone, and its reports are looked at again once it is in doubt. The end depends on
which reports came, never on their order or number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, events, suppressions
from vefa.database import among, writing
from vefa.ledger.settlements import in_doubt, settle_late
from vefa.ledger.tables import sends

s, v = sends.c, events.c

#: Reports taken in together, in one transaction.
BATCH = 500
#: What the events say they come from, and what they are about.
SOURCE, OBJECT = "provider", "send"


@dataclass(frozen=True)
class Report:
    """What a provider tells of one attempt: `ref` is what went over the wire with it, `<ledger id>.<attempt>`.

    `address` is the one that was written to, where the provider names it; else the customer's present one is meant.
    """

    ref: str
    kind: str
    occurred_at: datetime
    known_at: datetime
    address: str | None = None


@dataclass(frozen=True)
class Proof:
    """What a kind of report proves of an attempt, and the stop that it puts on the address."""

    state: str
    rank: int
    stop: str | None = None
    purpose: str | None = None


#: A higher rank outweighs a lower one, in whatever order they come.
PROOFS: Mapping[str, Proof] = {
    "processed": Proof("sent", 1),
    "deferred": Proof("sent", 1),
    "dropped": Proof("failed", 2),
    "blocked": Proof("failed", 2),
    "bounced": Proof("failed", 2, stop="bounced"),
    "delivered": Proof("sent", 3),
    "unsubscribed": Proof("sent", 3, stop="unsubscribed", purpose="commercial"),
    "complained": Proof("sent", 3, stop="complained"),
}
_TYPES = [f"{medium}.{kind}" for medium in ("email", "sms") for kind in PROOFS]


@dataclass(frozen=True)
class TakenIn:
    """What became of reports: new ones, messages that they settled, and those about nothing of ours."""

    new: int = 0
    settled: int = 0
    foreign: int = 0

    def __add__(self, other: TakenIn) -> TakenIn:
        return TakenIn(self.new + other.new, self.settled + other.settled, self.foreign + other.foreign)


@dataclass(frozen=True)
class _Ours:
    """A report about a message of ours, with what its ledger row says."""

    report: Report
    send_id: int
    customer_id: int
    medium: str

    def event(self) -> dict[str, Any]:
        return {
            "source": SOURCE,
            "type": f"{self.medium}.{self.report.kind}",
            "object_kind": OBJECT,
            "object_key": self.report.ref,
            "object_id": self.send_id,
            "occurrence": 0,
            "customer_id": self.customer_id,
            "occurred_at": self.report.occurred_at,
            "known_at": self.report.known_at,
        }


def take_in(engine: Engine, reports: Sequence[Report], now: datetime) -> TakenIn:
    """Write the reports down and settle what they prove. Repeating it, wholly or in part, changes nothing."""
    total = TakenIn()
    for start in range(0, len(reports), BATCH):
        with writing(engine) as connection:
            total += _take_in(connection, reports[start : start + BATCH], now)
    return total


def settle_told(connection: Connection, send_ids: Collection[int], now: datetime) -> int:
    """Settle those of these messages that are in doubt and of which enough was told. Returns how many.

    Whoever else works on a message at this moment goes before: it is passed over, and looked at in the next tick.
    """
    query = sa.select(s.id, s.customer_id, s.state, s.doubts).where(among(s.id, send_ids), in_doubt())
    rows = connection.execute(query.order_by(s.id).with_for_update(skip_locked=True, of=sends)).all()
    told, settled = _told(connection, rows), 0
    for row in rows:
        kind = _outcome(told[row.id], row.doubts)
        if kind and PROOFS[kind].state != row.state:
            settled += settle_late(connection, row.id, PROOFS[kind].state, now, kind)
    return settled


def _take_in(connection: Connection, reports: Sequence[Report], now: datetime) -> TakenIn:
    ours = _ours(connection, reports)
    # Each once, the earliest; in the order of the key, so that two that take in the same wait and do not dead-lock.
    once = {(one.report.ref, one.report.kind): one for one in sorted(ours, key=_late_first)}
    new = _write_down(connection, [once[key] for key in sorted(once)])
    _stop(connection, new)
    settled = settle_told(connection, {one.send_id for one in ours}, now)
    return TakenIn(len(new), settled, len(reports) - len(ours))


def _late_first(one: _Ours) -> float:
    return -one.report.occurred_at.timestamp()


def _ours(connection: Connection, reports: Sequence[Report]) -> list[_Ours]:
    """The reports about attempts that were made; the rest is about somebody else's messages."""
    numbers = [_numbers(report.ref) for report in reports]
    ids = {number for number, _ in numbers}
    rows = connection.execute(sa.select(s.id, s.customer_id, s.medium, s.attempt).where(among(s.id, ids)))
    by_id = {row.id: row for row in rows}
    found = []
    for report, (number, attempt) in zip(reports, numbers, strict=True):
        row = by_id.get(number)
        if row is not None and 1 <= attempt <= row.attempt:
            found.append(_Ours(report, row.id, row.customer_id, row.medium))
    return found


def _numbers(ref: str) -> tuple[int, int]:
    """Ledger id and attempt; (0, 0), which no message has, for what is no ref of ours."""
    number, _, attempt = ref.partition(".")
    ours = all(part.isascii() and part.isdigit() and len(part) < 19 for part in (number, attempt))
    return (int(number), int(attempt)) if ours else (0, 0)


def _write_down(connection: Connection, ours: Sequence[_Ours]) -> list[_Ours]:
    """Make an event of each; the ones that are new."""
    if not ours:
        return []
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(events).on_conflict_do_nothing().returning(v.type, v.object_key)
    new = {(row.type, row.object_key) for row in connection.execute(insert, [one.event() for one in ours])}
    return [one for one in ours if (f"{one.medium}.{one.report.kind}", one.report.ref) in new]


def _stop(connection: Connection, new: Sequence[_Ours]) -> None:
    """Nothing goes any more to addresses that bounced or complained, nothing commercial to whom has unsubscribed."""
    stopping = [one for one in new if PROOFS[one.report.kind].stop]
    if not stopping:
        return
    c = contacts.c
    query = sa.select(c.customer_id, c.channel, c.address_key)
    query = query.where(among(c.customer_id, {one.customer_id for one in stopping}))
    present = {(row.customer_id, row.channel): row.address_key for row in connection.execute(query)}
    rows = []
    for one in stopping:
        report, proof = one.report, PROOFS[one.report.kind]
        key = address_key(report.address) if report.address else present.get((one.customer_id, one.medium))
        if key is not None:
            row = {"channel": one.medium, "address_key": key, "purpose": proof.purpose, "reason": proof.stop}
            moments = {"occurred_at": report.occurred_at, "known_at": report.known_at}
            rows.append(row | moments | {"evidence": f"message {report.ref}"})
    if rows:
        connection.execute(sa.insert(suppressions), rows)


def _told(connection: Connection, rows: Sequence[Any]) -> dict[int, set[tuple[str, str]]]:
    """By message: (ref, kind) of everything that was reported."""
    query = sa.select(v.object_id, v.object_key, v.type).where(
        among(v.customer_id, {row.customer_id for row in rows}),
        v.type.in_(_TYPES),
        v.object_kind == OBJECT,
        among(v.object_id, {row.id for row in rows}),
    )
    told: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for send_id, ref, kind in connection.execute(query):
        told[send_id].add((ref, kind.partition(".")[2]))
    return told


def _outcome(told: set[tuple[str, str]], doubts: int) -> str | None:
    """The weightiest report, if it settles the message. It failed only if each attempt in doubt is known to have."""
    if not told:
        return None
    kind = max((kind for _, kind in told), key=lambda kind: (PROOFS[kind].rank, kind))
    if PROOFS[kind].state == "sent":
        return kind
    failed = {ref for ref, kind in told if PROOFS[kind].state == "failed"}
    taken = {ref for ref, kind in told if PROOFS[kind].state == "sent"} - failed
    if taken:
        return next(kind for ref, kind in sorted(told) if ref in taken)
    return kind if len(failed) >= doubts else None
