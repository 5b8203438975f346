"""`python -m tests.machines`: the long form, and its figures."""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from flows.prefect_server import healthy
from flows.processes import start, stop
from tests.chaos.postgres import running_server
from tests.machines.fleet import until
from tests.machines.story import Plot, tell_story


def main() -> None:
    """One story, as large as asked for."""
    for name in [name for name in os.environ if name.startswith("VEFA_")]:
        del os.environ[name]
    os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    parser = argparse.ArgumentParser(prog="python -m tests.machines", description=__doc__)
    parser.add_argument("--people", type=int, default=40_000)
    parser.add_argument("--machines", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=2, help="requests that one run has under way")
    parser.add_argument("--answer-ms", type=int, default=500, help="how long the provider takes")
    given = parser.parse_args()
    plot = Plot(given.people, given.machines, given.in_flight, given.answer_ms / 1000, marked_at_once=False)
    with tempfile.TemporaryDirectory(prefix="vefa-machines-") as name:
        root, home = Path(name) / "shop", Path(name) / "prefect"
        home.mkdir()
        with running_server() as database, prefect_server(home) as url:
            figures = tell_story(plot, root, database.new_database(), url)
    for name, value in asdict(figures).items():
        print(f"{name.replace('_', ' '):24} {value}")


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """A server as a shop runs it, on an empty database in that folder; Prefect's settings here point to it."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, environment = f"http://127.0.0.1:{port}/api", os.environ | {"PREFECT_HOME": str(home)}
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = start("Prefect", command, environment, home, home / "server.log")
    try:
        until(lambda: healthy(url, 2.0), "a Prefect server")
        with temporary_settings({PREFECT_API_URL: url}):
            yield url
    finally:
        stop([server])


if __name__ == "__main__":
    main()
