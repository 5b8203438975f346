"""The process that stays: fresh events and moments that come reach the provider without a walk of the schedule."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.patience import PATIENCE, until
from tests.engine.worlds import DAY, MINUTE, World, email, make_plan, wait
from vefa.channels.base import Accepted
from vefa.crm.tables import events
from vefa.database import writing
from vefa.engine import resident
from vefa.engine.resident import Resident, Told
from vefa.inbox import put
from vefa.language.conditions import EventScope
from vefa.plan.plans import Runs, Whenever

pytestmark = pytest.mark.rule(23)


class Clock:
    """Business time as the test says it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture
def told() -> list[dict[str, Told]]:
    return []


class Staying(Resident):
    """A resident in a thread of its own."""

    thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self.run)
        self.thread.start()


@pytest.fixture
def stays(world: World, clock: Clock, told: list[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Staying]:
    """A resident over the world, running; journeys of the instant path are deployed as `thanks`."""
    monkeypatch.setattr(resident, "AGAIN", 0.05)
    monkeypatch.setattr(resident, "JOURNEYS_EVERY", 0.05)
    ours = Staying(world.database, lambda: world.shop, clock=clock, teller=told.append)
    yield ours
    ours.stop()
    if ours.thread is not None:
        ours.thread.join()


def at_once(*steps: Any, **more: Any) -> Any:
    return make_plan(*steps, runs=Runs(at_once=True), **more)


def deployed(world: World, clock: Clock, plan: Any) -> None:
    world.deploy(plan, at=clock() - DAY)


def test_a_fresh_order_is_answered(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email()))
    stays.start()
    until(lambda: stays._journeys)
    world.order(world.customer("Ayşe"), clock())
    stays.wake()

    until(lambda: len(world.email.got) == 1)


def test_what_came_just_before_it_was_started_is_answered_too(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email()))
    world.order(world.customer("Ayşe"), clock())

    stays.start()

    until(lambda: len(world.email.got) == 1)


def test_five_minutes_are_five_minutes(world: World, clock: Clock, stays: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "FUTILE", timedelta(0))
    deployed(world, clock, at_once(wait("five", "hello", seconds=300), email()))
    world.order(world.customer("Ayşe"), clock())
    stays.start()
    until(lambda: [row.phase for row in world.enrolments()] == [1])
    assert world.email.got == []

    clock.moment += 5 * MINUTE

    until(lambda: len(world.email.got) == 1)


def test_other_journeys_are_left_to_the_schedule(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, make_plan(email()))
    deployed(world, clock, at_once(email(), journey="instant"))
    stays.start()
    world.order(world.customer("Ayşe"), clock())

    until(lambda: len(world.enrolments("instant")) == 1)
    assert world.enrolments("thanks") == []


def test_an_event_whose_transaction_ends_late_is_seen(world: World, clock: Clock, stays: Any) -> None:
    """Its number is lower than one that was seen before."""
    deployed(world, clock, at_once(email()))
    stays.start()
    until(lambda: stays._journeys)
    first, second = world.customer("Ayşe"), world.customer("Bora")
    world.order(first, clock())
    until(lambda: len(world.email.got) == 1)
    number = min(row.id for row in world.rows(events))
    with writing(world.database) as connection:
        connection.execute(sa.update(events).where(events.c.id == number).values(id=number + 50))
    until(lambda: number + 50 in stays._seen)
    row = {"source": "shop", "type": "order.placed", "object_kind": "order", "object_key": "late", "object_id": 77}
    world.insert(events, id=number + 49, customer_id=second, occurred_at=clock(), known_at=clock(), **row)

    until(lambda: len(world.email.got) == 2)


