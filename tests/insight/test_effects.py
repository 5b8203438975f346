"""The goal reached with the journey, and without it."""

from __future__ import annotations

from tests.engine.worlds import DAY, MINUTE, NOON, World, email, make_plan
from vefa.database import reading
from vefa.insight.effects import Effect, effects
from vefa.language.conditions import Duration, EventScope
from vefa.plan.plans import Goal

GOAL = Goal(EventScope("review.posted", of_customer=True), Duration(30))


def found(world: World, days: int = 30) -> dict[str, Effect]:
    end = NOON + days * DAY
    with reading(world.database) as connection:
        return {each.journey: each for each in effects(connection, NOON - DAY, end)}


def test_those_held_out_stand_beside_those_who_entered(world: World) -> None:
    world.deploy(make_plan(email(), goal=GOAL, holdout=5000))
    people = [world.customer() for _ in range(40)]
    for who in people:
        world.order(who, NOON + MINUTE)
    world.tick(NOON + 2 * MINUTE)
    held = [row.customer_id for row in world.enrolments() if row.state == "holdout"]
    active = [row.customer_id for row in world.enrolments() if row.state != "holdout"]
    for who in (*active[: len(active) // 2], held[0]):
        world.happen("review.posted", who, NOON + DAY)
    world.tick(NOON + 2 * DAY)

    (one,) = found(world).values()

    assert (one.entered.hits, one.entered.of) == (len(active) // 2, len(active))
    assert (one.holdout.hits, one.holdout.of) == (1, len(held))
    assert one.written_to == len(active)
    assert one.beyond_chance is True
    assert one.interval is not None
    assert one.uplift in one.interval


def test_without_a_holdout_there_is_nothing_to_compare_with(world: World) -> None:
    world.deploy(make_plan(email(), goal=GOAL))
    world.order(world.customer(consent=False), NOON + MINUTE)
    world.tick(NOON + 2 * MINUTE)

    (one,) = found(world).values()

    assert (one.entered.of, one.written_to) == (1, 0)
    assert (one.uplift, one.interval, one.beyond_chance) == (None, None, None)


def test_without_a_goal_nobody_can_have_reached_one(world: World) -> None:
    world.deploy(make_plan(email(), holdout=5000))
    for _ in range(8):
        world.order(world.customer(), NOON + MINUTE)
    world.tick(NOON + 2 * MINUTE)

    (one,) = found(world).values()

    assert one.holdout.of > 0
    assert (one.has_goal, one.uplift, one.interval) == (False, None, None)


def test_who_entered_before_does_not_count(world: World) -> None:
    world.deploy(make_plan(email(), goal=GOAL), at=NOON - 10 * DAY)
    world.order(world.customer(), NOON - 5 * DAY)
    world.tick(NOON - 5 * DAY)

    assert found(world) == {}
