"""The example shop with its own journeys and words, over weeks of ticks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.engine.worlds import World
from vefa.engine.agenda import next_moment
from vefa.plan.project import load_project
from vefa.settings import Settings

#: Lets time pass from a moment to another: a look at each moment at which the journey has anything to do.
Weeks = Callable[[str, datetime, datetime], None]


@pytest.fixture
def shipped(sqlite_engine: sa.Engine, example_root: Path) -> World:
    """A world over the shipped journeys, words and policy."""
    settings = Settings(root=example_root, secret_key=SecretStr("a secret of tests only, long enough to sign with"))
    return World(sqlite_engine, settings, load_project(example_root, settings).policy)


@pytest.fixture
def weeks(shipped: World) -> Weeks:
    def pass_by(journey: str, start: datetime, end: datetime) -> None:
        moment: datetime | None = start
        while moment is not None and moment <= end:
            shipped.tick(moment, journey)
            moment = next_moment(shipped.database, moment, "Europe/Istanbul", (journey,))

    return pass_by
