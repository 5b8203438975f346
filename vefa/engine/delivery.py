"""Messages from the ledger to the provider: one batch after the other is claimed, several are on their way at once.

Everything that touches the database happens in one thread, one short transaction after the other; only the channels'
calls wait for the network in threads of their own. The caller's thread waits, so that Ctrl-C never falls between a
claim and its request.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from vefa.channels.base import BulkChannel, Channel, Outcome, Outgoing
from vefa.database import reading, writing
from vefa.engine.claiming import Claim, claim
from vefa.engine.letters import Parcel, write
from vefa.engine.post import Post, queued, running
from vefa.engine.reach import still_unwanted
from vefa.engine.reports import StepCounts
from vefa.engine.settling import Answers, settle
from vefa.engine.words import Words
from vefa.ledger import claims, settlements
from vefa.ledger.claims import Batch
from vefa.ledger.settlements import End
from vefa.plan.steps import Medium
from vefa.statements import Prepared

#: Messages claimed and sent together where each is a request of its own: whoever dies between claim and settlement
#: leaves so many in doubt at most. A channel that takes many in one request gets a whole batch.
CLAIM = 100

#: How long a run stands idle when it may not send, before it leaves the rest to the next one.
PATIENCE = timedelta(minutes=1)
#: In so many seconds a clock that goes has gone on.
MOMENT = 0.02

Progress = Callable[[int, int], None]


def deliver(post: Post, progress: Progress | None = None, limit: int | None = None) -> StepCounts:
    """Send what is queued at the step, with several requests in flight; with `limit`, about so many and no more.

    Ctrl-C ends it between batches: what is on its way is waited for and settled.
    """
    with reading(post.shop.database) as connection:
        total = min(queued(connection, post, post.clock()), limit or sys.maxsize)
    if not total:
        return StepCounts(post.step.id)
    post.shop.templates.refresh()
    delivery = _Delivery(post, total, limit, progress)
    with ThreadPoolExecutor(1, thread_name_prefix="vefa-deliver") as conductor:
        work = conductor.submit(delivery.run)
        try:
            return work.result()
        except BaseException:
            delivery.stop.set()
            raise


@dataclass(frozen=True)
class _Flight:
    """A claim on its way."""

    batch: Batch
    claim: Claim
    parcels: tuple[Parcel, ...]
    answers: Answers


@dataclass
class _Delivery:
    """One step's delivery by one worker."""

    post: Post
    total: int
    limit: int | None
    progress: Progress | None
    counts: StepCounts = field(init=False)
    words: Words = field(init=False)
    batch: Batch | None = None
    stop: Event = field(default_factory=Event)
    idle_since: datetime | None = None
    under_way: dict[int, int] = field(default_factory=dict)
    last_looks: dict[Medium, Prepared] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counts = StepCounts(self.post.step.id)
        self.words = Words(self.post)

    def run(self) -> StepCounts:
        """Claim, send and settle until nothing is queued or enough is done."""
        width = _in_flight(self.post)
        flying: dict[Future[list[list[Outcome]]], _Flight] = {}
        with ThreadPoolExecutor(width, thread_name_prefix="vefa-send") as pool:
            try:
                while True:
                    while len(flying) < width and (flight := self._next()) is not None:
                        flying[pool.submit(self._carry, flight.parcels)] = flight
                    if not flying:
                        return self.counts
                    self._land(flying)
            finally:
                self._come_down(flying)

    # --- on the way out

    def _next(self) -> _Flight | None:
        """The next claim, ready to go; None when nothing is left or no more is wanted."""
        while not self._enough() and (batch := self._batch()) is not None:
            before = self.counts.handled
            claimed = claim(self.words, batch, self._portion(), self.counts)
            self._tell(before)
            if claimed is None or (claimed.last and not claimed.attempts):
                self._done_with(batch)
            elif claimed.attempts:
                self.idle_since = None
                if claimed.last:
                    self.batch = None  # closed when it is settled
                return self._write(batch, claimed)
            elif claimed.wait and (self.under_way or not self._waited(claimed.wait)):
                return None
        return None

    def _waited(self, seconds: float) -> bool:
        """Wait for the pace. False where that is no use, and the next run goes on: the clock stands still, or the
        provider wants longer quiet than a run should stand idle."""
        before = self.post.wall()
        self.idle_since = self.idle_since or before
        patient, moment = before - self.idle_since < PATIENCE, min(seconds, MOMENT)
        if not patient or self.stop.wait(moment) or self.post.wall() == before or self.stop.wait(seconds - moment):
            self.stop.set()
            return False
        return True

    def _enough(self) -> bool:
        if self.stop.is_set():
            return True
        return self.limit is not None and self.counts.handled + sum(self.under_way.values()) >= self.limit

    def _batch(self) -> Batch | None:
        """The batch at hand, else a new one."""
        if self.batch is None:
            post = self.post
            with reading(post.shop.database) as connection:
                if not running(connection, post):
                    return None
            database, now, wall = post.shop.database, post.clock(), post.wall()
            self.batch = claims.reserve(database, post.mine, post.place, post.owner, now, wall, claims.BATCH)
        return self.batch

    def _portion(self) -> int:
        """How many are claimed together."""
        # One more than a batch holds, so that a look shows whether it saw the last of it.
        channels = self.post.shop.channels
        many = all(isinstance(channels[medium], BulkChannel) for medium in self.post.step.media)
        return claims.BATCH + 1 if many else min(CLAIM, claims.BATCH + 1)

    def _done_with(self, batch: Batch) -> None:
        """Nothing more of the batch is to be claimed; it is closed when the last of it is settled."""
        self.batch = None
        with writing(self.post.shop.database) as connection:
            settlements.give_back(connection, batch)
            if batch.id not in self.under_way:
                settlements.close(connection, batch, self.post.wall())

    def _write(self, batch: Batch, claimed: Claim) -> _Flight:
        """Fill in the words, and look a last time at who must not be written to (rule 16)."""
        self.under_way[batch.id] = self.under_way.get(batch.id, 0) + len(claimed.attempts)
        written = write(self.words, claimed.seen, claimed.columns, claimed.media, claimed.attempts)
        answers = Answers()
        for send_id, reason in written.faults.items():
            answers.end([send_id], End("failed", reason))
        self.post.before_request()
        parcels = tuple(self._still_wanted(parcel, answers) for parcel in written.parcels)
        return _Flight(batch, claimed, tuple(parcel for parcel in parcels if parcel.ids), answers)

    def _still_wanted(self, parcel: Parcel, answers: Answers) -> Parcel:
        if parcel.medium not in self.last_looks:
            post, purpose, topic = self.post, self.post.step.purpose, self.post.pin.plan.topic
            look = still_unwanted(post.shop.statements, parcel.medium, purpose, topic, post.gate)
            self.last_looks[parcel.medium] = look
        with reading(self.post.shop.database) as connection:
            look = self.last_looks[parcel.medium]
            late = dict(look.rows(connection, self._moment(), ids=parcel.ids))
        for send_id, why in late.items():
            answers.end([send_id], End("skipped", why))
        return parcel.only([n for n, i in enumerate(parcel.ids) if i not in late]) if late else parcel

    def _moment(self) -> datetime:
        return self.post.clock()

    def _carry(self, parcels: tuple[Parcel, ...]) -> list[list[Outcome]]:
        """Call the channels; in a thread of its own."""
        return [_sent(self.post.shop.channels[parcel.medium], parcel) for parcel in parcels]

    # --- on the way back

    def _land(self, flying: dict[Future[list[list[Outcome]]], _Flight]) -> None:
        """Settle whatever has come back."""
        for future in wait(flying, return_when=FIRST_COMPLETED).done:
            outcomes = future.result()
            self._settle(flying.pop(future), outcomes)

    def _settle(self, flight: _Flight, outcomes: list[list[Outcome]]) -> None:
        post, before = self.post, self.counts.handled
        for parcel, theirs in zip(flight.parcels, outcomes, strict=True):
            flight.answers.hear(post.shop.channels[parcel.medium], parcel.ids, theirs)
        left = self.under_way[flight.batch.id] - len(flight.claim.attempts)
        done = not left and (self.batch is None or self.batch.id != flight.batch.id)
        self.counts.add(settle(post, flight.batch, flight.claim, flight.parcels, flight.answers, done=done))
        if left:
            self.under_way[flight.batch.id] = left
        else:
            del self.under_way[flight.batch.id]
        self._tell(before)

    def _tell(self, before: int) -> None:
        if self.progress and self.counts.handled != before:
            self.progress(self.counts.handled, self.total)

    def _come_down(self, flying: dict[Future[list[list[Outcome]]], _Flight]) -> None:
        """At the end, or after an error: wait for what is on its way, settle what has an answer, return the rest."""
        for future in list(flying):
            flight = flying.pop(future)
            if future.exception() is None:
                self._settle(flight, future.result())
        if self.batch is not None:
            self._done_with(self.batch)


def _in_flight(post: Post) -> int:
    local = all(channel.name == "outbox" for channel in post.shop.channels.values())
    return 1 if local else post.shop.settings.sends_in_flight


def _sent(channel: Channel, parcel: Parcel) -> list[Outcome]:
    if parcel.bulk is None:
        return _in_parts(channel, parcel.messages)
    if isinstance(channel, BulkChannel):
        return list(channel.deliver_bulk(parcel.bulk))
    return _in_parts(channel, [parcel.bulk.email(n) for n in range(len(parcel.bulk))])


def _in_parts(channel: Channel, messages: Sequence[Outgoing]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for start in range(0, len(messages), channel.batch_size):
        outcomes += channel.deliver(messages[start : start + channel.batch_size])
    return outcomes
