"""Processes that live as long as we do: each leads a group of its own, and the whole group ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from vefa.files import make_private_folder, open_private

#: So long a process may take to end by itself; then its group is killed.
PATIENCE = 20.0


class Stopped(BaseException):
    """Somebody asked us to stop: Ctrl-C or SIGTERM."""


@dataclass(frozen=True)
class Child:
    """A process and everything that it starts."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 12) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def start(name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Child:
    """Starts `python -m` with the command; what it says goes to the log."""
    make_private_folder(log.parent)
    with open_private(log, "ab") as out:
        process = subprocess.Popen(  # noqa: S603  # the command is made by flows/up.py; nothing of a user's stands in it
            [sys.executable, "-m", *command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, process, log)


def stop(children: Sequence[Child]) -> None:
    """Ends the children, the last one first, each with all that it started; returns when nothing of them runs."""
    for child in reversed(children):
        _signal(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(PATIENCE)
        _wait_for_group(child)
        _signal(child, signal.SIGKILL)
        child.process.wait()
        _wait_for_group(child)


def _wait_for_group(child: Child) -> None:
    """Until nobody of the child's group is left; a quarter of our patience at most."""
    deadline = time.monotonic() + PATIENCE / 4
    while _signal(child, 0) and time.monotonic() < deadline:
        time.sleep(0.05)


def _signal(child: Child, number: int) -> bool:
    """Whether there was anybody left in the child's group to hear it."""
    try:
        os.killpg(child.process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def stoppable() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM raise Stopped, once: while the children are being stopped, no further one disturbs."""
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def raise_stopped(_number: int, _frame: FrameType | None) -> None:
        for number in old:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in old:
        signal.signal(number, raise_stopped)
    try:
        yield
    except Stopped:
        pass
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
