"""A journey that fares badly stops: by our database in the same run, and in Prefect by what the run says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from prefect.events import emit_event
from sqlalchemy.exc import SQLAlchemyError

from flows.deployments import UNWELL, resource
from tasks.discretion import RunStopped
from vefa.clock import Clock
from vefa.engine.incidents import Incident, look_over, note_failure, tell_owners
from vefa.engine.lease import JourneyBusy
from vefa.engine.shop import Shop
from vefa.errors import VefaError
from vefa.settings import Settings
from vefa.store import open_store


@asynccontextmanager
async def watched_run(shop: Shop, journey: str, clock: Clock) -> AsyncIterator[None]:
    """A run of the journey: looked over before anybody is written to and again afterwards; failures are counted."""
    await watch(shop, clock(), lambda: look_over(shop.database, journey, clock()))
    try:
        yield
    except (JourneyBusy, RunStopped):
        raise
    except Exception:
        await watch(shop, clock(), lambda: note_failure(shop.database, journey, clock()))
        raise
    await watch(shop, clock(), lambda: look_over(shop.database, journey, clock()))


async def count_failure(settings: Settings, journey: str, now: datetime) -> None:
    """A run could not even open the shop. Where the database is there, it counts; the owner hears of it by the next
    run of another journey, or by the nightly housekeeping."""

    def count() -> Incident | None:
        database = open_store(settings)
        try:
            return note_failure(database, journey, now)
        finally:
            database.dispose()

    with suppress(VefaError, SQLAlchemyError):
        if (incident := await asyncio.to_thread(count)) is not None:
            announce(incident)


async def watch(shop: Shop, now: datetime, look: Callable[[], Incident | None]) -> Incident | None:
    """Looks; where the journey was paused, says so to Prefect. Owners who have not heard of an incident do now."""
    incident = await asyncio.to_thread(look)
    if incident is not None:
        announce(incident)
    await asyncio.to_thread(tell_owners, shop, now)
    return incident


def announce(incident: Incident) -> None:
    """The event on which the shipped automation pauses the deployment, and whatever a shop hangs on it besides."""
    emit_event(
        UNWELL,
        resource={"prefect.resource.id": resource(incident.journey), "prefect.resource.name": incident.journey},
        payload={"kind": incident.kind, "bad": incident.bad, "of": incident.of, "says": incident.says},
    )
