"""Tasks of a step that several runs deliver: shards are started, deliver their share, and are waited for.

Their fate is their own. Whatever becomes of a shard, the ledger knows what it has sent, what it holds comes back when
its lease runs out, and the journey's own run delivers what the others leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import State, task
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed

from tasks.discretion import discreetly
from tasks.steps import PATIENCE, Progress, counts_of, told, watched
from vefa.engine.journal import tell_step
from vefa.engine.reports import StepCounts
from vefa.engine.tick import StepRef, Tick
from vefa.logs import about

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

#: How long a run that has nothing left to send waits for its shards: longer than a batch takes, and longer than
#: Prefect needs to mark a dead one.
WAIT = timedelta(minutes=3)
LOOK_SECONDS = 2.0
#: How often a shard looks whether the run that called it was cancelled.
HEED_SECONDS = 5.0


@task(name="start shards", **PATIENCE)
async def start_shards(tick: Tick, step: StepRef, deployment: str, now: datetime | None) -> State[tuple[UUID, ...]]:
    """Queues everybody due at the step, and starts as many shards as that is worth.

    Their keys are this run's and the step's: a task or a run that is tried again finds the shards that it started.
    """
    with discreetly():
        messages = await asyncio.to_thread(tick.queue, step)
        number = tick.runs(step, messages)
        try:
            runs = [await _start(tick, step, deployment, now, each, number) for each in range(2, number + 1)]
        except ObjectNotFound:
            return Completed(message="No shards: their deployment is not there, `vefa deploy` makes it", data=())
    return Completed(message=f"{len(runs)} shards beside this run, for {messages:,} messages", data=tuple(runs))


async def _start(tick: Tick, step: StepRef, deployment: str, now: datetime | None, each: int, of: int) -> UUID:
    journey = tick.row.name
    run = await arun_deployment(
        deployment,
        parameters={
            "journey": journey,
            "plan": step.plan_hash,
            "step": step.key,
            "now": now.isoformat() if now else None,
        },
        flow_run_name=f"{journey} {step.id} {each}/{of}",
        tags=[journey],
        timeout=0,
        idempotency_key=f"{flow_run.id}:{step.plan_hash}:{step.key}:{each}",
    )
    return run.id


@task(name="deliver", **PATIENCE)
async def deliver(work: Callable[[Progress], StepCounts], key: str, step: str) -> State[StepCounts]:
    """A shard: sends what it can reserve until there is no more, or until the run that called it is cancelled."""
    progress = Progress()
    heeding = asyncio.ensure_future(heed(flow_run.parent_flow_run_id, progress))
    try:
        with discreetly(), about(step=step):
            counts = await watched(lambda: work(progress), progress, key, step)
            tell_step(counts)
    finally:
        heeding.cancel()
    return Completed(message=told(counts_of(counts)), data=counts)


async def heed(caller: str | UUID | None, progress: Progress) -> None:
    """Stops the work at its next batch once the run that called it is cancelled. That a run has died stops nobody."""
    async with get_client() as client:
        while caller is not None and not progress.stop.is_set():
            with suppress(Exception):  # whoever gets no answer goes on
                state = (await client.read_flow_run(UUID(str(caller)))).state
                if state is not None and state.type in (StateType.CANCELLING, StateType.CANCELLED):
                    progress.stop.set()
            await asyncio.sleep(HEED_SECONDS)


@task(name="await shards", **PATIENCE)
async def await_shards(tick: Tick, runs: Sequence[UUID]) -> State[None]:
    """Waits until the shards have ended, WAIT at most, and calls off those that never began.

    The queue is empty by then, so each has what is in its hands at most.
    """
    states: dict[UUID, State[Any]] = {}
    with discreetly(), suppress(TimeoutError):
        async with get_client() as client, asyncio.timeout(WAIT.total_seconds()):
            states = await _look(client, runs)
            while not all(state.is_final() for state in states.values()):
                await asyncio.to_thread(tick.renew)
                await asyncio.sleep(LOOK_SECONDS)
                states = await _look(client, runs)
    return Completed(message=", ".join(_ends(states)))


async def _look(client: PrefectClient, runs: Sequence[UUID]) -> dict[UUID, State[Any]]:
    """The shards' states; one that no worker has taken is not needed any more."""
    ours = FlowRunFilter(id=FlowRunFilterId(any_=list(runs)))
    found: list[FlowRun] = await client.read_flow_runs(flow_run_filter=ours)
    states = {run.id: run.state for run in found if run.state is not None}
    for run in [run for run, state in states.items() if state.is_scheduled()]:
        off: State[Any] = Cancelled(message="The run that called it was done before a worker was free.")
        await client.set_flow_run_state(run, off)
    return states


def _ends(states: dict[UUID, State[Any]]) -> list[str]:
    """`2 completed, 1 crashed`."""
    names = [(state.name or state.type.value).lower() for state in states.values()]
    return [f"{names.count(name)} {name}" for name in sorted(set(names))]
