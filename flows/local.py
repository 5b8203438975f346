"""Journeys run once, here and now, each as a real Prefect flow run: what `make demo` shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vefa.settings import Settings


@dataclass(frozen=True)
class RunResult:
    """How one flow run ended. `message` is its sentence in the Prefect UI."""

    journey: str
    state: str
    message: str

    @property
    def good(self) -> bool:
        return self.state in ("Completed", "Skipped")


def run_journey_flow(journey: str, now: datetime | None, settings: Settings) -> RunResult:
    """One journey, once."""
    return run_journey_flows([journey], now, settings)[0]


def run_journey_flows(
    journeys: Sequence[str],
    now: datetime | None,
    settings: Settings,
    told: Callable[[RunResult], None] = lambda _: None,
) -> tuple[RunResult, ...]:
    """The journeys, one after the other, on the server of a running `vefa up`, else on a temporary one.

    Both keep their runs in the same folder, so that `vefa up` shows later what was run here.
    """
    from flows.prefect_server import running_server, speaking_to

    with speaking_to(settings, running_server(settings)):
        _hush()
        return asyncio.run(_run(journeys, now, settings, told))


async def _run(
    journeys: Sequence[str], now: datetime | None, settings: Settings, told: Callable[[RunResult], None]
) -> tuple[RunResult, ...]:
    from prefect import tags

    from flows.deployments import TAG
    from flows.journey import journey_flow
    from flows.subjects import read_subject

    results = []
    for journey in journeys:
        walk: Any = journey_flow(read_subject(journey, settings))
        with tags(TAG, "local"):
            state = await walk(now=now, return_state=True)
        results.append(RunResult(journey, state.name or state.type.value, state.message or ""))
        told(results[-1])
    return tuple(results)


def _hush() -> None:
    """Prefect's console says warnings only; the runs' own logs still go to the UI."""
    from prefect.logging.configuration import setup_logging
    from prefect.logging.handlers import PrefectConsoleHandler

    setup_logging()
    for logger in [logging.getLogger(), *logging.root.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.WARNING)
