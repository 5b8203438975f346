"""A world on each database in turn."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.engine.worlds import World
from vefa.settings import Settings, Shop


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A shop that writes Turkish only."""
    return settings.model_copy(update={"shop": Shop(locales=("tr",))})


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def sqlite_world(sqlite_engine: sa.Engine, settings: Settings) -> World:
    """The same on SQLite alone, for what only its query planner tells."""
    return World(sqlite_engine, settings)
