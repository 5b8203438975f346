"""A little shop with a loyalty programme."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.engine.worlds import World
from vefa.settings import Settings, Shop


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    """A shop on SQLite and on PostgreSQL in turn."""
    shop = Shop(locales=("tr",), exchange_rates={"EUR": 50})
    (settings.root / "journeys" / "templates").mkdir(parents=True, exist_ok=True)
    return World(engine, settings.model_copy(update={"shop": shop}))
