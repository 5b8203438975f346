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
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.identity import address_key
from vefa.crm.lifting import OPTED_OUT, SOFT_BOUNCE, UNSUBSCRIBED
from vefa.crm.permissions import SAID_BY, Word, record
from vefa.crm.suppressing import (
    COMMERCIAL,
    Address,
    Stop,
    addresses_of,
    lift,
    readers,
    suppress,
)
from vefa.crm.tables import events
from vefa.database import among, inserting, retry_conflicts, writing
from vefa.ledger.settlements import in_doubt, settle_late
from vefa.ledger.tables import sends

s, v = sends.c, events.c

#: Reports taken in together, in one transaction.
BATCH = 500
#: What the events say they come from, and what they are about.
SOURCE, OBJECT = "provider", "send"
#: What stands as the evidence of a report about a message that was not ours.
OTHER_SYSTEM = "a message of another system"


@dataclass(frozen=True)
class Report:
    """What a provider tells of one attempt: `ref` is what went over the wire with it, `<ledger id>.<attempt>`.

    Empty: the message was another system's of the same account. `address` is the one that was written to, where the
    provider names it; else the customer's present one is meant.
    `stop` is the stop that it puts on the address where more was told than its kind alone says.
    """

    ref: str
    kind: str
    occurred_at: datetime
    known_at: datetime
    address: str | None = None
    stop: str | None = None


@dataclass(frozen=True)
class Proof:
    """What a kind of report proves of an attempt, the stop that it puts on the address, or the word that it is."""

    state: str
    rank: int
    stop: str | None = None
    granted: bool | None = None


