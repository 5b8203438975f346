"""A walk of one journey in one go: the whole of it, or a narrow one."""

from __future__ import annotations

from datetime import datetime

from vefa.clock import Clock, system_clock
from vefa.engine.delivery import Progress
from vefa.engine.reports import TickReport
from vefa.engine.shop import Shop
from vefa.engine.tick import Tick


def run_tick(
    shop: Shop,
    journey: str,
    *,
    clock: Clock,
    owner: str,
    wall: Clock = system_clock,
    progress: Progress | None = None,
) -> TickReport:
    """The whole walk of one journey. Raises JourneyBusy where another run is at work."""
    return _walked(Tick.begin(shop, journey, clock=clock, owner=owner, wall=wall), progress)


def run_narrow(
    shop: Shop, journey: str, *, since: datetime, clock: Clock, owner: str, wall: Clock = system_clock
) -> TickReport:
    """A walk for what became known since then and for who is due, at the cost of these (rule 23).

    Who comes in by a date, a segment or a schedule is left to whole walks, and so is whatever became known earlier:
    the next whole walk looks back from the last whole one. Raises JourneyBusy where another run is at work.
    """
    return _walked(Tick.begin(shop, journey, clock=clock, owner=owner, wall=wall, since=since), None)


def _walked(tick: Tick, progress: Progress | None) -> TickReport:
    try:
        tick.enter()
        for step in tick.steps():
            if tick.due(step):
                tick.advance(step, progress)
        return tick.finish()
    except BaseException:
        tick.abandon()
        raise
