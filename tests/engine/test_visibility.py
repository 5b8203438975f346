"""Rules 1 to 4: three clocks, what is visible when, what is looked at, and what is too old."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.clock import stopped_at
from vefa.engine.tables import journeys
from vefa.language.conditions import Compare, Duration
from vefa.plan.ways_in import EventTrigger


@pytest.mark.rule(1)
def test_a_tick_tells_the_time_by_its_clock_alone(world: World) -> None:
    world.deploy(make_plan(email()), NOON - 30 * DAY)
    world.order(world.customer(), NOON - 20 * DAY)

    world.tick(NOON - 20 * DAY + MINUTE, wall=NOON)

    sent = world.send()
    assert (sent.claimed_at, sent.settled_at) == (NOON - 20 * DAY + MINUTE,) * 2
    assert world.enrolment().enrolled_at == NOON - 20 * DAY + MINUTE


@pytest.mark.rule(1)
def test_each_batch_of_claims_reads_the_clock_anew(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    moments = iter([NOON + MINUTE * n for n in range(1, 100)])

    world.tick(NOON, clock=lambda: next(moments))

    assert world.send().claimed_at > world.enrolment().enrolled_at


@pytest.mark.rule(2)
def test_an_event_enters_nobody_before_it_is_known(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON, known=NOON + 2 * HOUR)

    early, later = world.tick(NOON + HOUR), world.tick(NOON + 2 * HOUR)

    assert (early.entered, later.entered) == (0, 1)


@pytest.mark.rule(2)
def test_whoever_enters_late_enters_by_the_events_own_time(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", hours=5), email()))
    world.order(world.customer(), NOON, known=NOON + 2 * HOUR)

    world.tick(NOON + 3 * HOUR)

    row = world.enrolment()
    assert (row.entered_at, row.due_at) == (NOON, NOON + 5 * HOUR)


@pytest.mark.rule(3)
def test_an_event_that_is_committed_after_a_tick_with_an_older_moment_is_still_taken(world: World) -> None:
    world.deploy(make_plan(email()), NOON - DAY)
    world.order(world.customer("Ada"), NOON)
    world.tick(NOON + MINUTE)
    world.order(world.customer("Can"), NOON - 30 * MINUTE)

    assert world.tick(NOON + 2 * MINUTE).entered == 1


@pytest.mark.rule(3)
def test_every_event_looked_at_is_written_down_with_what_became_of_it(world: World) -> None:
    trigger = EventTrigger("order.placed", "order", where=Compare("order.total", ">=", 50))
    plan = make_plan(email(), trigger=trigger, audience=Compare("customer.country", "=", "TR"))
    world.deploy(plan, NOON - 10 * DAY)
    turkish, german = world.customer(country="TR"), world.customer(country="DE")
    world.order(turkish, NOON)
    world.order(turkish, NOON, total=10)
    world.order(german, NOON)
    world.order(turkish, NOON - 5 * DAY, known=NOON)
    world.order(turkish, NOON - 11 * DAY, known=NOON)

    report = world.tick(NOON + MINUTE)

    assert world.outcomes() == ["entered", "where", "audience", "too old", "before it was live"]
    assert report.refused == {"where": 1, "audience": 1, "too old": 1, "before it was live": 1}


@pytest.mark.rule(3)
def test_an_event_is_looked_at_once(world: World) -> None:
    world.deploy(make_plan(email(), audience=Compare("customer.country", "=", "TR")))
    world.order(world.customer(country="DE"), NOON)
    world.tick(NOON + MINUTE)

    assert world.tick(NOON + 2 * MINUTE).refused == {}


@pytest.mark.rule(3)
def test_two_events_of_one_object_enter_once_and_the_second_is_told_so(world: World) -> None:
    trigger = EventTrigger("ticket.state_changed", "ticket")
    world.deploy(make_plan(email(), trigger=trigger))
    ada = world.customer()
    for occurrence in (0, 1):
        world.happen(
            "ticket.state_changed",
            ada,
            NOON + occurrence * MINUTE,
            object_kind="ticket",
            object_id=7,
            object_key="t-7",
            occurrence=occurrence,
        )

    report = world.tick(NOON + HOUR)

    assert (report.entered, report.refused, report.finished) == (1, {"already inside once": 1}, 1)
    assert world.outcomes() == ["entered", "already inside once"]


@pytest.mark.rule(4)
def test_what_happened_before_the_journey_went_live_enters_nobody(world: World) -> None:
    world.order(world.customer(), NOON - MINUTE, known=NOON + MINUTE)
    world.deploy(make_plan(email()))

    assert world.tick(NOON + HOUR).refused == {"before it was live": 1}


@pytest.mark.rule(4)
def test_what_happened_at_the_moment_of_going_live_enters(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)

    assert world.tick(NOON).entered == 1


@pytest.mark.rule(4)
@pytest.mark.parametrize(("age", "outcome"), [(3 * DAY, "entered"), (3 * DAY + timedelta(seconds=1), "too old")])
def test_an_event_older_than_three_days_is_too_old(world: World, age: timedelta, outcome: str) -> None:
    world.deploy(make_plan(email()), NOON - 30 * DAY)
    world.order(world.customer(), NOON - age, known=NOON)

    world.tick(NOON)

    assert world.outcomes() == [outcome]


@pytest.mark.rule(4)
def test_backfill_reaches_back_as_far_as_it_says(world: World) -> None:
    world.order(world.customer(), NOON - 13 * DAY)
    world.order(world.customer(), NOON - 15 * DAY)
    world.deploy(make_plan(email(), backfill=Duration(days=14)))

    assert world.tick(NOON).entered == 1


@pytest.mark.rule(4)
def test_the_moment_of_going_live_outlives_later_deploys(world: World) -> None:
    world.deploy(make_plan(email(), status="draft"), NOON - 5 * DAY)
    world.deploy(make_plan(email()), NOON)
    world.deploy(make_plan(email("other")), NOON + DAY)

    (row,) = world.rows(journeys, sa.true())
    assert row.live_since == NOON


@pytest.mark.rule(4)
def test_a_draft_enters_nobody(world: World) -> None:
    world.deploy(make_plan(email(), status="draft"))
    world.order(world.customer(), NOON)

    assert world.tick(NOON + MINUTE, clock=stopped_at(NOON + MINUTE)).entered == 0
