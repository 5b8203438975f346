"""Blow after blow on one shop: orders come in, processes begin, the blow falls, and the next run makes good."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from tests.chaos.blows import Blow
from tests.chaos.databases import Either
from tests.chaos.judge import (
    Evidence,
    Figures,
    after_a_run_made_good,
    after_late_reports,
    at_any_time,
    at_the_end,
    not_too_many,
)
from tests.chaos.nursery import Nursery, Running, nursery_after
from tests.chaos.plan import KILLED, kill_at_a_moment
from tests.chaos.proxy import Proxy
from tests.chaos.shop import JOURNEYS, open_for_business, order_again, people_of
from tests.chaos.worker import Job
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.database import open_database
from vefa.ledger.claims import HOLD, LEASE, LOOK_UP
from vefa.ledger.reports import Report, take_in

#: When the shop opens: a Tuesday, 12:00 in Istanbul. The business time of a round is so much after the one before.
OPENING = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ROUND = timedelta(minutes=3)
#: A round whose processes had ended before they could be killed.
TOO_LATE = "kills that came too late"


@dataclass
class Chaos:
    """One shop on one database, its providers, and everything that befalls it."""

    root: Path
    database: Either
    workers: int
    chance: Random
    engine: sa.Engine
    email: FakeSendGrid
    texts: FakeTwilio
    email_wire: Proxy
    sms_wire: Proxy
    nursery: Nursery
    buyers: int
    now: datetime = OPENING
    span: float = 1.0
    in_doubt: int = 0
    fell: Counter[str] = field(default_factory=Counter)
    doubts_by_blow: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    figures: Figures = field(default_factory=Figures)

    def job(self) -> Job:
        """A process that goes through all journeys, in any order, through both wires."""
        names = self.chance.sample(sorted(JOURNEYS), len(JOURNEYS))
        return Job(
            self.root, self.database.url, self.email_wire.url, self.sms_wire.url, self.now, self.now, tuple(names)
        )

    def suffer(self, name: str, blow: Blow) -> None:
        """One round. A kill that came when the work was done is made up for by another."""
        while not self._round(name, blow) and name in KILLED:
            name, blow = KILLED[0], kill_at_a_moment(self.chance, self.workers)

    def _round(self, name: str, blow: Blow) -> int:
        """Orders, a run, the blow; then, of kills every second time, a run in peace that makes good.

        Returns how many processes were killed.
        """
        self.now += ROUND
        order_again(self.engine, self.chance.sample(people_of(self.engine), self.buyers), self.now)
        jobs = [blow.prepare(self, self.job(), worker) for worker in range(self.workers)]
        blow.before(self)
        running = self.nursery.start(*jobs)
        self.email_wire.kill = self.sms_wire.kill = running.kill
        blow.fall(self, running)
        ended = running.wait()
        fell = self.email_wire.clear() + self.sms_wire.clear()
        blow.after(self)
        assert None not in ended, f"{name}: a process never ended"
        self._note(name, running, ended, fell)
        evidence = self.evidence()
        in_doubt, self.in_doubt = evidence.in_doubt - self.in_doubt, evidence.in_doubt
        self.doubts_by_blow[name] = max(self.doubts_by_blow[name], in_doubt)
        at_any_time(evidence)
        not_too_many(in_doubt, blow.most_in_doubt(self.workers))
        if name not in KILLED or self.chance.random() < 0.5:
            self.make_good()
        return ended.count(-9)

    def make_good(self) -> None:
        """The next run, in peace: whatever the last ones left is done, or waits for a reason."""
        self.run_in_peace()
        evidence = self.evidence()
        after_a_run_made_good(evidence, self.now)
        not_too_many(evidence.in_doubt - self.in_doubt, 0)
        if self.chance.random() < 0.3:
            self._hear(evidence)

    def run_in_peace(self) -> float:
        """One process, nothing in its way, after all leases; how long it took.

        Who was killed may have worked for a minute and more on a slow machine, and renewed its lease until then.
        """
        begun = time.monotonic()
        ended = self.nursery.start(replace(self.job(), wall=self.now + LEASE + timedelta(minutes=5))).wait()
        assert ended == [0], f"a run in peace failed: {self.log()}"
        return time.monotonic() - begun

    def finish(self) -> Figures:
        """A long time passes; then the judge, then the provider's late word, then the judge once more."""
        for later in (LOOK_UP, LOOK_UP, HOLD, HOLD, HOLD):
            self.now += later + ROUND
            self.run_in_peace()
        evidence = self.evidence()
        at_any_time(evidence)
        self.figures = at_the_end(evidence, self.engine, self.now)
        reports = evidence.late_reports(self.now)
        late = [*reports, *self.chance.choices(reports, k=len(reports))] if reports else []
        self.chance.shuffle(late)
        take_in(self.engine, late, self.now)
        self.run_in_peace()
        after_late_reports(self.evidence())
        return replace(self.figures, rounds=Counter(self.fell), doubts_by_blow=dict(self.doubts_by_blow))

    def evidence(self) -> Evidence:
        """The ledger and the providers' logs at this moment."""
        return Evidence.gather(self.engine, self.email, self.texts, self.email_wire.whole)

    def log(self) -> str:
        """What the processes said of themselves, the end of it."""
        path = self.root / "worker.log"
        return path.read_text(encoding="utf-8", errors="replace")[-4000:] if path.exists() else ""

    def _hear(self, evidence: Evidence) -> None:
        """The provider tells of some of what it took, and of some of that twice."""
        refs = self.chance.choices(evidence.taken, k=len(evidence.taken) // 2) if evidence.taken else []
        take_in(self.engine, [Report(ref, "delivered", self.now, self.now) for ref in refs], self.now)

    def _note(self, name: str, running: Running, ended: list[Any], fell: int) -> None:
        self.fell[TOO_LATE if name in KILLED and -9 not in ended else name] += 1
        self.fell["processes killed"] += ended.count(-9)
        self.fell["processes ended by an error"] += ended.count(1)
        self.fell["requests with a fault"] += fell


@contextmanager
def shop_in_chaos(
    root: Path, database: Either, workers: int, chance: Random, people: int, buyers: int
) -> Iterator[Chaos]:
    """The shop after its first run, which nothing befalls and which tells how long a run takes."""
    engine = open_database(database.url)
    with (
        FakeSendGrid(whole=False) as email,
        FakeTwilio() as texts,
        Proxy(email.url) as email_wire,
        Proxy(texts.url) as sms_wire,
    ):
        open_for_business(root, engine, people, OPENING)
        first = Job(root, database.url, email_wire.url, sms_wire.url, OPENING, OPENING, tuple(JOURNEYS))
        with nursery_after(first) as nursery:
            chaos = Chaos(root, database, workers, chance, engine, email, texts, email_wire, sms_wire, nursery, buyers)
            chaos.now += ROUND
            order_again(engine, chance.sample(people_of(engine), buyers), chaos.now)
            chaos.span = chaos.run_in_peace()
            yield chaos
    engine.dispose()
