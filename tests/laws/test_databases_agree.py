"""The same history has the same end on SQLite and on PostgreSQL."""

from __future__ import annotations

from hypothesis import given, settings

from tests.laws.histories import History, histories
from tests.laws.stage import Theatre
from tests.laws.test_clock_laws import fate, lived


@settings(max_examples=4 if settings().derandomize else settings().max_examples // 50)
@given(histories(gentle=True))
def test_both_databases_tell_the_same_story(theatre: Theatre, postgresql_theatre: Theatre, history: History) -> None:
    here = lived(theatre, history)
    there = lived(postgresql_theatre, history)

    for person in range(len(history.people)):
        assert fate(here, person) == fate(there, person)
