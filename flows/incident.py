"""What is done about a journey whose runs fail. An automation calls it, so that runs killed from outside count, too."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import State, flow
from prefect.states import Completed

from flows.lines import run_lines
from flows.watch import watch
from tasks.discretion import discreetly
from vefa.clock import system_clock
from vefa.database import writing
from vefa.engine.incidents import FAILURES, Incident, stop, tell_owners
from vefa.engine.shop import open_shop
from vefa.settings import load_settings
from vefa.store import open_store


@flow(name="vefa-incident", persist_result=False)
async def incident(journey: str) -> State[Any]:
    """Pauses the journey in our database, whatever Prefect has done by then, and tells its owner once."""
    settings = load_settings()
    with run_lines(settings, journey=journey), discreetly():
        shop = await asyncio.to_thread(lambda: open_shop(settings, database=open_store(settings)))

        def pause() -> Incident | None:
            with writing(shop.database) as connection:
                return stop(connection, journey, "failed runs", FAILURES, FAILURES, system_clock(), also_paused=True)

        try:
            found = await watch(shop.database, pause)
            await asyncio.to_thread(tell_owners, shop, system_clock())
        finally:
            await asyncio.to_thread(shop.close)
        return Completed(message=f"{journey} is paused: {found.says}" if found else f"{journey} was dealt with before")
