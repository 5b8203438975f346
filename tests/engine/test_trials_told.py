"""What is told of tests on messages: of one customer, in reports, in `explain`, in the plan."""

from __future__ import annotations

import sqlalchemy as sa

from tests.engine.trying import (
    broadcast,
    click,
    live,
    people,
    tried,
)
from tests.engine.worlds import HOUR, NOON, World, email, make_plan
from vefa.crm.tables import customers
from vefa.database import reading
from vefa.engine.trials import Tally
from vefa.foresight.timeline import timeline
from vefa.foresight.why import Story, why
from vefa.insight.trials import trial_runs
from vefa.plan.codec import dump, load


def test_why_tells_who_got_which_variant_and_who_waits_for_the_decision(world: World) -> None:
    people(world, 30)
    live(world, broadcast())
    world.tick(NOON)
    tested = tried(world, "b")[0].customer_id
    held = next(row.customer_id for row in world.enrolments() if row.state == "active")

    with reading(world.database) as connection:
        waiting = _story(connection, world, held)
    world.tick(NOON + 4 * HOUR)
    with reading(world.database) as connection:
        (got,), (later,) = (_story(connection, world, who).sendings for who in (tested, held))

    assert (waiting.waits_for_test, waiting.due_at) == (True, NOON + 4 * HOUR)
    assert ((got.variant, got.tried), (later.variant, later.tried)) == (("b", True), ("a", False))


def _story(connection: sa.Connection, world: World, customer: int) -> Story:
    (who,) = (row.outside_id for row in world.rows(customers) if row.id == customer)
    (journey,) = why(connection, who, "thanks").journeys
    return journey.stories[0]


def test_a_report_tells_what_each_variant_came_to_before_and_after_the_decision(world: World) -> None:
    people(world, 40)
    live(world, broadcast())
    world.tick(NOON)
    for send in tried(world, "b")[:3]:
        click(world, send, NOON + HOUR)
    with reading(world.database) as connection:
        (running,) = trial_runs(connection, NOON + 2 * HOUR)
    world.tick(NOON + 4 * HOUR)
    click(world, tried(world, "b")[3], NOON + 5 * HOUR)
    with reading(world.database) as connection:
        (done,) = trial_runs(connection, NOON + 6 * HOUR, "thanks")

    b = len(tried(world, "b"))
    assert (running.began_at, running.chosen, running.variants[1].reacted) == (NOON, None, 3)
    assert (done.chosen, done.decided_at) == ("b", NOON + 4 * HOUR)
    assert [(each.variant, each.reacted) for each in done.variants] == [("a", 0), ("b", 4)]
    assert done.variants[1].at_decision == Tally(b, 3)
    assert done.variants[1].low < 4 / b < done.variants[1].high
    assert done.beyond_chance is None


def test_explain_tells_what_is_tried_on_how_many_and_when_it_is_decided() -> None:
    (line,) = timeline(broadcast())

    assert line.notes == (
        "a test of two variants on 50 % of them, in equal parts",
        "a, tr: Bir",
        "b, tr: İki",
        "the others wait until 4 hours after it began, and get the one of which the largest share clicks in it",
    )


def test_a_journey_without_a_test_is_the_same_plan_as_before_there_were_any() -> None:
    plain = make_plan(email())

    assert '"test"' not in dump(plain)
    assert load(dump(plain)) == plain
    assert load(dump(broadcast())) == broadcast()
