"""The journeys walked from one moment to the next, and what came of it added up by journey."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vefa.cli.printing import Progress, err
from vefa.clock import system_clock
from vefa.errors import UserError
from vefa.logs import about

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from vefa.engine.reports import TickReport
    from vefa.engine.shop import Shop
    from vefa.plan.policy import Policy
    from vefa.plan.project import Project
    from vefa.settings import Settings


class Hand:
    """A clock that is moved by hand, or goes by itself where no moment was given."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment or datetime.now(UTC)


@dataclass
class Walked:
    """What the ticks of one journey did, all together."""

    journey: str
    ticks: int = 0
    entered: int = 0
    holdout: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    held: Counter[str] = field(default_factory=Counter)
    deferred: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    unknown: int = 0
    left: int = 0
    finished: int = 0
    waiting: int = 0

    def add(self, report: TickReport) -> None:
        """Count one more tick; who waits is as of the last one."""
        self.ticks += 1
        self.entered += report.entered
        self.holdout += report.holdout
        self.refused.update(report.refused)
        self.left += report.left
        self.finished += report.finished
        self.waiting = report.waiting
        for step in report.steps:
            self.sent += step.sent
            self.failed += step.failed
            self.unknown += step.unknown
            self.held.update(step.held)
            self.deferred.update(step.deferred)


@contextmanager
def opened(settings: Settings, engine: Engine, policy: Policy, hand: Hand) -> Iterator[Shop]:
    """The shop with its channels, closed at the end."""
    from vefa.engine.shop import open_shop

    shop = open_shop(settings, database=engine, policy=policy, clock=hand)
    try:
        yield shop
    finally:
        shop.close()


def _walked(shop: Shop, report: TickReport, hand: Hand) -> TickReport:
    """Told in the log where it did anything; a journey whose messages fare badly stops, and its owner hears of it."""
    from vefa.engine.incidents import look_over, tell_owners
    from vefa.engine.journal import tell, tell_step

    for step in report.steps:
        tell_step(step)
    if report.entered or report.holdout or report.left or report.steps:
        tell(report)
    if report.sent or report.failed or report.unknown:
        incident = look_over(shop.database, report.journey, hand())
        if incident is not None:
            err().print(f"{incident.journey} was paused by itself: {incident.says}.", style="red", markup=False)
            tell_owners(shop, hand())
    return report


def take_over(project: Project, engine: Engine, now: datetime) -> tuple[str, ...]:
    """Store every good plan. Gives a sentence for each journey that goes on with an older one, and why."""
    from vefa.database import writing
    from vefa.engine.plans import PlanRefused, store_plan

    told = [f"{name} has mistakes (see vefa check); what was stored before runs on." for name in sorted(project.broken)]
    for plan in project.plans.values():
        try:
            with writing(engine) as connection:
                store_plan(connection, plan, now)
        except PlanRefused as refused:
            told.append(str(refused))
    return tuple(told)


def walk(
    shop: Shop, hand: Hand, span: Span, only: Sequence[str] = (), told: Progress = lambda _done, _total: None
) -> Iterator[TickReport]:
    """Tick, at each moment of the span that has work, the journeys that have it."""
    from vefa.engine.agenda import due_journeys, running_journeys
    from vefa.engine.errands import run_errands
    from vefa.engine.lease import JourneyBusy, make_owner
    from vefa.engine.walks import run_tick
    from vefa.rewards.points import settle_points

    owner = make_owner()
    zone = shop.settings.shop.zone
    for moment in _moments(shop, span, zone, only):
        if hand.moment is not None:
            hand.moment = moment
        settle_points(shop.database, shop.loyalty, shop.settings.shop, moment)
        told(*span.way(moment))
        # At both ends everybody is looked at, so that what was committed out of order is not left for another day.
        at_an_end = moment in (span.begin, span.end)
        everybody = running_journeys(shop.database, only) if at_an_end else ()
        for journey in everybody or due_journeys(shop.database, moment, zone, only):
            try:
                with about(run=owner, journey=journey):
                    yield _walked(shop, run_tick(shop, journey, clock=hand, owner=owner), hand)
            except JourneyBusy as busy:
                # Another run is at it: whatever is due is in its hands, and would be here at the next look.
                err().print(f"{busy} It is left out here.", style="yellow", markup=False)
        run_errands(shop, clock=hand, wall=system_clock, owner=owner)


@dataclass(frozen=True)
class Span:
    """From one moment to another, looking `every` so often at most."""

    begin: datetime
    end: datetime
    every: timedelta = timedelta(hours=1)

    def way(self, moment: datetime) -> tuple[int, int]:
        """How many of how many steps are behind."""
        return (moment - self.begin) // self.every, (self.end - self.begin) // self.every


def _moments(shop: Shop, span: Span, zone: str, only: Sequence[str]) -> Iterator[datetime]:
    """The begin, then from one moment with work to the next, and the end."""
    from vefa.database import reading
    from vefa.engine.agenda import next_moment
    from vefa.rewards.points import next_due

    moment = span.begin
    while moment < span.end:
        yield moment
        work = next_moment(shop.database, moment, zone, only) or span.end
        if shop.loyalty.runs:
            with reading(shop.database) as connection:
                work = min(work, next_due(connection, moment) or span.end)
        moment = max(work, moment + span.every)
    yield span.end


def added_up(reports: Iterator[TickReport]) -> dict[str, Walked]:
    """The reports by journey."""
    found: dict[str, Walked] = {}
    for report in reports:
        found.setdefault(report.journey, Walked(report.journey)).add(report)
    return found


_LENGTH = re.compile(r"(\d+)\s*(m|min|minutes?|h|hours?|d|days?)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_length(text: str) -> timedelta:
    """`15m`, `1h`, `1 day` as a length of time. UserError for anything else, and for nothing at all."""
    match = _LENGTH.fullmatch(text.strip().lower())
    length = int(match[1]) * _UNITS[match[2][0]] if match else timedelta(0)
    if not length:
        raise UserError(f'--every "{text}" is no length of time. Write one such as 15m, 1h or 1d.')
    return length
