"""A large step is shared out: shards deliver beside the journey's own run, which waits for them at the end.

Nothing here may stop the sending. Without shards, or without word of them, the journey's own run delivers everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID

from prefect.runtime import flow_run

from flows.deployments import DELIVER, NAME
from tasks.shards import await_shards, start_shards
from tasks.steps import unseen
from vefa.engine.tick import StepRef, Tick

logger = logging.getLogger("vefa.shards")


async def share_out(tick: Tick, step: StepRef, due: int, name: str) -> Sequence[UUID]:
    """Starts shards where so many messages are worth it; their runs."""
    if not step.sends or await asyncio.to_thread(tick.runs, step, due) == 1:
        return ()
    start = start_shards.with_options(task_run_name=f"{name}: start shards")
    try:
        started = await start(unseen(tick), step, f"{DELIVER}/{NAME}", flow_run.parameters.get("now"))
        return await started.aresult()
    except Exception as error:
        logger.warning("shards could not be started; this run delivers everything", exc_info=error)
        return ()


async def gather_in(tick: Tick, step: StepRef, shards: Sequence[UUID], name: str) -> None:
    """Waits for the shards, and counts what they have done to the journey's run."""
    if not shards:
        return
    wait = await_shards.with_options(task_run_name=f"{name}: await shards")
    try:
        await wait(unseen(tick), shards)
    except Exception as error:
        logger.warning("shards could not be waited for; they go on by themselves", exc_info=error)
    await asyncio.to_thread(tick.take_in, step)
