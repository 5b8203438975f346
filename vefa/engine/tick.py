"""One walk of one journey: recover, enter, leave, move everybody due step by step, report.

`Tick` offers the walk in parts, so that an orchestrator can show each; `walks.run_tick` is the whole. A
repeated completed tick changes nothing; one cut off anywhere is made good by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from vefa.clock import Clock, system_clock
from vefa.consent.wave import Wave, ask
from vefa.crm.scope import Source, World
from vefa.database import EPOCH, reading, writing
from vefa.engine import triggers
from vefa.engine.asides import Asides
from vefa.engine.assumed_deliveries import assume_deliveries
from vefa.engine.bonus import bring_points
from vefa.engine.checkout import push_codes
from vefa.engine.delivery import Progress, deliver
from vefa.engine.doubts import hear_again, hold_doubtful
from vefa.engine.entries import Doorway, EntryCounts
from vefa.engine.errands import run_errands
from vefa.engine.exits import mark_goals, run_exits
from vefa.engine.giving import take_back
from vefa.engine.lease import acquire, give_up, renew
from vefa.engine.merging import unite_all
from vefa.engine.occupancy import is_occupied, rows_due
from vefa.engine.plans import JourneyRow, Pinned, plans_in_use, plans_measured
from vefa.engine.post import Post, queued
from vefa.engine.reports import StepCounts, TickReport
from vefa.engine.scopes import make_world, source_of
from vefa.engine.shares import done_by_others, runs_for
from vefa.engine.shop import Shop
from vefa.engine.shortages import look_over, tell_owners_of_pools
from vefa.engine.stands import Stand, stand_at
from vefa.engine.steps import advance
from vefa.engine.tables import enrolments
from vefa.ledger.claims import Former, leased, recover
from vefa.plan.plans import Plan
from vefa.plan.steps import Coupon, Enter, Medium, Message, Stop
from vefa.plan.ways_in import EventTrigger
from vefa.rewards.redemptions import find_redemptions

e = enrolments.c
RENEW_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class StepRef:
    """A step of a plan in use, for whoever drives the walk."""

    plan_hash: str
    key: str
    id: str
    kind: str
    sends: bool


@dataclass
class Tick:
    """One walk under the journey's lease. Begin it with `begin`; end it with `finish`, or `abandon` after an error."""

    shop: Shop
    row: JourneyRow
    pins: tuple[Pinned, ...]
    now: datetime
    clock: Clock
    wall: Clock
    owner: str
    world: World
    facts: Source
    entries: EntryCounts = field(default_factory=EntryCounts)
    counts: dict[tuple[str, str], StepCounts] = field(default_factory=dict)
    before_request: Callable[[], None] | None = None
    since: datetime | None = None
    _begun_at: datetime = EPOCH
    _active_before: int = 0
    _renewed_at: datetime | None = None

    @classmethod
    def begin(
        cls,
        shop: Shop,
        journey: str,
        *,
        clock: Clock,
        owner: str,
        wall: Clock = system_clock,
        since: datetime | None = None,
    ) -> Tick:
        """Take the journey's lease and read what this walk works with. Raises JourneyBusy, UnknownJourney.

        With `since` it is a narrow walk, for what became known since then and for who is due: see `walks.run_narrow`.
        """
        row, former = acquire(shop.database, journey, owner, wall())
        try:
            now = clock()
            before = Former(former, row.id) if former else None
            if left := leased(shop.database, wall(), before):
                recover(shop.database, now, wall(), before)
            unite_all(shop.database, now)
            assume_deliveries(shop.database, shop.settings.deliveries, now)
            find_redemptions(shop.database, now)
            with reading(shop.database) as connection:
                pins = plans_in_use(connection, row)
            bring_points(shop, pins, now, since)
            source = source_of(shop.database, now, shop.settings.shop, *pins, narrow=since is not None)
            with reading(shop.database) as connection:
                world = make_world(connection, now, shop.settings.shop, source, *pins, loyalty=shop.loyalty)
            begun = wall()
            tick = cls(shop, row, pins, now, clock, wall, owner, world, source, since=since, _begun_at=begun)
            tick._renewed_at = begun
            if left or since is None:
                hold_doubtful(shop.database, row.id)
            if since is None:
                hear_again(shop.database, row.id, pins, now)
                tick._forget_shortages()
                tick._active_before = tick._active()
            return tick
        except BaseException:
            give_up(shop.database, row.id, owner)
            raise

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The current plan first, then older ones that still hold customers."""
        return tuple(pin.plan for pin in self.pins)

    @property
    def running(self) -> bool:
        """Paused journeys and drafts stand still: no entry, no claim, waits stand (rule 22)."""
        return self.row.state in ("live", "closing")

    def enter(self) -> EntryCounts:
        """Who comes in, and who leaves early: the walk's first part."""
        self.renew()
        if not self.running or not self.pins:
            return self.entries
        by_event = isinstance(self.pins[0].plan.trigger, EventTrigger)
        if self.row.state == "live" and self.row.plan_id is not None and (by_event or self.since is None):
            self.entries = triggers.enter(self._door(self.pins[0]))
        for pin in self.pins:
            self.entries.left += run_exits(self._door(pin), pin)
            mark_goals(self._door(pin), pin)
            if pin.plan.whenever:
                Asides(self.shop, self._door(pin), pin, advance).run()
        if self.since is not None:
            return self.entries
        with reading(self.shop.database) as connection:
            older = plans_measured(connection, self.row, self.pins)
        for pin in older:
            mark_goals(self._door(pin), pin)
        return self.entries

    def steps(self) -> tuple[StepRef, ...]:
        """Every step of every plan in use, in plan order."""
        return tuple(
            StepRef(pin.hash, step.key, step.id, step.kind, isinstance(step, Message))
            for pin in self.pins
            for step in pin.plan.steps
        )

    def due(self, step: StepRef) -> int:
        """Rows that `advance` would handle at the step now."""
        if not self.running:
            return 0
        stand = self._stand(step)
        if not is_occupied(stand):
            return 0
        return rows_due(stand, self._post(stand.pin, stand.step) if isinstance(stand.step, Message) else None)

    def advance(self, step: StepRef, progress: Progress | None = None, limit: int | None = None) -> StepCounts:
        """Move everybody due at the step; at a message queue, deliver in batches and settle.

        With `limit` about so many messages are sent and the rest stay queued: a long send shown in several parts.
        """
        self.renew()
        stand = self._stand(step)
        counts = StepCounts(step.id)
        if self._gives_coupons:  # who has used theirs meanwhile may have to leave
            find_redemptions(self.shop.database, stand.now)
        if self.running:
            moved = advance(stand)
            if isinstance(stand.step, Message):
                self._ask_iys(self._post(stand.pin, stand.step))
                counts.add(deliver(self._post(stand.pin, stand.step), self._watched(progress), limit))
            else:
                counts.handled = moved
                leaves = isinstance(stand.step, Stop) or (isinstance(stand.step, Enter) and stand.step.leave)
                counts.left = moved if leaves else 0
        self.counts.setdefault((step.plan_hash, step.key), StepCounts(step.id)).add(counts)
        return counts

    def runs(self, step: StepRef, messages: int) -> int:
        """How many runs are worth it for so many messages at the step, this one among them."""
        at = self._stand(step).step
        return runs_for(self.shop, at, messages) if isinstance(at, Message) and self.running else 1

    def queue(self, step: StepRef) -> int:
        """Queue everybody due at a message step, so that other runs find them; about how many messages wait there."""
        self.renew()
        stand = self._stand(step)
        if not self.running or not isinstance(stand.step, Message):
            return 0
        advance(stand)
        with reading(self.shop.database) as connection:
            return queued(connection, self._post(stand.pin, stand.step), self.clock())

    def take_in(self, step: StepRef) -> StepCounts:
        """Count to this walk what other runs have delivered at the step since it began."""
        stand, others = self._stand(step), StepCounts(step.id)
        if isinstance(stand.step, Message):
            with reading(self.shop.database) as connection:
                others = done_by_others(connection, self._post(stand.pin, stand.step), self._begun_at)
        self.counts.setdefault((step.plan_hash, step.key), StepCounts(step.id)).add(others)
        return others

    def renew(self) -> None:
        """Keep the journey's lease while this walk works, or waits for others who do. Raises JourneyBusy."""
        wall = self.wall()
        if self._renewed_at is None or wall - self._renewed_at >= RENEW_EVERY:
            renew(self.shop.database, self.row.id, self.owner, wall)
            self._renewed_at = wall

    def finish(self) -> TickReport:
        """Note the tick as completed, return the lease, bring out what waits for tools and staff; say what was done.

        A narrow one notes nothing, counts neither who waits nor who has finished, and leaves the errands to whoever
        walks it: a slow tool must hold up no answer to a customer."""
        waiting = self._active() if self.since is None else 0
        left = self.entries.left + sum(c.left for c in self.counts.values())
        whole = self.running and self.since is None
        self._look_after_coupons()
        give_up(self.shop.database, self.row.id, self.owner, self.now if whole else None)
        if self.since is None:
            run_errands(self.shop, clock=self.clock, wall=self.wall, owner=self.owner)
        return TickReport(
            journey=self.row.name,
            now=self.now,
            plan_hash=self.pins[0].hash if self.pins else "",
            state=self.row.state,
            entered=self.entries.entered,
            holdout=self.entries.holdout,
            refused=dict(self.entries.refused),
            left=left,
            finished=max(0, self._active_before + self.entries.entered - left - waiting) if self.since is None else 0,
            waiting=waiting,
            steps=tuple(self.counts.values()),
        )

    def abandon(self) -> None:
        """Return the lease after an error; the next tick looks again from where the last completed one stood."""
        with suppress(sa.exc.SQLAlchemyError):
            give_up(self.shop.database, self.row.id, self.owner)

    # --- parts

    @property
    def _gives_coupons(self) -> bool:
        return any(isinstance(step, Coupon) for pin in self.pins for step in pin.plan.steps)

    def _look_after_coupons(self) -> None:
        """The checkout hears of what was made, owners of what is missing."""
        if self._gives_coupons and self.running:
            push_codes(self.shop, self.now, self.wall)
            tell_owners_of_pools(self.shop, self.now)

    def _door(self, pin: Pinned) -> Doorway:
        return Doorway(self.shop.database, self.row, pin, self.world, self.since)

    def _stand(self, ref: StepRef) -> Stand:
        pin = next(pin for pin in self.pins if pin.hash == ref.plan_hash)
        now = max(self.now, self.clock())
        world = replace(self.world, now=now)
        return stand_at(self.shop, pin, pin.plan.step(ref.key), world, self._door(pin).horizon, self.wall)

    def _post(self, pin: Pinned, step: Message) -> Post:
        post = Post(self.shop, pin, self.pins[0], step, self.clock, self.wall, self.owner, self.world)
        return replace(post, before_request=self.before_request) if self.before_request else post

    def _ask_iys(self, post: Post) -> None:
        """What İYS says of those whom a commercial message would go to now, where that is known for too long."""
        if post.gate is None or self.shop.register is None or post.step.purpose != "commercial":
            return
        media: tuple[Medium, ...] = (post.step.medium,) if post.step.medium else ("email", "sms")
        ask(self.shop.database, self.shop.register, Wave(post.mine, media), self.clock)

    def _active(self) -> int:
        query = (
            sa.select(sa.func.count()).select_from(enrolments).where(e.journey_id == self.row.id, e.state == "active")
        )
        with reading(self.shop.database) as connection:
            return connection.scalar(query) or 0

    def _forget_shortages(self) -> None:
        """Codes that nobody will be told of go back; shortages that nobody waits for any more are over."""
        if self._gives_coupons:
            take_back(self.shop.database, self.row.id)
            with writing(self.shop.database) as connection:
                look_over(connection, self.row.id, self.now)

    def _watched(self, progress: Progress | None) -> Progress:
        def report(done: int, total: int) -> None:
            self.renew()
            if progress:
                progress(done, total)

        return report
