"""Machines as processes: each a Prefect worker with room for one run, which can be killed together with that run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flows.deployments import WORK_POOL

Answer = TypeVar("Answer")
#: Seconds that anything may take on a slow machine.
PATIENCE = 150.0


@dataclass(frozen=True)
class Machine:
    """A worker and whatever it started."""

    name: str
    process: subprocess.Popen[bytes]

    def runs(self, pid: int) -> bool:
        """Whether the process is this machine's."""
        return pid in {self.process.pid, *_offspring(self.process.pid)}

    def kill(self) -> None:
        """As if somebody pulled the plug: the worker and its runs, at once and without a word."""
        for pid in (self.process.pid, *_offspring(self.process.pid)):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Politely; then not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def fleet(number: int, folder: Path, environment: Mapping[str, str]) -> Iterator[list[Machine]]:
    """So many machines on our work pool; all of them end with the block."""
    machines = [_start(f"machine-{each}", folder, environment) for each in range(1, number + 1)]
    try:
        yield machines
    finally:
        for machine in machines:
            machine.stop()


def _start(name: str, folder: Path, environment: Mapping[str, str]) -> Machine:
    home = folder / name
    home.mkdir()
    command = ["prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process", "--name", name, "--limit", "1"]
    given = {
        "PREFECT_HOME": str(home),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    with (home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=os.environ | given | environment, stdout=log, stderr=log, cwd=home
        )
    return Machine(name, process)


def until(question: Callable[[], Answer], what: str, every: float = 0.2) -> Answer:
    """Asked again until the answer is something."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := question()):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:.0f} s"
        time.sleep(every)
    return answer


def peak_of(pid: int) -> int | None:
    """Most memory that the process ever held, in MB; None where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    peak = status.partition("VmHWM:")[2].split()
    return int(peak[0]) // 1024 if peak else None


def _offspring(pid: int) -> list[int]:
    """All processes below that one, the nearest first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(parents.get(pid, ()))
    for child in found:
        found += parents.get(child, ())
    return found
