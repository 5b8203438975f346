"""Rule 23, as far as it stands: whoever walks a journey that `runs: at once` is told of waits and delays as they come.

The consumer that stays in the house comes later; it will live by these two questions.
"""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from tests.engine.worlds import DAY, HOUR, ISTANBUL, MINUTE, NOON, World, email, istanbul, make_plan, wait
from vefa.channels.base import Busy, Doubtful
from vefa.engine.agenda import due_journeys, next_moment
from vefa.plan.plans import Plan, Runs
from vefa.plan.policy import Policy, QuietHours, Rule
from vefa.plan.ways_in import EveryTrigger

AT_ONCE = Runs(at_once=True)


def greeting(**more: object) -> Plan:
    steps = (wait("rest", "hello", seconds=300), email())
    return make_plan(*steps, runs=AT_ONCE, **more)


def due(world: World, at: object) -> tuple[str, ...]:
    return due_journeys(world.database, at, ISTANBUL)


@pytest.mark.rule(23)
def test_a_fresh_event_makes_its_journey_due(world: World) -> None:
    world.deploy(greeting())
    world.tick(NOON)
    world.order(world.customer(), NOON + MINUTE)

    assert (due(world, NOON), due(world, NOON + MINUTE)) == ((), ("thanks",))


@pytest.mark.rule(23)
def test_a_wait_of_five_minutes_is_due_after_five_minutes(world: World) -> None:
    world.deploy(greeting())
    world.order(world.customer(), NOON)
    world.tick(NOON)

    moment = next_moment(world.database, NOON, ISTANBUL)

    assert moment == NOON + 5 * MINUTE
    assert due(world, NOON + timedelta(seconds=299)) == ()
    assert due(world, moment) == ("thanks",)
    assert world.tick(moment).sent == 1


@pytest.mark.rule(23)
def test_a_message_put_off_is_due_when_it_may_go(world: World) -> None:
    night = QuietHours(time(22), time(9))
    world.under(Policy(rules=(Rule("commercial", "email", consent=True, quiet=night),)))
    world.deploy(greeting())
    late, morning = istanbul(date(2026, 3, 10), "22:30"), istanbul(date(2026, 3, 11), "9:00")
    world.order(world.customer(), late)
    world.tick(late)
    world.tick(late + 5 * MINUTE)

    assert next_moment(world.database, late + 5 * MINUTE, ISTANBUL) == morning
    assert (due(world, late + HOUR), due(world, morning)) == ((), ("thanks",))


@pytest.mark.rule(23)
def test_a_message_that_the_provider_gave_back_is_due_again(world: World) -> None:
    world.deploy(make_plan(email(), runs=AT_ONCE))
    world.order(world.customer(), NOON)
    world.email.script.append(Busy("429", 30))
    world.tick(NOON)

    assert next_moment(world.database, NOON, ISTANBUL) == NOON + timedelta(seconds=30)


@pytest.mark.rule(23)
def test_a_transactional_message_in_doubt_is_due_after_the_look_up_window(world: World) -> None:
    world.deploy(make_plan(email(purpose="transactional"), runs=AT_ONCE))
    world.order(world.customer(), NOON)
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)

    assert next_moment(world.database, NOON, ISTANBUL) == NOON + HOUR
    assert due(world, NOON + HOUR) == ("thanks",)


@pytest.mark.rule(23)
def test_an_event_of_the_future_is_due_when_it_is_known(world: World) -> None:
    world.deploy(greeting())
    world.tick(NOON)
    world.order(world.customer(), NOON, known=NOON + HOUR)

    assert next_moment(world.database, NOON, ISTANBUL) == NOON + HOUR


@pytest.mark.rule(23)
def test_a_newsletter_is_due_by_the_shops_clock(world: World) -> None:
    world.deploy(make_plan(email(), trigger=EveryTrigger("0 10 * * *", None)))
    world.customer()
    world.tick(NOON)

    tomorrow = istanbul(date(2026, 3, 11), "10:00")
    assert next_moment(world.database, NOON, ISTANBUL) == tomorrow
    assert (due(world, tomorrow - MINUTE), due(world, tomorrow)) == ((), ("thanks",))


@pytest.mark.rule(23)
def test_a_paused_journey_is_never_due(world: World) -> None:
    world.deploy(greeting())
    world.order(world.customer(), NOON)
    world.tick(NOON)
    world.turn("thanks", "paused", NOON + MINUTE)

    assert due(world, NOON + DAY) == ()


@pytest.mark.rule(23)
def test_where_nothing_is_due_there_is_no_next_moment(world: World) -> None:
    world.deploy(greeting())

    assert next_moment(world.database, NOON, ISTANBUL) is None
