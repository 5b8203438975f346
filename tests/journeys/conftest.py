"""The example shop with its own journeys and words."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.journeys.shipped_worlds import ShippedWorld


@pytest.fixture
def shipped(sqlite_engine: sa.Engine, example_root: Path) -> ShippedWorld:
    """A world over the shipped journeys, words and policy."""
    return ShippedWorld(sqlite_engine, example_root)
