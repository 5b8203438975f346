"""Processes for jobs: begun, waited for, killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from tests.chaos.worker import LOSE_FILES, Begun, Ended, Job, nurse

#: Seconds that any process may take.
PATIENCE = 60.0

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.chaos.worker"])


@dataclass
class Nursery:
    """Its other end gives birth to processes."""

    line: Connection
    ended: dict[int, int] = field(default_factory=dict)

    def start(self, *jobs: Job) -> Running:
        """One process a job."""
        for job in jobs:
            self.line.send(job)
        pids: list[int] = []
        while len(pids) < len(jobs):
            pids += self._listen(PATIENCE)
        return Running(self, pids)

    def _listen(self, seconds: float) -> list[int]:
        """Hear one thing, if it comes in time; which process has begun."""
        if not self.line.poll(seconds):
            return []
        match self.line.recv():
            case Begun(pid):
                return [pid]
            case Ended(pid, code):
                self.ended[pid] = code
        return []

    def wait_for(self, pids: list[int], seconds: float) -> list[int | None]:
        """Until these have ended or the time is over; how each ended, None for one that has not."""
        give_up = time.monotonic() + seconds
        while not set(pids) <= set(self.ended) and (left := give_up - time.monotonic()) > 0:
            self._listen(left)
        return [self.ended.get(pid) for pid in pids]


@dataclass(frozen=True)
class Running:
    """Processes at work."""

    nursery: Nursery
    pids: list[int]

    def kill(self, number: int | None = None) -> None:
        """SIGKILL for one of them, or for all."""
        for pid in self.pids if number is None else [self.pids[number]]:
            if pid not in self.nursery.ended:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def lose_files(self) -> None:
        """The database's files, where it is files, cannot be read or written any more: the disk is gone."""
        for pid in self.pids:
            if pid not in self.nursery.ended:
                with suppress(ProcessLookupError):
                    os.kill(pid, LOSE_FILES)

    def wait(self, seconds: float = PATIENCE) -> list[int | None]:
        """Until all have ended, or the time is over; how each ended."""
        return self.nursery.wait_for(self.pids, seconds)


@contextmanager
def nursery_after(job: Job) -> Iterator[Nursery]:
    """A nursery that has done this job."""
    here, there = _processes.Pipe()
    process = _processes.Process(target=nurse, args=(there, job), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(PATIENCE):
            raise TimeoutError("the first run never ended")
        here.recv()
        yield Nursery(here)
    finally:
        here.close()
        process.join(1.0)
        process.kill()
