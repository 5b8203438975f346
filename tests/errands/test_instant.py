"""With the instant path staff hear within seconds, and a slow tool holds up no answer to a customer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.engine.patience import PATIENCE, until
from tests.engine.worlds import DAY, make_plan
from tests.errands.offices import Office, notify
from vefa.channels.base import Accepted
from vefa.database import writing
from vefa.engine import errand_desk, resident
from vefa.engine.resident import Resident
from vefa.errands.book import notify_staff
from vefa.inbox import put
from vefa.plan.plans import Runs
from vefa.settings import Settings


@pytest.fixture
def office(sqlite_engine: Any, settings: Settings) -> Office:
    return Office(sqlite_engine, settings)


@pytest.fixture
def stays(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resident]:
    """A resident over the office, running."""
    monkeypatch.setattr(resident, "JOURNEYS_EVERY", 0.05)
    monkeypatch.setattr(errand_desk, "AGAIN", 0.01)
    now = datetime.now(UTC)
    ours = Resident(office.database, lambda: office.shop, clock=lambda: now)
    thread = threading.Thread(target=ours.run)
    thread.start()
    yield ours
    ours.stop()
    thread.join()


def test_staff_are_told_of_what_just_happened_though_one_of_them_is_slow_to_hear(office: Office, stays: Any) -> None:
    go = threading.Event()

    def slowly(_mail: Any) -> Any:
        go.wait(PATIENCE)
        return Accepted("p")

    office.email.script.append(slowly)
    now = stays.clock()
    office.deploy(make_plan(notify(), runs=Runs(at_once=True)), now - DAY)
    until(lambda: stays._journeys)
    office.order(office.customer("Ayşe"), now)
    stays.wake()
    until(lambda: len(office.email.got) == 1)
    office.order(office.customer("Bora"), now)
    until(lambda: [row.state for row in office.enrolments()] == ["finished"] * 2)
    go.set()

    until(lambda: office.states() == ["done", "done"])


def test_notices_of_no_journey_are_brought_out_too_and_an_error_is_made_good(
    office: Office, stays: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = iter([OSError("full")])
    run = errand_desk.run_errands

    def sometimes(*given: Any, **more: Any) -> Any:
        if (error := next(fails, None)) is not None:
            raise error
        return run(*given, **more)

    monkeypatch.setattr(errand_desk, "run_errands", sometimes)
    with writing(office.database) as connection:
        notify_staff(connection, "care-team", "k", "Bir not", stays.clock())

    until(lambda: len(office.email.got) == 1)
    assert next(fails, None) is None


def test_without_walks_it_takes_in_what_came_and_leaves_the_journeys_alone(office: Office) -> None:
    taken: list[bytes] = []

    def taker(_connection: Any, rows: Any, _now: datetime) -> None:
        taken.extend(row.body for row in rows)

    now = datetime.now(UTC)
    office.deploy(make_plan(notify(), runs=Runs(at_once=True)), now - DAY)
    office.order(office.customer("Ayşe"), now)
    with writing(office.database) as connection:
        put(connection, "desk", b"1", now)
    ours = Resident(office.database, lambda: office.shop, lambda: {"desk": taker}, clock=lambda: now, walks=False)

    assert ours.round()

    assert taken == [b"1"]
    assert office.enrolments() == []


def test_who_takes_in_is_asked_anew_when_a_file_was_added(office: Office) -> None:
    stamp, takers = [1], {}
    taken: list[bytes] = []
    ours = Resident(office.database, lambda: office.shop, lambda: dict(takers), stamp=lambda: stamp[0], walks=False)
    with writing(office.database) as connection:
        put(connection, "new", b"1", datetime.now(UTC))

    ours.round()
    assert taken == []
    takers["new"] = lambda _connection, rows, _now: taken.extend(row.body for row in rows)
    stamp[0] = 2
    ours.round()

    assert taken == [b"1"]
