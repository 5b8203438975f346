"""A shard: a run that delivers a share of a large step, beside the journey's own run, on any machine.

A journey's run starts it where the settings say `delivery: {shards: …}`. Started by hand it does no harm: it sends
what is queued, as any run of the journey would.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

from prefect import State, flow
from prefect.states import Cancelled, Completed

from flows.artifacts import artifact_key
from flows.deployments import DELIVER
from flows.journey import clock_of
from flows.lines import run_lines
from tasks import shards
from tasks.discretion import RunStopped, discreetly
from tasks.steps import Progress
from vefa.clock import Clock
from vefa.engine.lease import make_owner
from vefa.engine.reports import StepCounts
from vefa.engine.shares import Share, deliver_share
from vefa.engine.shop import Shop, open_shop
from vefa.settings import load_settings
from vefa.store import open_store


@flow(name=DELIVER, persist_result=False)
async def deliver(journey: str, plan: str, step: str, now: datetime | None = None) -> State[Any]:
    """Sends what is queued at a step of a plan, batch by batch, until there is no more to reserve. `now` is the
    moment that a replay stands at."""
    settings, owner = load_settings(), make_owner()
    clock = clock_of(now, settings)
    with run_lines(settings, run=owner, journey=journey), discreetly():
        shop = await asyncio.to_thread(lambda: open_shop(settings, database=open_store(settings), clock=clock))
        try:
            work = partial(_deliver, shop, Share(journey, plan, step), clock, owner)
            done = await shards.deliver(work, artifact_key(journey, step, "shard"), step)
        except RunStopped:
            return Cancelled(message="The run that called it was cancelled.")
        finally:
            await asyncio.to_thread(shop.close)
    return Completed(message=done.message)


def _deliver(shop: Shop, share: Share, clock: Clock, owner: str, progress: Progress) -> StepCounts:
    return deliver_share(shop, share, clock=clock, owner=owner, progress=progress)
