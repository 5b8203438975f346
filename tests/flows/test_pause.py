from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from flows.pause import switch
from flows.standing import read_stands
from vefa.database import reading, writing
from vefa.engine.plans import store_plan
from vefa.errors import UserError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(engine: sa.Engine, plan: Any) -> sa.Engine:
    with writing(engine) as connection:
        for name, status in (("win-back", "live"), ("birthday", "closing"), ("brand-day", "draft")):
            store_plan(connection, plan(name, status=status), NOW)
    return engine


def states(database: sa.Engine) -> dict[str, str]:
    with reading(database) as connection:
        return {name: stand.state for name, stand in read_stands(connection).items()}


def test_pausing_one_journey_leaves_the_others(database: sa.Engine) -> None:
    assert switch(database, ["win-back"], paused=True) == ["win-back"]

    assert states(database) == {"win-back": "paused", "birthday": "closing", "brand-day": "draft"}


def test_pausing_everything_stops_whatever_runs(database: sa.Engine) -> None:
    assert switch(database, [], paused=True) == ["birthday", "win-back"]


def test_resuming_goes_back_to_what_the_journey_was(database: sa.Engine) -> None:
    before = states(database)
    switch(database, [], paused=True)
    switch(database, [], paused=False)

    assert states(database) == before


def test_pausing_twice_changes_nothing(database: sa.Engine) -> None:
    switch(database, ["win-back"], paused=True)

    assert switch(database, ["win-back"], paused=True) == []


def test_a_journey_that_was_never_deployed_cannot_be_paused(database: sa.Engine) -> None:
    with pytest.raises(UserError, match='No journey "win-bakc" was ever deployed'):
        switch(database, ["win-bakc"], paused=True)
