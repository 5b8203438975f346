"""The tasks of a journey's flow: one for entering, one for each step that has work.

Each is one call of the engine, in a thread. A repeat is harmless, because the ledger and the unique keys
of the database decide what was done, not the orchestrator; so all of them are tried again after an error.
Nothing passes between tasks but small counts, and no argument is looked into, hashed or kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeVar, cast
from uuid import UUID

from prefect import State, task
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from prefect.utilities.annotations import quote

from tasks.discretion import RunStopped, discreetly
from vefa.engine.entries import EntryCounts
from vefa.engine.journal import tell_step
from vefa.engine.lease import JourneyBusy
from vefa.engine.reports import StepCounts
from vefa.engine.tick import StepRef, Tick
from vefa.errors import UserError
from vefa.logs import about, carried

Result = TypeVar("Result")
#: A step that takes longer shows in the Prefect UI how far it is, and is told anew this often.
PROGRESS_SECONDS = 2.0


@dataclass
class Progress:
    """How far a step is: written by the engine's thread, read by the task."""

    done: int = 0
    total: int = 0
    stop: Event = field(default_factory=Event)

    def __call__(self, done: int, total: int) -> None:
        """The engine's callback; raising here ends the step between two batches."""
        if self.stop.is_set():
            raise RunStopped("cancelled between two batches")
        self.done, self.total = done, total

    @property
    def percent(self) -> float:
        """From 0 to 100."""
        return 100.0 * min(self.done / self.total, 1.0) if self.total else 0.0


def may_repeat(_task: object, _run: object, state: Any) -> bool:
    """What a person must mend, or has stopped, is not tried again."""
    return not isinstance(state.data, UserError | JourneyBusy | RunStopped)


#: How often a task is tried again, and when.
PATIENCE: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [2, 20],
    "retry_jitter_factor": 1,
    "retry_condition_fn": may_repeat,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@task(name="enter", task_run_name="enter", **PATIENCE)
async def enter(tick: Tick) -> State[EntryCounts]:
    """Lets people in, and lets people leave who must."""
    with discreetly():
        counts = await asyncio.to_thread(tick.enter)
    parts = {"entered": counts.entered, "kept as holdout": counts.holdout, "left": counts.left}
    return Completed(message=told(parts), data=counts)


@task(name="step", **PATIENCE)
async def advance(tick: Tick, step: StepRef, key: str, limit: int | None = None) -> State[StepCounts]:
    """Moves everybody who is due at the step, or sends about `limit` of its messages.

    A long sending shows how far it is as an artifact of that key.
    """
    progress = Progress()
    with discreetly(), about(step=step.id):
        counts = await watched(lambda: tick.advance(step, progress, limit), progress, key, step.id)
        tell_step(counts)
    return Completed(message=told(counts_of(counts)), data=counts)


def counts_of(counts: StepCounts) -> dict[str, int]:
    """A step's numbers with their words."""
    return {
        "handled": counts.handled,
        "sent": counts.sent,
        "held back": counts.held.total(),
        "put off": counts.deferred.total(),
        "failed": counts.failed,
        "in doubt": counts.unknown,
    }


def unseen(tick: Tick) -> Tick:
    """Prefect hands it to the task without looking into it; the task gets the tick itself."""
    return cast(Tick, quote(tick))


def told(parts: Mapping[str, int]) -> str:
    """Numbers with their words, those that are nothing left out: `12 entered, 4 left`."""
    return ", ".join(f"{number:,} {what}" for what, number in parts.items() if number) or "nothing was due"


async def watched(work: Callable[[], Result], progress: Progress, key: str, title: str) -> Result:
    """Runs `work` in a thread and tells the Prefect UI how far it is. Cancelled, it waits for the batch in hand."""
    # No task: a run that is ended cancels every task at once, and would go on as if the thread had ended.
    running = asyncio.get_running_loop().run_in_executor(None, carried(work))
    artifact: UUID | None = None
    try:
        while not (await asyncio.wait({running}, timeout=PROGRESS_SECONDS))[0]:
            artifact = await _tell(artifact, progress.percent, key, f"{title}: {progress.done:,} of {progress.total:,}")
    except BaseException:
        progress.stop.set()
        await asyncio.wait({running})
        raise
    if artifact is not None and running.exception() is None:
        await _tell(artifact, 100.0, key, f"{title}: all {progress.total:,}")
    return await running


async def _tell(artifact: UUID | None, percent: float, key: str, words: str) -> UUID:
    if artifact is None:
        return await acreate_progress_artifact(progress=percent, key=key, description=words)
    await aupdate_progress_artifact(artifact, progress=percent, description=words)
    return artifact
