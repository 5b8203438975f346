"""A run that is ended from outside: whatever is under way is waited for, before anything is closed."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest

from tasks.discretion import RunStopped
from tasks.steps import Progress, watched

#: seconds
PATIENCE = 10


def test_work_under_way_is_waited_for_when_everything_is_cancelled_at_once() -> None:
    """As the end of an event loop does it."""
    begun, answered, progress = Event(), Event(), Progress()

    def batches() -> None:
        begun.set()
        answered.wait(PATIENCE)
        progress(1, 2)

    async def run() -> None:
        task = asyncio.ensure_future(watched(batches, progress, "key", "offer"))
        await asyncio.to_thread(begun.wait, PATIENCE)
        for each in asyncio.all_tasks() - {asyncio.current_task()}:
            each.cancel()
        await asyncio.wait({task}, timeout=0.1)
        assert not task.done()
        answered.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_work_that_is_stopped_ends_between_two_batches() -> None:
    progress = Progress()
    progress.stop.set()

    with pytest.raises(RunStopped):
        asyncio.run(watched(lambda: progress(1, 2), progress, "key", "offer"))
