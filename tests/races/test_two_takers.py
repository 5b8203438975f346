"""Two servers beside each other end where one alone would, whichever of them is quicker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.races.doors import DOORS, LATER
from tests.races.takers import Takers, running_takers
from tests.soak import rounds
from vefa.crm.tables import told_early
from vefa.settings import Settings

#: SQLite lets one transaction write at a time, so few are enough there.
ROUNDS = {"sqlite": rounds(5, 300), "postgresql": rounds(15, 300)}


@pytest.fixture(scope="module")
def takers() -> Iterator[Takers]:
    with running_takers() as takers:
        yield takers


@pytest.mark.parametrize("name", DOORS)
def test_two_messages_about_one_object_end_as_they_would_one_after_the_other(
    name: str, takers: Takers, engine: sa.Engine, settings: Settings
) -> None:
    door, count = DOORS[name], ROUNDS[engine.dialect.name]
    door.prepare(engine, count)
    messages = [message for n in range(count) for message in door.pair(n)]

    problems = takers.take_in(settings, engine, messages, LATER)

    with engine.connect() as connection:
        found = door.found(connection)
        parked = connection.scalar(sa.select(sa.func.count()).select_from(told_early))
    wrong = {n: found.get(n) for n in range(count) if found.get(n) != door.right(n)}
    assert (wrong, problems, parked) == ({}, [], 0)
