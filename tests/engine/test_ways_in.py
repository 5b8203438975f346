"""Ways in that look at everybody at once: whose day it is, who came into a segment, who was told of late."""

from __future__ import annotations

from datetime import date, time

import pytest
import sqlalchemy as sa

from tests.engine.worlds import BERLIN, DAY, HOUR, MINUTE, NOON, World, anywhere, make_plan, wait
from vefa.crm import facts
from vefa.crm.conditions import compile_condition
from vefa.crm.fields import FIELDS
from vefa.crm.scope import World as Moment
from vefa.crm.segments import OF_ROLL_UPS, everybody
from vefa.crm.tables import customers
from vefa.database import reading
from vefa.engine import entries, triggers
from vefa.engine.scopes import customer_scope
from vefa.engine.tables import enrolments, segment_members
from vefa.language.conditions import Compare, Duration, Happened
from vefa.plan.plans import Exits, Goal
from vefa.plan.ways_in import DateTrigger, EveryTrigger, Reentry, SegmentTrigger

REST = wait("rest", None, days=30)
IZMIR = Compare("customer.city", "=", "İzmir")


def move_to(world: World, customer: int, city: str | None) -> None:
    with world.database.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.id == customer).values(city=city))


@pytest.mark.rule(22)
def test_who_came_into_a_segment_during_a_pause_does_not_enter_and_who_comes_after_it_does(world: World) -> None:
    world.deploy(make_plan(REST, trigger=SegmentTrigger("izmir", IZMIR)))
    first, second = world.customer("Ada"), world.customer("Bora")
    world.tick(NOON)

    world.turn("thanks", "paused", NOON + HOUR)
    world.order(first, NOON + HOUR)
    paused = make_plan(REST, trigger=SegmentTrigger("buyers", Compare("orders.count", ">=", 1)))
    world.deploy(paused, NOON + HOUR)
    world.turn("thanks", "live", NOON + 2 * HOUR)
    after_pause = world.tick(NOON + 3 * HOUR)
    world.order(second, NOON + 4 * HOUR)
    later = world.tick(NOON + 5 * HOUR)

    assert (after_pause.entered, later.entered) == (0, 1)
    assert [row.customer_id for row in world.enrolments()] == [second]


def test_who_leaves_a_segment_and_comes_back_enters_again_and_who_stays_does_not(world: World) -> None:
    world.deploy(make_plan(REST, trigger=SegmentTrigger("izmir", IZMIR)))
    stays, moves = world.customer("Ada"), world.customer("Bora")
    world.tick(NOON)
    for person in (stays, moves):
        move_to(world, person, "İzmir")
    assert world.tick(NOON + HOUR).entered == 2

    move_to(world, moves, None)
    world.tick(NOON + DAY)
    assert [row.customer_id for row in world.rows(segment_members)] == [stays]
    move_to(world, moves, "İzmir")

    assert world.tick(NOON + 2 * DAY).entered == 1
    assert [row.customer_id for row in world.enrolments()] == [stays, moves, moves]


def test_who_is_not_known_yet_comes_into_a_segment_when_they_are(world: World) -> None:
    world.deploy(make_plan(REST, trigger=SegmentTrigger("izmir", IZMIR)))
    world.tick(NOON)
    world.customer(city="İzmir", known_at=NOON + 2 * HOUR)

    assert world.tick(NOON + HOUR).entered == 0
    assert world.tick(NOON + 3 * HOUR).entered == 1


def test_a_repeated_broadcast_looks_only_for_those_left_out(world: World) -> None:
    world.deploy(make_plan(REST, trigger=EveryTrigger("5 12 * * *", None), audience=IZMIR), NOON - HOUR)
    world.customer("Ada", city="İzmir"), world.customer("Bora")
    first = world.tick(NOON + 10 * MINUTE)
    late = world.customer("Can", city="İzmir", known_at=NOON + MINUTE)

    again = world.tick(NOON + 20 * MINUTE)

    assert (first.entered, first.refused) == (1, {"audience": 1})
    assert (again.entered, again.refused) == (1, {}), "nobody is judged twice, and nobody is lost who was told of late"
    assert world.enrolments()[-1].customer_id == late


def test_everybody_enters_across_many_batches_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "ENTER_BATCH", 3)
    people = [world.customer(f"K{n}", birth_date=date(1990, 3, 10)) for n in range(8)]
    ways = {
        "every": EveryTrigger("5 12 * * *", None),
        "date": DateTrigger("customer.birth_date", 0, time(12, 5)),
    }
    for name, trigger in ways.items():
        world.deploy(make_plan(REST, journey=name, trigger=trigger), NOON)
        world.tick(NOON, journey=name)

        report = world.tick(NOON + 10 * MINUTE, journey=name)

        assert report.entered == len(people)
        assert sorted(row.customer_id for row in world.enrolments(name)) == people


