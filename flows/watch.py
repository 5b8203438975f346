"""A journey that fares badly stops: in our database in the same run, and in Prefect by what the run says of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from prefect.events import emit_event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from flows.deployments import UNWELL, resource
from flows.pauses import mirror_pauses_now
from tasks.discretion import RunStopped
from vefa.clock import Clock
from vefa.engine.incidents import Incident, look_over, note_failure, tell_owners
from vefa.engine.lease import JourneyBusy
from vefa.engine.shop import Shop
from vefa.errors import VefaError
from vefa.settings import Settings
from vefa.store import open_store

logger = logging.getLogger("vefa.incidents")


@asynccontextmanager
async def watched_run(shop: Shop, journey: str, clock: Clock) -> AsyncIterator[None]:
    """A run of the journey: looked over before anybody is written to and again afterwards; failures are counted."""
    await watch(shop.database, lambda: look_over(shop.database, journey, clock()))
    try:
        yield
    except (JourneyBusy, RunStopped):
        raise
    except Exception:
        await watch(shop.database, lambda: note_failure(shop.database, journey, clock()))
        raise
    else:
        await watch(shop.database, lambda: look_over(shop.database, journey, clock()))
    finally:
        await asyncio.shield(asyncio.to_thread(tell_owners, shop, clock()))


async def count_failure(settings: Settings, journey: str, now: datetime) -> None:
    """A run could not even open the shop. Where the database is there, it counts; the owner hears of it by the next
    run of another journey, or by the nightly housekeeping."""
    with suppress(VefaError, SQLAlchemyError):
        database = await asyncio.to_thread(open_store, settings)
        try:
            await watch(database, lambda: note_failure(database, journey, now))
        finally:
            await asyncio.to_thread(database.dispose)


async def watch(database: Engine, look: Callable[[], Incident | None]) -> Incident | None:
    """Looks; where the journey was paused, Prefect hears of it.

    The event is for automations, shipped ones and a shop's own. The mirror notes on the deployment that both sides know
    of the pause, so that whoever resumes the journey later is not taken for the older word.
    """
    if (incident := await asyncio.to_thread(look)) is None:
        return None
    announce(incident)
    try:
        await mirror_pauses_now(database)
    except Exception as error:
        logger.warning("the pause is not shown in Prefect yet", exc_info=error)
    return incident


def announce(incident: Incident) -> None:
    """The event that a journey was paused by itself."""
    emit_event(
        UNWELL,
        resource={"prefect.resource.id": resource(incident.journey), "prefect.resource.name": incident.journey},
        payload={"kind": incident.kind, "bad": incident.bad, "of": incident.of, "says": incident.says},
    )
