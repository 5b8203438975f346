from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.processes import Stopped, start, stop, stoppable

#: A process that starts another one, and neither wants to end.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


def until(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_stopping_ends_a_process_and_whatever_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.processes.PATIENCE", 0.5)
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    child = start("stubborn", ["stubborn"], dict(os.environ), tmp_path, tmp_path / "log" / "stubborn.log")
    until(lambda: child.tail().strip().isdigit())
    grandchild = int(child.tail())

    stop([child])

    assert not child.alive
    assert not alive(grandchild)


def test_a_process_that_has_ended_already_can_be_stopped(tmp_path: Path) -> None:
    child = start("short", ["this"], dict(os.environ), tmp_path, tmp_path / "short.log")
    child.process.wait()

    stop([child])

    assert not child.alive


def test_what_a_process_said_last_can_be_told(tmp_path: Path) -> None:
    child = start("broken", ["no_such_module_here"], dict(os.environ), tmp_path, tmp_path / "broken.log")
    child.process.wait()

    assert "No module named no_such_module_here" in child.tail()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_both_lead_out_in_good_order(number: signal.Signals) -> None:
    tidied = False
    with stoppable():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            tidied = True

    assert tidied


def test_a_second_ctrl_c_does_not_disturb_the_stopping() -> None:
    finished = False
    with stoppable():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except Stopped:
            os.kill(os.getpid(), signal.SIGINT)
            finished = True
            raise

    assert finished


def test_importing_the_rooms_starts_no_work_and_needs_no_prefect_for_the_command_line() -> None:
    """`vefa --help` must not wait for Prefect."""
    seen = subprocess.run(
        [sys.executable, "-c", "import sys, flows, tasks, flows.deploy, flows.up; print('prefect' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert seen.stdout.strip() == "False"