@pytest.mark.rule(8)
def test_events_of_many_batches_take_re_entry_in_the_order_of_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggers, "ENTER_BATCH", 2)
    world.deploy(make_plan(REST, reentry=Reentry(after=Duration(1))), NOON)
    ada = world.customer()
    for hours in (30, 5, 1, 29, 2):
        world.order(ada, NOON + hours * HOUR)

    report = world.tick(NOON + 31 * HOUR)

    assert (report.entered, report.refused) == (2, {"re-entry": 3})
    assert [row.entered_at for row in world.enrolments()] == [NOON + HOUR, NOON + 29 * HOUR]


@pytest.mark.parametrize("field", ["customer.birth_date", "customer.created_at", "orders.first_at"])
def test_whose_day_it_is_is_looked_up_along_an_index(sqlite_world: World, field: str) -> None:
    moment = Moment(NOON, sqlite_world.settings.shop, (BERLIN, "Europe/Istanbul"), "rolled")
    source, scope = everybody(moment, [field, "customer.zone"], only_buyers=field in OF_ROLL_UPS)
    value = FIELDS[field].anniversary(scope)
    first = date(1950, 1, 1) if field == "customer.birth_date" else NOON - 900 * DAY
    spans = triggers._spans(date(2026, 3, 10), first)
    query = sa.select(customers.c.id).select_from(source).join(spans, value.between(spans.c.low, spans.c.high))
    text = query.compile(sqlite_world.database, compile_kwargs={"literal_binds": True})

    with reading(sqlite_world.database) as connection:
        steps = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]

    table = "facts" if field in OF_ROLL_UPS else "customers"
    assert any(step.startswith(f"SEARCH {table} USING COVERING INDEX") and "<?" in step for step in steps), steps


@pytest.mark.rule(9)
def test_exits_and_goals_find_who_is_new_by_the_event_and_who_is_new_by_entering(world: World) -> None:
    plan = make_plan(
        REST,
        reentry=Reentry(once=True),
        exits=Exits(on=(anywhere("ticket.opened"),)),
        goal=Goal(anywhere("review.posted"), Duration(30)),
    )
    world.deploy(plan)
    early, late = world.customer("Ada"), world.customer("Bora")
    world.order(early, NOON + MINUTE)
    world.tick(NOON + HOUR)
    for person in (early, late):
        world.happen("review.posted", person, NOON + 2 * HOUR)
        world.happen("ticket.opened", person, NOON + 2 * HOUR)
    world.tick(NOON + 2 * HOUR)
    world.order(late, NOON + HOUR, known=NOON + 20 * HOUR)

    world.tick(NOON + 21 * HOUR)

    found = {row.customer_id: (row.state, row.goal_at) for row in world.rows(enrolments)}
    assert found == {early: ("left", NOON + 2 * HOUR), late: ("left", NOON + 2 * HOUR)}


def test_a_batch_of_candidates_fits_the_short_transactions_of_sqlite() -> None:
    assert entries.BATCH <= entries.ENTER_BATCH <= 20_000


def test_roll_ups_are_made_anew_for_who_changed_alone(world: World) -> None:
    ada, bora = world.customer("Ada"), world.customer("Bora")
    world.order(ada, NOON)
    world.order(bora, NOON)
    shop = world.settings.shop
    facts.refresh(world.database, NOON, shop)

    world.order(ada, NOON + HOUR)
    facts.refresh(world.database, NOON + DAY, shop)

    made = {row.customer_id: row.as_of for row in world.rows(facts.facts)}
    assert made == {ada: NOON + DAY, bora: NOON}


def test_whether_something_happened_to_a_customer_is_looked_up_among_their_own_events(sqlite_world: World) -> None:
    moment = Moment(NOON, sqlite_world.settings.shop, (), "rolled")
    scope = customer_scope(moment, customers.c.id)
    query = sa.select(customers.c.id).where(compile_condition(Happened(anywhere("order.placed"), Duration(7)), scope))
    text = query.compile(sqlite_world.database, compile_kwargs={"literal_binds": True})

    with reading(sqlite_world.database) as connection:
        steps = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]

    assert any("ix_events_customer_id_type_occurred_at" in step for step in steps), steps