#: A higher rank outweighs a lower one, in whatever order they come.
PROOFS: Mapping[str, Proof] = {
    "processed": Proof("sent", 1),
    "deferred": Proof("sent", 1),
    "dropped": Proof("failed", 2),
    "undelivered": Proof("failed", 2),
    "blocked": Proof("failed", 2),
    "bounced": Proof("failed", 2, stop="bounced"),
    "delivered": Proof("sent", 3),
    "opened": Proof("sent", 3),
    "clicked": Proof("sent", 3),
    "scanned": Proof("sent", 3),
    "unsubscribed": Proof("sent", 3, granted=False),
    "resubscribed": Proof("sent", 3, granted=True),
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

    @property
    def type(self) -> str:
        return f"{self.medium}.{self.report.kind}"

    @property
    def evidence(self) -> str:
        return f"message {self.report.ref}"

    def event(self) -> dict[str, Any]:
        return {
            "source": SOURCE,
            "type": self.type,
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
        some = reports[start : start + BATCH]
        total += retry_conflicts(partial(_take_in_once, engine, some, now))
    return total


def _take_in_once(engine: Engine, reports: Sequence[Report], now: datetime) -> TakenIn:
    with writing(engine) as connection:
        return take_in_within(connection, reports, now)


def take_in_within(connection: Connection, reports: Sequence[Report], now: datetime) -> TakenIn:
    """The same in the caller's write transaction.

    Its messages are held from before the reports are written until the end: of two transactions that
    take in what was told of one message the later waits, sees what the earlier has written, and
    weighs both.
    """
    ours = _ours(connection, reports)
    foreign = [report for report in reports if report.address and not report.ref]
    # Each once, the earliest; in the order of the key, so that two that take in the same wait and do not dead-lock.
    once = {(one.report.ref, one.report.kind): one for one in sorted(ours, key=_late_first)}
    new, earlier = _write_down(connection, [once[key] for key in sorted(once)])
    _heed(connection, [*new, *earlier], [one for one in ours if PROOFS[one.report.kind].granted is not None])
    _heed_foreign(connection, foreign)
    settled = settle_told(connection, {one.send_id for one in ours}, now)
    return TakenIn(len(new), settled, len(reports) - len(ours))


def settle_told(connection: Connection, send_ids: Collection[int], now: datetime) -> int:
    """Settle those of these messages that are in doubt and of which enough was told. Returns how many.

    Whoever else works on a message at this moment goes before: it is passed over, and looked at in the next tick.
    """
    query = sa.select(s.id, s.customer_id, s.state, s.reason, s.doubts).where(among(s.id, send_ids), in_doubt())
    rows = connection.execute(query.order_by(s.id).with_for_update(skip_locked=True, of=sends)).all()
    told, settled = _told(connection, rows), 0
    for row in rows:
        kind = _outcome(told[row.id], row.doubts)
        if kind and (PROOFS[kind].state != row.state or (row.state == "failed" and row.reason != kind)):
            settled += settle_late(connection, row.id, PROOFS[kind].state, now, kind)
    return settled


def _late_first(one: _Ours) -> float:
    return -one.report.occurred_at.timestamp()


def _ours(connection: Connection, reports: Sequence[Report]) -> list[_Ours]:
    """The reports about attempts that were made, whose messages are held; the rest is about somebody else's."""
    numbers = [read_ref(report.ref) for report in reports]
    ids = {number for number, _ in numbers}
    query = sa.select(s.id, s.customer_id, s.medium, s.attempt).where(among(s.id, ids))
    rows = connection.execute(query.order_by(s.id).with_for_update(key_share=True))
    by_id = {row.id: row for row in rows}
    found = []
    for report, (number, attempt) in zip(reports, numbers, strict=True):
        row = by_id.get(number)
        if row is not None and 1 <= attempt <= row.attempt:
            found.append(_Ours(report, row.id, row.customer_id, row.medium))
    return found


def read_ref(ref: str) -> tuple[int, int]:
    """Ledger id and attempt; (0, 0), which no message has, for what is no ref of ours."""
    number, _, attempt = ref.partition(".")
    ours = all(part.isascii() and part.isdigit() and len(part) < 19 for part in (number, attempt))
    return (int(number), int(attempt)) if ours else (0, 0)


def _write_down(connection: Connection, ours: Sequence[_Ours]) -> tuple[list[_Ours], list[_Ours]]:
    """Make an event of each: those that are new, and those that turn out to have happened earlier than was told."""
    known = _known(connection, ours)
    fresh = [one for one in ours if (one.type, one.report.ref) not in known]
    earlier = [
        one for one in ours if one.report.occurred_at < known.get((one.type, one.report.ref), one.report.occurred_at)
    ]
    if fresh:
        insert = inserting(connection, events).on_conflict_do_nothing().returning(v.type, v.object_key)
        made = {(row.type, row.object_key) for row in connection.execute(insert, [one.event() for one in fresh])}
        # What another process wrote at this very moment is not new.
        earlier += [one for one in fresh if (one.type, one.report.ref) not in made]
        fresh = [one for one in fresh if (one.type, one.report.ref) in made]
    for one in earlier:
        same = sa.and_(v.source == SOURCE, v.type == one.type, v.object_key == one.report.ref, v.occurrence == 0)
        moment = one.report.occurred_at
        connection.execute(sa.update(events).where(same, v.occurred_at > moment).values(occurred_at=moment))
    return fresh, earlier


def _known(connection: Connection, ours: Sequence[_Ours]) -> dict[tuple[str, str], datetime]:
    """When what was told already is said to have happened, by type and ref."""
    query = sa.select(v.type, v.object_key, v.occurred_at).where(
        among(v.customer_id, {one.customer_id for one in ours}),
        v.type.in_(sorted({one.type for one in ours})),
        v.source == SOURCE,
        v.object_kind == OBJECT,
        among(v.object_id, {one.send_id for one in ours}),
    )
    return {(row.type, row.object_key): row.occurred_at for row in connection.execute(query)}


def _heed(connection: Connection, news: Sequence[_Ours], words: Sequence[_Ours]) -> None:
    """Nothing goes any more to addresses that bounced or complained, nothing commercial to whom has unsubscribed.
    What arrived shows that a mailbox takes mail again."""
    stopping = [(one, stop) for one in news if (stop := one.report.stop or PROOFS[one.report.kind].stop)]
    arrived = [one for one in news if one.report.kind == "delivered"]
    if not stopping and not words and not arrived:
        return
    present = addresses_of(connection, {one.customer_id for one in (*news, *words)})

    def place(one: _Ours) -> Address | None:
        key = address_key(one.report.address) if one.report.address else present.get((one.customer_id, one.medium))
        return None if key is None else (one.medium, key)

    placed = [(one, reason, where) for one, reason in stopping if (where := place(one))]
    suppress(connection, [_stop(one.report, one.evidence, reason, where) for one, reason, where in placed])
    refused = [(one, where) for one, reason, where in placed if reason == OPTED_OUT]
    said = [*refused, *((one, where) for one in words if (where := place(one)))]
    record(connection, [_word(one.report, one.evidence, (one.customer_id,), where) for one, where in said])
    _arrive(connection, [(where, one.report.occurred_at) for one in arrived if (where := place(one))])


def _heed_foreign(connection: Connection, reports: Sequence[Report]) -> None:
    """What is told of mail that another system of the same account has sent says the same of its address."""
    places = {report: ("email", address_key(report.address or "")) for report in reports}
    if not places:
        return
    stopping = [(one, stop) for one in reports if (stop := one.stop or PROOFS[one.kind].stop)]
    suppress(connection, [_stop(one, OTHER_SYSTEM, reason, places[one]) for one, reason in stopping])
    words = [one for one in reports if PROOFS[one.kind].granted is not None]
    known = readers(connection, {places[one] for one in words})
    record(connection, [_word(one, OTHER_SYSTEM, known[places[one]], places[one]) for one in words])
    _arrive(connection, [(places[one], one.occurred_at) for one in reports if one.kind == "delivered"])


def _arrive(connection: Connection, arrived: Sequence[tuple[Address, datetime]]) -> None:
    latest: dict[Address, datetime] = {}
    for where, moment in arrived:
        latest[where] = max(moment, latest.get(where, moment))
    lift(connection, "delivered", latest)


def _stop(report: Report, evidence: str, reason: str, where: Address) -> Stop:
    moments = report.occurred_at, report.known_at
    commercial = reason == UNSUBSCRIBED or (reason == SOFT_BOUNCE and report.kind == "blocked")
    return Stop(*where, reason, evidence, *moments, COMMERCIAL if commercial else None)


def _word(report: Report, evidence: str, customers: tuple[int, ...], where: Address) -> Word:
    return Word(
        granted=bool(PROOFS[report.kind].granted),
        channel=where[0],
        signal="provider",
        source=SAID_BY[where[0]],
        occurred_at=report.occurred_at,
        known_at=report.known_at,
        customer_ids=customers,
        address_key=where[1],
        evidence=evidence,
    )


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
