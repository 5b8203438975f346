"""Each measured thing runs in a process of its own, which tells what it cost.

All of them, and the sinks, are on the core that the harness itself was pinned to, for a child inherits it.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

#: Seconds in which all of several processes must be ready to begin.
START_UP = 120.0


class Failed(Exception):
    """A measurement that counts for nothing, and why."""


@dataclass(frozen=True)
class Sample:
    """One thing measured once: recipients, wall and CPU seconds of the sender, its peak memory in MB.

    `more` holds what only some measurements know, such as seconds of start-up.
    """

    recipients: int
    wall: float
    cpu: float
    peak: float = 0.0
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.recipients / self.wall

    @property
    def each(self) -> float:
        """CPU µs per recipient."""
        return self.cpu / self.recipients * 1e6


@dataclass
class Watch:
    """Wall and CPU seconds of this process, all its threads together."""

    began: float
    wall: float = 0.0
    cpu: float = 0.0

    @property
    def ended(self) -> float:
        return self.began + self.wall

    def sample(self, recipients: int, **more: float) -> Sample:
        """What was measured, with this process' peak memory."""
        return Sample(recipients, self.wall, self.cpu, peak_memory(), more)


@contextmanager
def watch() -> Iterator[Watch]:
    """Measures the block."""
    seen, cpu = Watch(time.perf_counter()), time.process_time()
    yield seen
    seen.wall, seen.cpu = time.perf_counter() - seen.began, time.process_time() - cpu


def peak_memory() -> float:
    """Most memory that this process ever held, in MB. (What `getrusage` says begins with the parent's.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def pin(core: int) -> None:
    """This process, and all that it will start, on one core."""
    os.sched_setaffinity(0, {core})


def measured(function: Callable[..., Sample], *arguments: Any, **named: Any) -> Sample:
    """The function's sample, out of a fresh process. Raises Failed with the process' own words."""
    return together([(function, arguments, named)])[0]


def together(calls: Sequence[tuple[Callable[..., Sample], tuple[Any, ...], Mapping[str, Any]]]) -> list[Sample]:
    """Several at once, each in a process of its own; each gets as `ready` what to call when it may begin."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(len(calls), timeout=START_UP)
    lines, processes = [], []
    for function, arguments, named in calls:
        ours, theirs = context.Pipe(duplex=False)
        given = {**named, "ready": gate} if len(calls) > 1 else dict(named)
        process = context.Process(target=_work, args=(theirs, function, arguments, given))
        process.start()
        theirs.close()
        lines.append(ours)
        processes.append(process)
    try:
        return [_answer(line) for line in lines]
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        for process in processes:
            process.join()


def _answer(line: Connection) -> Sample:
    try:
        answer = line.recv()
    except EOFError:
        raise Failed("a measured process died without a word") from None
    if isinstance(answer, str):
        raise Failed(answer)
    assert isinstance(answer, Sample)
    return answer


def _work(line: Connection, function: Callable[..., Sample], arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    if "ready" in named:
        named["ready"] = named["ready"].wait
    try:
        line.send(function(*arguments, **named))
    except BaseException:
        line.send(traceback.format_exc())
