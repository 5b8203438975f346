"""A PostgreSQL that may be killed, once for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.postgres import Server, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Its databases keep what was committed, whatever befalls it."""
    with running_server() as running:
        yield running
