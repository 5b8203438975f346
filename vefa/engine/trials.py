"""Tests on messages: who gets which variant now, who waits for the decision, and what it is.

A *run* is one test: each time of a recurring journey is one of its own; in all other journeys people come one by
one, and the run is what is tested, until that changes. A part of the customers, drawn by a stable hash, gets the
variants. The others wait at the step. The test is decided `decide` after it began: with the first sending of a wave,
elsewhere as soon as every variant is out. The decision is written down once and never made again; who comes later gets
its variant at once.

Nobody waits longer than `decide` and a day: whom no decision has reached by then (nothing could be sent, or too few
come this way) gets the first variant, and the test goes on without them.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.identity import PRIME, chance
from vefa.crm.scope import learned_by
from vefa.crm.tables import customers, events
from vefa.database import Instant, among, inserting, other, reading, to_micros, writing
from vefa.engine.plans import Pinned, elapsed
from vefa.engine.tables import enrolments
from vefa.engine.trial_tables import test_decisions
from vefa.ledger.claims import BATCH
from vefa.ledger.tables import sends
from vefa.plan.steps import Message, Trial
from vefa.plan.ways_in import EveryTrigger

if TYPE_CHECKING:
    from vefa.engine.stands import Stand

e, s, d = enrolments.c, sends.c, test_decisions.c

#: How much longer than `decide` somebody waits for a decision at most.
GRACE = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
#: Among the parts: those who have waited for as long as anybody may.
LATE = ""


@dataclass(frozen=True)
class Turn:
    """Some who are queued together: their enrolments, and where the step has a test, their variant.

    `trial`: they are part of that test. `waited`: for the decision, which makes nothing late.
    """

    ids: Sequence[int]
    variant: str | None = None
    trial: int | None = None
    waited: bool = False


@dataclass(frozen=True)
class Tally:
    """What a variant has come to: so many went out, so many of these did what counts."""

    sent: int = 0
    reacted: int = 0

    @property
    def rate(self) -> Fraction:
        return Fraction(self.reacted, self.sent) if self.sent else Fraction(0)


@dataclass(frozen=True)
class Progress:
    """How far a test is: whether messages of it may still go, and when each variant first went."""

    open: bool
    first: Mapping[str, datetime]


@dataclass(frozen=True)
class Run:
    """One test of a step. `number` stands for the step in the ledger, `key` for the run."""

    journey_id: int
    number: int
    key: int
    test: Trial
    is_wave: bool

    @property
    def tried(self) -> Any:
        """Over `sends`: the messages on which it is tried."""
        mine = sa.and_(s.journey_id == self.journey_id, s.step == self.number)
        return sa.and_(mine, s.trial == self.key, s.trial.is_not(None))

    @property
    def decide(self) -> timedelta:
        return elapsed(self.test.decide)

    def progress(self, connection: Connection, now: datetime) -> Progress:
        """How far it is, as of now."""
        waiting = sa.select(sa.exists().where(self.tried, s.state.in_(("queued", "reserved", "claimed"))))
        gone = sa.select(s.variant, sa.type_coerce(sa.func.min(s.claimed_at), Instant()))
        gone = gone.where(self.tried, s.state.in_(("sent", "unknown")), s.claimed_at <= now)
        first = dict(connection.execute(gone.group_by(s.variant)).tuples().all())
        return Progress(bool(connection.scalar(waiting)), first)

    def moment(self, progress: Progress) -> datetime | None:
        """When it is decided; None as long as nobody can say."""
        names = [variant.name for variant in self.test.variants]
        first = [progress.first[name] for name in names if name in progress.first]
        if not first or (not self.is_wave and len(first) < len(names)):
            return None
        return (min(first) if self.is_wave else max(first)) + self.decide

    def decided(self, connection: Connection) -> str | None:
        """The variant that it was decided for."""
        mine = sa.and_(d.journey_id == self.journey_id, d.step == self.number, d.trial == self.key)
        return connection.scalar(sa.select(d.chosen).where(mine))

    def decision(self, connection: Connection, plan_id: int, now: datetime) -> str:
        """What did best as of now, written down once; of two who decide at once, the first has the last word."""
        told = self.tallies(connection, now)
        counts = {variant.name: told.get(variant.name, Tally()) for variant in self.test.variants}
        best = max(counts, key=lambda name: counts[name].rate)  # of equals the first
        row: dict[str, Any] = {
            "journey_id": self.journey_id,
            "plan_id": plan_id,
            "step": self.number,
            "trial": self.key,
        }
        row |= {"by": self.test.by, "chosen": best, "decided_at": now}
        row["counts"] = {name: [tally.sent, tally.reacted] for name, tally in counts.items()}
        connection.execute(inserting(connection, test_decisions).values(row).on_conflict_do_nothing())
        return self.decided(connection) or best

    def tallies(self, connection: Connection, now: datetime) -> dict[str, Tally]:
        """Of each variant what went out, and how many of these people did what counts, as of now.

        A program that opens or follows links is no person (`vefa.ledger.reactions`), and nobody clicks in an SMS.
        """
        gone = [self.tried, s.state == "sent", s.claimed_at <= now]
        if self.test.by != "goal":
            gone.append(s.medium == "email")
        did = sa.func.sum(sa.case((reacted(self.test.by, now), 1), else_=0))
        rows = connection.execute(sa.select(s.variant, sa.func.count(), did).where(*gone).group_by(s.variant))
        return {variant: Tally(sent, int(some or 0)) for variant, sent, some in rows}


def turns(stand: Stand, step: Message, arrived: Any) -> Iterator[Turn]:
    """Everybody of `arrived` who is to get a variant now, in batches of one variant; the rest is put off."""
    test, number = step.test, stand.pin.number(step.id)
    if test is None or number is None:
        return
    for key in _keys(stand, test, arrived):
        run = Run(stand.pin.journey_id, number, key, test, _is_wave(stand.pin))
        here = sa.and_(arrived, e.entry_key == key) if run.is_wave else arrived
        chosen = _chosen(stand, run, here)
        if chosen is not None:
            yield from (Turn(ids, chosen, waited=True) for ids in stand.batches(here, BATCH))
            continue
        parts = _drawn(stand, step, run, here)
        late = parts.pop(LATE, array("q"))
        _put_off(stand, run, parts.pop(None, array("q")))
        for name, ids in parts.items():
            yield from (Turn(some, name or "", key) for some in _batches(ids))
        yield from (Turn(some, test.variants[0].name, waited=True) for some in _batches(late))


def _batches(ids: array[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH].tolist()


def _is_wave(pin: Pinned) -> bool:
    return isinstance(pin.plan.trigger, EveryTrigger)


def key_of(test: Trial) -> int:
    """The run of a test in a journey that people enter one by one: what is tested, as a number."""
    said = [[variant.name, sorted(variant.subject.items()), variant.template] for variant in test.variants]
    digest = blake2b(json.dumps([said, test.by]).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def _keys(stand: Stand, test: Trial, arrived: Any) -> list[int]:
    """The runs of everybody who has arrived; each time of a recurring journey is one of its own."""
    if not _is_wave(stand.pin):
        return [key_of(test)]
    with reading(stand.engine) as connection:
        return list(connection.scalars(sa.select(e.entry_key).where(arrived).distinct().order_by(e.entry_key)))


def _drawn(stand: Stand, step: Message, run: Run, here: Any) -> dict[str | None, array[int]]:
    """Enrolments by their variant; those on whom it is not tried under None, and of these who waits no longer under
    LATE. Read in one go and kept as plain machine words."""
    test = run.test
    a, b = chance("test", stand.pin.plan.journey, step.id, str(run.key))
    parts_of = 10_000 * len(test.variants)
    ends = [(v.name, PRIME * test.share * n // parts_of) for n, v in enumerate(test.variants, 1)]
    latest = stand.now - run.decide - GRACE
    parts: dict[str | None, array[int]] = defaultdict(lambda: array("q"))
    query = sa.select(e.id, e.arrived_at, customers.c.bucket)
    query = query.join_from(enrolments, customers, customers.c.id == e.customer_id).where(here)
    with reading(stand.engine) as connection:
        for number, arrived_at, bucket in connection.execute(query.order_by(e.due_at, e.id)):
            drawn = (bucket * a + b) % PRIME
            name = next((name for name, end in ends if drawn < end), None)
            parts[LATE if name is None and arrived_at <= latest else name].append(number)
    return dict(parts)


def _put_off(stand: Stand, run: Run, ids: array[int]) -> None:
    """Until the decision, where its moment is known; else until the first at which it can be, to look again."""
    if not ids:
        return
    with reading(stand.engine) as connection:
        moment = run.moment(run.progress(connection, stand.now))
    until = sa.literal(moment or stand.now + run.decide, Instant())
    most = sa.type_coerce(e.arrived_at, sa.BigInteger) + (run.decide + GRACE) // MICROSECOND
    at_most = sa.type_coerce(most, Instant())
    due = sa.case((at_most < until, at_most), else_=until)
    for some in _batches(ids):
        with writing(stand.engine) as connection:
            held = sa.update(enrolments).where(among(e.id, some, stand.here, e.phase == 0))
            connection.execute(held.values(due_at=due))


def _chosen(stand: Stand, run: Run, here: Any) -> str | None:
    """The variant that it is decided for, now if it is time; None while the test runs."""
    with reading(stand.engine) as connection:
        chosen = run.decided(connection)
        if chosen is None and not _is_time(connection, stand.now, run, here):
            return None
    if chosen is None:
        with writing(stand.engine) as connection:
            chosen = run.decision(connection, stand.pin.id, stand.now)
    return chosen if run.test.variant(chosen) else run.test.variants[0].name


def _is_time(connection: Connection, now: datetime, run: Run, here: Any) -> bool:
    progress = run.progress(connection, now)
    moment = run.moment(progress)
    if moment is not None or progress.open or not run.is_wave:
        return moment is not None and moment <= now
    # Nothing of the wave has gone, and nothing will: those who were put off for it need not wait any longer.
    put_off = sa.and_(here, e.due_at > e.arrived_at)
    since = connection.scalar(sa.select(sa.func.min(sa.type_coerce(e.arrived_at, sa.BigInteger))).where(put_off))
    return since is not None and since <= to_micros(now - run.decide)


def reacted(by: str, now: datetime) -> sa.ColumnElement[bool]:
    """Over `sends`: whether the one who got it did what counts."""
    if by == "goal":
        o = other(enrolments)
        return sa.exists().where(o.c.id == s.enrolment_id, o.c.goal_at <= now).correlate_except(o)
    v = other(events)
    asked = (v.c.customer_id == s.customer_id, v.c.type == f"email.{by}", v.c.object_id == s.id)
    return sa.exists().where(*asked, learned_by(v.c, now)).correlate_except(v)