def test_what_was_written_down_is_taken_in_first(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email()))
    customer = world.customer("Ayşe")

    def take(connection: sa.Connection, rows: Any, now: datetime) -> None:
        given = {"source": "hook", "type": "order.placed", "object_kind": "order"}
        for row in rows:
            number = int(row.body)
            moments = {"occurred_at": now, "known_at": now, "customer_id": customer}
            connection.execute(sa.insert(events).values(object_key=str(number), object_id=number, **given, **moments))

    stays.takers = lambda: {"hook": take}
    stays.start()
    with writing(world.database) as connection:
        for number in range(3):
            put(connection, "hook", str(number).encode(), clock())
    stays.wake()

    until(lambda: len(world.email.got) == 3)


def test_while_another_run_holds_the_journey_it_waits_and_then_does_it(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email()))
    tick = world.begin(clock(), owner="elsewhere:1:a")
    world.order(world.customer("Ayşe"), clock())
    stays.start()
    until(lambda: "thanks" in stays._desks)
    assert world.email.got == []

    tick.abandon()

    until(lambda: len(world.email.got) == 1)


def test_after_an_error_it_tries_again(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email()))
    fails = iter([sa.exc.OperationalError("SELECT", None, OSError("gone")), OSError("full")])
    run = resident.run_narrow

    def sometimes(*given: Any, **more: Any) -> Any:
        if (error := next(fails, None)) is not None:
            raise error
        return run(*given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resident, "run_narrow", sometimes)
        world.order(world.customer("Ayşe"), clock())
        stays.start()
        until(lambda: len(world.email.got) == 1)
    assert next(fails, None) is None


def test_a_slow_provider_of_one_journey_holds_up_no_other(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email(), journey="slow"))
    stays.start()
    go = threading.Event()

    def slowly(message: Any) -> Any:
        go.wait(PATIENCE)
        return Accepted("p")

    world.email.script.append(slowly)
    until(lambda: "slow" in stays._journeys)
    world.order(world.customer("Ayşe"), clock())
    until(lambda: len(world.email.got) == 1)
    deployed(world, clock, at_once(replace(email(), template="note"), journey="quick"))
    until(lambda: "quick" in stays._journeys)
    world.order(world.customer("Bora"), clock())

    until(lambda: len(world.enrolments("quick")) >= 1 and len(world.email.got) >= 2)
    go.set()
    until(lambda: world.enrolments("slow") and all(row.state == "finished" for row in world.enrolments("slow")))


def test_it_tells_what_it_did_when_it_ends(world: World, clock: Clock, stays: Any, told: list[Any]) -> None:
    deployed(world, clock, at_once(email()))
    world.order(world.customer("Ayşe"), clock())
    stays.start()
    until(lambda: len(world.email.got) == 1)
    until(lambda: all(row.state == "finished" for row in world.enrolments()))
    stays.stop()

    until(lambda: told)
    assert (told[0]["thanks"].entered, told[0]["thanks"].sent) == (1, 1)


def test_a_journey_that_was_paused_stands_still(world: World, clock: Clock, stays: Any) -> None:
    deployed(world, clock, at_once(email()))
    stays.start()
    until(lambda: stays._journeys)
    world.turn("thanks", "paused", clock())
    world.order(world.customer("Ayşe"), clock())
    until(lambda: not stays._journeys)

    assert world.email.got == []


def test_an_event_that_a_whenever_waits_for_wakes_the_journey(world: World, clock: Clock, stays: Resident) -> None:
    entry = Whenever("on-answer", EventScope("ticket.answered", of_customer=True), "whenever/tell", ("whenever/tell",))
    steps = (wait("rest", None, days=9), email("whenever/tell", id="tell"))
    world.deploy(make_plan(*steps, runs=Runs(at_once=True), whenever=(entry,)), clock() - DAY)
    ada = world.customer()
    world.order(ada, clock() - MINUTE)
    world.tick(clock(), wall=clock())
    stays.start()

    world.happen("ticket.answered", ada, clock())
    stays.wake()

    until(lambda: [row.state for row in world.sends()] == ["sent"])
