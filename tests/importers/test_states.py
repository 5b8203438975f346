"""Tickets and returns come to states, by moments and in words: each change is one event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import NOW as IMPORTED
from tests.importers.small_sources import one_table_map, write_rows
from vefa.crm import tables as t
from vefa.crm.arrivals import Arrival, Receipt
from vefa.crm.arriving import take
from vefa.crm.happenings import record_events
from vefa.crm.importers.maps import ImportMap
from vefa.crm.states import object_states
from vefa.database import writing
from vefa.settings import Settings

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def ticket(engine: sa.Engine) -> sa.Engine:
    """A ticket that was opened, with its events."""
    with writing(engine) as connection:
        connection.execute(t.customers.insert(), {"outside_id": "c1", "zone": "UTC", "known_at": NOW, "bucket": 1})
        row = {"source": "shop", "outside_id": "t1", "customer_id": 1, "opened_at": NOW, "opened_known_at": NOW}
        connection.execute(t.tickets.insert(), row)
        record_events(connection, "ticket", None)
    return engine


def change(engine: sa.Engine, **columns: Any) -> int:
    with writing(engine) as connection:
        connection.execute(sa.update(t.tickets).values(columns))
        return record_events(connection, "ticket", None)


def says(engine: sa.Engine, state: str, at: datetime) -> None:
    change(engine, state=state, state_at=at, state_known_at=at)


def reaches(engine: sa.Engine, moment: str, at: datetime) -> None:
    change(engine, **{f"{moment}_at": at, f"{moment}_known_at": at})


def states(engine: sa.Engine) -> list[tuple[int, str]]:
    with engine.connect() as connection:
        query = sa.select(object_states.c.n, object_states.c.state).order_by(object_states.c.n)
        return [tuple(row) for row in connection.execute(query)]


def changes(engine: sa.Engine) -> list[tuple[int, datetime]]:
    e = t.events.c
    with engine.connect() as connection:
        query = sa.select(e.occurrence, e.occurred_at).where(e.type == "ticket.state_changed").order_by(e.occurrence)
        return [tuple(row) for row in connection.execute(query)]


def test_what_an_object_begins_with_is_a_state_and_no_change(ticket: sa.Engine) -> None:
    assert (states(ticket), changes(ticket)) == ([(0, "opened")], [])


def test_moments_tell_states_in_the_order_of_time(ticket: sa.Engine) -> None:
    change(
        ticket,
        answered_at=NOW + HOUR,
        answered_known_at=NOW + HOUR,
        resolved_at=NOW + 2 * HOUR,
        resolved_known_at=NOW + 2 * HOUR,
    )

    assert states(ticket) == [(0, "opened"), (1, "answered"), (2, "resolved")]
    assert changes(ticket) == [(1, NOW + HOUR), (2, NOW + 2 * HOUR)]


def test_what_is_told_again_is_no_change(ticket: sa.Engine) -> None:
    reaches(ticket, "answered", NOW + HOUR)

    assert change(ticket, subject="the same") == 0
    assert len(changes(ticket)) == 1


def test_a_corrected_moment_corrects_its_change(ticket: sa.Engine) -> None:
    reaches(ticket, "answered", NOW + HOUR)
    reaches(ticket, "answered", NOW + 3 * HOUR)

    assert changes(ticket) == [(1, NOW + 3 * HOUR)]


def test_words_tell_states_that_have_no_moment_and_may_come_again(ticket: sa.Engine) -> None:
    for place, state in enumerate(("answered", "waiting", "answered", "waiting"), 1):
        says(ticket, state, NOW + place * HOUR)

    assert [state for _, state in states(ticket)] == ["opened", "answered", "waiting", "answered", "waiting"]
    assert len(changes(ticket)) == 4


def test_what_a_moment_and_words_both_tell_is_one_change(ticket: sa.Engine) -> None:
    reaches(ticket, "answered", NOW + HOUR)
    says(ticket, "answered", NOW + HOUR + timedelta(minutes=1))
    says(ticket, "resolved", NOW + 2 * HOUR)
    reaches(ticket, "resolved", NOW + 2 * HOUR + timedelta(minutes=1))

    assert [state for _, state in states(ticket)] == ["opened", "answered", "resolved"]


def test_the_shops_own_word_for_a_moment_outweighs_ours(ticket: sa.Engine) -> None:
    at = NOW + HOUR
    change(ticket, resolved_at=at, resolved_known_at=at, state="closed happily", state_at=at, state_known_at=at)

    assert [state for _, state in states(ticket)] == ["opened", "closed happily"]


def arrived(number: int, state: str | None, at: datetime) -> Arrival:
    data = {} if state is None else {"state": state}
    return Arrival(f"e{number}", "ticket.state_changed", None, at, data, "ticket", "t1")


def test_events_of_one_batch_are_each_a_change_and_a_second_delivery_is_none(ticket: sa.Engine) -> None:
    told = [arrived(2, "Waiting", NOW + 2 * HOUR), arrived(1, "answered", NOW + HOUR)]
    receipt = Receipt("shop", NOW + 3 * HOUR, False, Settings())
    with writing(ticket) as connection:
        first = take(connection, told, receipt)
        again = take(connection, told[:1], receipt)

    assert [one.state for one in (*first, *again)] == ["new", "new", "known"]
    assert states(ticket) == [(0, "opened"), (1, "answered"), (2, "waiting")]
    assert changes(ticket) == [(1, NOW + HOUR), (2, NOW + 2 * HOUR)]


def test_an_event_must_say_which_state(ticket: sa.Engine) -> None:
    with writing(ticket) as connection:
        (outcome,) = take(connection, [arrived(1, None, NOW)], Receipt("shop", NOW, False, Settings()))

    assert outcome.problem is not None
    assert outcome.problem.startswith("data: state is missing")


RETURNS = ("return", "customer", "at", "status")


def returns_map(**more: str) -> ImportMap:
    columns = {"outside_id": "return", "customer": "customer", "requested_at": "at", "state": "status"}
    return one_table_map("returns", columns | more)


@pytest.fixture
def people(imported: Any, source: Path) -> None:
    write_rows(source / "rows.csv", ("customer",), [("c1",)])
    imported(one_table_map("customers", {"outside_id": "customer"}))


def stages(rows: Any) -> list[tuple[str, datetime]]:
    query = sa.select(object_states.c.state, object_states.c.changed_at).order_by(object_states.c.n)
    return [tuple(row) for row in rows(query)]


def test_a_file_that_says_how_a_return_stands_changes_it_when_the_word_changes(
    imported: Any, people: None, source: Path, rows: Any
) -> None:
    """Without a moment of its own the state is of the time of the import that first said it."""
    for day, status in enumerate(("Approved", "approved", "Shipped")):
        write_rows(source / "rows.csv", RETURNS, [("r1", "c1", "2026-01-01 10:00", status)])
        imported(returns_map(), now=IMPORTED + day * DAY)

    assert [state for state, _ in stages(rows)] == ["requested", "approved", "shipped"]
    assert [at for _, at in stages(rows)][1:] == [IMPORTED, IMPORTED + 2 * DAY]


def test_a_file_may_say_since_when(imported: Any, people: None, source: Path, rows: Any) -> None:
    write_rows(
        source / "rows.csv", (*RETURNS, "since"), [("r1", "c1", "2026-01-01 10:00", "approved", "2026-01-02 10:00")]
    )
    imported(returns_map(state_at="since"), history=True)

    events = rows("select occurred_at, known_at from events where type = 'return.state_changed'")
    assert [state for state, _ in stages(rows)] == ["requested", "approved"]
    assert [row.occurred_at == row.known_at for row in events] == [True]
