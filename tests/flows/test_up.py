"""`vefa up` as somebody starts it in a terminal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.prefect
MAIN = "from vefa.cli import main; main()"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def start_up(example_root: Path, port: int) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts `vefa up` for the example shop; whatever still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        environment = os.environ | {"VEFA_ROOT": str(example_root)}
        environment.pop("PREFECT_API_URL", None)
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "up", "--port", str(port), "--workers", "1"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=60)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def our_processes(root: Path) -> list[str]:
    """Command lines of the processes that have this shop in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"VEFA_ROOT={root}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def scheduled_runs(port: int) -> int:
    """Runs that Prefect's scheduler has planned."""
    wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    return int(httpx.post(f"http://127.0.0.1:{port}/api/flow_runs/count", json=wanted, trust_env=False).json())


def test_up_serves_deploys_schedules_and_leaves_nothing_running(
    start_up: Callable[[], subprocess.Popen[str]], example_root: Path, port: int
) -> None:
    process = start_up()
    said = read_until(process, "Ctrl-C stops everything")
    assert f"http://127.0.0.1:{port}" in said
    assert "win-back" in said
    deadline = time.monotonic() + 60
    while not scheduled_runs(port):
        assert time.monotonic() < deadline
        time.sleep(0.5)

    second = start_up()
    refused, _ = second.communicate(timeout=60)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)

    assert "running already" in refused
    assert "Stopped." in rest
    assert process.returncode == 0
    assert our_processes(example_root) == []


def test_up_says_whose_fault_it_is_when_the_port_is_taken(
    start_up: Callable[[], subprocess.Popen[str]], example_root: Path, port: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        said, _ = start_up().communicate(timeout=60)

    assert f"Port {port} is taken by another program" in said
    assert not (example_root / "var" / "prefect").exists()
