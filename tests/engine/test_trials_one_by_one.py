"""Tests on messages where people come one by one: the test runs until it can be decided."""

from __future__ import annotations

from dataclasses import replace

from tests.engine.trying import (
    decision,
    live,
    ordering,
    trial,
    trials,
    tried,
)
from tests.engine.worlds import HOUR, NOON, World
from vefa.engine.trial_tables import test_decisions
from vefa.plan.steps import Variant


def test_where_people_come_one_by_one_the_test_runs_until_every_variant_was_out_for_so_long(world: World) -> None:
    live(world, ordering(), NOON)
    for hours in range(8):
        for _ in range(3):
            world.order(world.customer(), NOON + hours * HOUR)
        world.tick(NOON + hours * HOUR)

    row = decision(world)
    first = {name: min(row.claimed_at for row in tried(world, name)) for name in ("a", "b")}
    assert row.decided_at == max(first.values()) + 4 * HOUR
    waiting = [row for row in world.sends() if row.state == "queued"]
    assert not waiting

    after = world.customer("after")
    world.order(after, NOON + 9 * HOUR)
    world.tick(NOON + 9 * HOUR)

    (theirs,) = (row for row in world.sends() if row.customer_id == after)
    assert (theirs.variant, theirs.trial, theirs.state) == (row.chosen, None, "sent")


def test_nobody_waits_longer_than_the_test_and_a_day(world: World) -> None:
    """The second variant never goes out, so the test has no end; who waits for it gets the first one."""
    live(world, ordering(trial(share=1)), NOON)
    world.order(world.customer(), NOON)
    for hours in range(0, 29, 4):
        world.tick(NOON + hours * HOUR)
        sent = len(world.email.got)
        assert sent == (hours == 28)

    assert world.rows(test_decisions) == []
    assert (world.send().variant, world.send().trial) == ("a", None)


def test_a_test_goes_on_when_something_else_of_the_journey_changes_and_begins_anew_with_other_words(
    world: World,
) -> None:
    live(world, ordering(), NOON)
    for _ in range(12):
        world.order(world.customer(), NOON)
    world.tick(NOON)
    world.deploy(replace(ordering(), description="Other words"), NOON + HOUR, "migrate")
    world.tick(NOON + 4 * HOUR)
    old = decision(world)

    other = trial(variants=(Variant("a", {"tr": "Bir"}), Variant("b", {"tr": "Üç"})))
    world.deploy(ordering(other), NOON + 5 * HOUR, "migrate")
    for _ in range(12):
        world.order(world.customer(), NOON + 5 * HOUR)
    world.tick(NOON + 5 * HOUR)

    assert (old.decided_at, len(trials(world))) == (NOON + 4 * HOUR, 2)
    assert len(world.rows(test_decisions)) == 1
