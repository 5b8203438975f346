"""The loyalty programme's hourly round as a flow: the same work as `vefa points settle`."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed

from flows.lines import run_lines
from tasks.discretion import discreetly
from tasks.steps import told
from vefa.clock import system_clock
from vefa.language.problems import ProblemsError
from vefa.plan.project import load_loyalty
from vefa.rewards.points import Settled, settle_points
from vefa.settings import Settings, load_settings
from vefa.store import open_store


@flow(name="vefa-loyalty", persist_result=False)
async def loyalty() -> State[Any]:
    """Posts the points that orders, returns and spendings are due, and takes those that have run out."""
    settings = load_settings()
    with run_lines(settings), discreetly():
        try:
            done = await asyncio.to_thread(_settle, settings)
        except ProblemsError as error:
            return Failed(message=str(error))  # a sentence about the shop's own file, which names nobody
    return Completed(message="there is no loyalty programme" if done is None else summary(done))


def _settle(settings: Settings) -> Settled | None:
    programme = load_loyalty(settings.root, settings)
    if not programme.runs:
        return None
    engine = open_store(settings)
    try:
        return settle_points(engine, programme, settings.shop, system_clock())
    finally:
        engine.dispose()


def summary(done: Settled) -> str:
    """The round in one sentence."""
    counts = {"customers looked at": done.customers, "moves posted": done.moves, "changes of tier": done.tiers}
    return told(counts) if any(counts.values()) else "nothing was due"
