"""Rules 5 and 6: from when waits count, on whose clock, and when they are computed again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from tests.engine.worlds import (
    BERLIN,
    DAY,
    DELIVERED,
    HOUR,
    ISTANBUL,
    MINUTE,
    NOON,
    World,
    email,
    here,
    istanbul,
    make_plan,
    wait,
)
from vefa.crm.tables import customers, orders
from vefa.engine.timing import move, wait_end
from vefa.language.conditions import Duration
from vefa.plan.steps import FieldMoment, Tag, WaitUntilEvent, WaitUntilTime

TUESDAY = date(2026, 3, 10)


def until_field(field: str, days: int = 0, at_most: int | None = 30, **more: object) -> WaitUntilTime:
    limit = None if at_most is None else Duration(days=at_most)
    moment = FieldMoment(field, Duration(days=days))
    return WaitUntilTime("rest", "rest", "hello", until=moment, otherwise="late", at_most=limit, **more)


@pytest.mark.rule(5)
def test_a_wait_counts_from_the_triggers_moment_however_late_the_tick(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", hours=5), email()))
    world.order(world.customer(), NOON)

    world.tick(NOON + 2 * HOUR)

    assert world.enrolment().due_at == NOON + 5 * HOUR


@pytest.mark.rule(5)
def test_a_second_wait_counts_from_where_the_first_was_due_though_both_are_past(world: World) -> None:
    world.deploy(make_plan(wait("one", "two", hours=1), wait("two", "hello", hours=9), email()))
    world.order(world.customer(), NOON)

    world.tick(NOON + 4 * HOUR)

    row = world.enrolment()
    assert (world.place(), row.arrived_at, row.due_at) == ("two", NOON + HOUR, NOON + 10 * HOUR)


@pytest.mark.rule(5)
def test_a_wait_after_a_message_counts_from_the_sending(world: World) -> None:
    world.deploy(make_plan(wait("one", "hello", hours=1), email(next="two"), wait("two", None, hours=2)))
    world.order(world.customer(), NOON)

    world.tick(NOON + 4 * HOUR)

    assert world.enrolment().due_at == NOON + 6 * HOUR


@pytest.mark.rule(5)
def test_a_moment_already_past_goes_on_at_once(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", hours=1), email()), NOON - 3 * DAY)
    world.order(world.customer(), NOON - 2 * DAY, known=NOON)

    world.tick(NOON)

    assert world.send().state == "sent"


@pytest.mark.rule(5)
def test_days_are_days_of_the_customers_calendar_at_the_named_time(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", days=1, at=time(10)), email()))
    world.order(world.customer(zone=ISTANBUL), istanbul(TUESDAY, "23:50"))
    world.tick(istanbul(TUESDAY, "23:55"))

    assert world.enrolment().due_at == istanbul(date(2026, 3, 11), "10:00")


@pytest.mark.rule(5)
def test_a_day_over_the_change_of_clocks_is_a_day_and_24_hours_are_24_hours(world: World) -> None:
    saturday = datetime(2026, 3, 28, 11, 0, tzinfo=UTC)  # 12:00 in Berlin, the night before the clocks go forward
    plan = make_plan(wait("rest", "hello", days=1), email())
    world.deploy(plan, saturday - DAY)
    world.deploy(make_plan(wait("rest", "hello", hours=24), email(), journey="hours"), saturday - DAY)
    world.order(world.customer(zone=BERLIN), saturday)

    world.tick(saturday)
    world.tick(saturday, "hours")

    assert world.enrolment().due_at == saturday + 23 * HOUR
    assert world.enrolment("hours").due_at == saturday + 24 * HOUR


@pytest.mark.rule(5)
def test_hours_with_a_time_of_day_end_at_the_first_such_time_not_before(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", hours=2, at=time(13)), email()))
    world.order(world.customer(), istanbul(TUESDAY, "12:00"))

    world.tick(istanbul(TUESDAY, "12:00"))

    assert world.enrolment().due_at == istanbul(date(2026, 3, 11), "13:00")


@pytest.mark.rule(5)
def test_named_weekdays_move_the_end_forward(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", days=1, at=time(10), on=("mon", "sun")), email()))
    world.order(world.customer(), NOON)

    world.tick(NOON)

    assert world.enrolment().due_at == istanbul(date(2026, 3, 15), "10:00")


@pytest.mark.rule(5)
def test_a_time_that_the_clock_jumps_over_is_the_first_moment_after_the_jump() -> None:
    saturday = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)

    end = wait_end(saturday, Duration(days=1), BERLIN, time(2, 30))

    assert end == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


@pytest.mark.rule(5)
def test_a_time_that_the_clock_shows_twice_is_the_first_of_the_two() -> None:
    saturday = datetime(2026, 10, 24, 9, 0, tzinfo=UTC)

    end = wait_end(saturday, Duration(days=1), BERLIN, time(2, 30))

    assert end == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.rule(5)
def test_days_counted_from_the_second_of_two_equal_times_lose_nothing() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 for the second time

    end = move(second, Duration(days=154), BERLIN)  # a Sunday in March on which 02:30 is jumped over

    assert end == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


@pytest.mark.rule(6)
def test_a_wait_on_a_field_ends_at_the_fields_moment(world: World) -> None:
    world.deploy(make_plan(until_field("order.delivered_at", days=2), email(), Tag("late", "late", None, "late")))
    world.order(world.customer(), NOON, delivered_at=NOON + DAY, delivered_known_at=NOON)

    world.tick(NOON)

    assert world.enrolment().due_at == NOON + 3 * DAY


@pytest.mark.rule(6)
def test_a_wait_on_a_field_is_computed_again_when_the_field_changes(world: World) -> None:
    world.deploy(make_plan(until_field("order.delivered_at", days=2), email(), Tag("late", "late", None, "late")))
    order = world.order(world.customer(), NOON, delivered_at=NOON + DAY, delivered_known_at=NOON)
    world.tick(NOON)
    world.change(orders, "order", order, delivered_at=NOON + 5 * DAY, delivered_known_at=NOON + HOUR)

    world.tick(NOON + 3 * DAY)

    assert (world.place(), world.enrolment().due_at) == ("rest", NOON + 7 * DAY)


@pytest.mark.rule(6)
def test_a_field_that_comes_late_ends_the_wait_though_its_moment_is_past(world: World) -> None:
    world.deploy(make_plan(until_field("order.delivered_at"), email(), Tag("late", "late", None, "late")))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, delivered_at=NOON + DAY, delivered_known_at=NOON + 2 * DAY)

    world.tick(NOON + 2 * DAY)

    assert world.send().state == "sent"


@pytest.mark.rule(6)
def test_a_field_that_stays_empty_holds_nobody_longer_than_at_most(world: World) -> None:
    world.deploy(make_plan(until_field("order.delivered_at"), email(), Tag("late", "late", None, "late")))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    waiting = world.enrolment().due_at

    world.tick(NOON + 30 * DAY)

    assert waiting == NOON + 30 * DAY
    assert (world.enrolment().state, world.sends()) == ("finished", [])


@pytest.mark.rule(6)
def test_a_field_is_seen_only_once_it_is_known(world: World) -> None:
    world.deploy(make_plan(until_field("order.delivered_at"), email(), Tag("late", "late", None, "late")))
    world.order(world.customer(), NOON, delivered_at=NOON + HOUR, delivered_known_at=NOON + DAY)

    world.tick(NOON + 2 * HOUR)

    assert world.sends() == []


@pytest.mark.rule(6)
def test_a_change_of_zone_leaves_running_waits_where_they_are(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", days=1, at=time(10)), email()))
    ada = world.customer(zone=ISTANBUL)
    world.order(ada, NOON)
    world.tick(NOON)
    before = world.enrolment().due_at
    with world.database.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == ada).values(zone=BERLIN))

    world.tick(NOON + HOUR)

    assert world.enrolment().due_at == before


def until_event(event: str = "review.posted", days: int = 7) -> WaitUntilEvent:
    return WaitUntilEvent("rest", "rest", "hello", here(event), Duration(days=days), otherwise="late")


@pytest.mark.rule(5)
def test_after_an_awaited_event_waits_count_from_that_event(world: World) -> None:
    steps = (
        until_event("order.cancelled"),
        wait("hello", "note", hours=3),
        email("note"),
        Tag("late", "late", None, "x"),
    )
    world.deploy(make_plan(*steps))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    assert world.enrolment().due_at == NOON + 4 * HOUR


@pytest.mark.rule(10)
def test_an_event_before_the_deadline_wins_however_late_the_tick(world: World) -> None:
    world.deploy(make_plan(until_event("order.cancelled"), email(), Tag("late", "late", None, "late")))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + 7 * DAY - MINUTE)

    world.tick(NOON + 20 * DAY)

    assert world.send().state == "sent"


@pytest.mark.rule(10)
def test_an_event_after_the_deadline_comes_too_late(world: World) -> None:
    world.deploy(make_plan(until_event("order.cancelled"), email(), Tag("late", "late", None, "late")))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + 7 * DAY + MINUTE)

    world.tick(NOON + 20 * DAY)

    assert (world.sends(), world.enrolment().state) == ([], "finished")


@pytest.mark.rule(9)
def test_an_awaited_event_that_came_between_trigger_and_wait_counts(world: World) -> None:
    steps = (wait("first", "rest", days=2), until_event("order.cancelled"), email(), Tag("late", "late", None, "late"))
    world.deploy(make_plan(*steps))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + DAY)

    world.tick(NOON + 2 * DAY)

    assert world.send().due_at == NOON + 2 * DAY


@pytest.mark.rule(9)
def test_the_event_that_brought_somebody_in_is_not_the_one_waited_for(world: World) -> None:
    world.deploy(make_plan(until_event("order.delivered"), email(), Tag("late", "l", None, "x"), trigger=DELIVERED))
    world.order(world.customer(), NOON - DAY, delivered_at=NOON)

    world.tick(NOON + timedelta(seconds=1))

    assert (world.sends(), world.place()) == ([], "rest")
