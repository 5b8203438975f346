"""The nightly housekeeping as a flow: the same work as `vefa housekeeping`."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import State, flow
from prefect.states import Completed

from flows.lines import run_lines
from tasks.discretion import discreetly
from tasks.steps import told
from vefa.clock import system_clock
from vefa.engine.errands import run_errands
from vefa.engine.housekeeping import Tidied, keep_house
from vefa.engine.incidents import tell_owners
from vefa.engine.lease import make_owner
from vefa.engine.shop import open_shop
from vefa.settings import Settings, load_settings
from vefa.store import open_store


@flow(name="vefa-housekeeping", persist_result=False)
async def housekeeping() -> State[Any]:
    """Takes back what dead workers held, clears away what is old, tidies the database up; tells owners who could not
    be told of an incident before; brings out what still waits for tools and staff."""
    settings = load_settings()
    with run_lines(settings), discreetly():
        done = await asyncio.to_thread(_keep, settings)
    return Completed(message=summary(done))


def _keep(settings: Settings) -> Tidied:
    shop = open_shop(settings, database=open_store(settings))
    try:
        tell_owners(shop, system_clock())
        run_errands(shop, clock=system_clock, wall=system_clock, owner=make_owner())
        return keep_house(shop.database, settings, system_clock(), system_clock())
    finally:
        shop.close()


def summary(done: Tidied) -> str:
    """The night's work in one sentence."""
    back = {"given back to the queue": done.returned, "now in doubt": done.unknown}
    removed = {f"{what} removed": count for what, count in done.removed.items()}
    words = told({**back, **removed}) if any((*back.values(), *removed.values())) else "nothing was old"
    return "; ".join((words, *done.database))
