"""A world with staff and tools, on each database in turn."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.errands.offices import Office
from vefa.settings import Channels, Settings, Shop


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A shop that writes Turkish only, and really speaks to tools."""
    return settings.model_copy(update={"shop": Shop(locales=("tr",)), "channels": Channels(tools="http")})


@pytest.fixture
def office(engine: sa.Engine, settings: Settings) -> Office:
    return Office(engine, settings)
