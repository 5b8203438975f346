"""The nightly look at which products go together, as a flow: the same work as `vefa recommendations refresh`."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import State, flow
from prefect.states import Completed

from flows.lines import run_lines
from tasks.discretion import discreetly
from tasks.steps import told
from vefa.clock import system_clock
from vefa.crm.recommendations.making import Made, make_links
from vefa.settings import Settings, load_settings
from vefa.store import open_store


@flow(name="vefa-recommendations", persist_result=False)
async def recommendations() -> State[Any]:
    """Finds out anew which products are bought together and one after the other."""
    settings = load_settings()
    with run_lines(settings), discreetly():
        made = await asyncio.to_thread(_make, settings)
    return Completed(message=summary(made))


def _make(settings: Settings) -> Made:
    engine = open_store(settings)
    try:
        return make_links(engine, system_clock())
    finally:
        engine.dispose()


def summary(made: Made) -> str:
    """The night's work in one sentence."""
    counts = {"orders read": made.orders, "bought together": made.together, "bought next": made.next}
    return told(counts) if made.orders else "nobody has ordered anything yet"
