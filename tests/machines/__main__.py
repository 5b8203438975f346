"""`python -m tests.machines`: the long form, and its figures."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.chaos.postgres import running_server
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
    with running_server() as server, tempfile.TemporaryDirectory(prefix="vefa-machines-") as root, _prefect() as url:
        figures = tell_story(plot, Path(root), server.new_database(), url)
    for name, value in asdict(figures).items():
        print(f"{name.replace('_', ' '):24} {value}")


@contextmanager
def _prefect() -> Iterator[str]:
    """A server of our own, on an empty database."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(120):
        yield PREFECT_API_URL.value()


if __name__ == "__main__":
    main()
