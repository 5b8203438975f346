"""Tests on messages: a part of a wave gets the variants, the rest waits and gets what did best."""

from __future__ import annotations

from datetime import time

from tests.engine.trying import (
    broadcast,
    click,
    decision,
    live,
    people,
    subjects,
    trial,
    trials,
    tried,
)
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World
from vefa.channels.base import Refused
from vefa.engine.agenda import due_journeys, next_moment
from vefa.engine.trial_tables import test_decisions
from vefa.language.conditions import Duration, EventScope
from vefa.plan.plans import Exits, Goal
from vefa.plan.policy import Policy, QuietHours, Rule
from vefa.plan.steps import SameDay, Variant


def test_a_part_gets_the_variants_in_equal_parts_and_the_rest_waits(world: World) -> None:
    people(world, 60)
    live(world, broadcast())

    world.tick(NOON)

    a, b = len(tried(world, "a")), len(tried(world, "b"))
    assert 20 <= a + b <= 40
    assert abs(a - b) <= 12
    assert subjects(world) == {"Bir": a, "İki": b}
    assert [row.due_at for row in world.enrolments() if row.state == "active"] == [NOON + 4 * HOUR] * (60 - a - b)
    assert world.rows(test_decisions) == []


def test_the_rest_gets_what_was_clicked_most_and_the_decision_is_written_down(world: World) -> None:
    people(world, 40)
    live(world, broadcast())
    world.tick(NOON)
    for send in tried(world, "b")[:2]:
        click(world, send, NOON + HOUR)
    click(world, tried(world, "a")[0], NOON + HOUR)
    for send in tried(world, "a"):
        click(world, send, NOON + 2 * HOUR, scanner="barracuda")  # programs count for nothing
    a, b = len(tried(world, "a")), len(tried(world, "b"))

    world.tick(NOON + 4 * HOUR - MINUTE)
    before = len(world.email.got)
    world.tick(NOON + 4 * HOUR)

    row = decision(world)
    assert before == a + b
    assert (row.chosen, row.by, row.counts, row.decided_at) == (
        "b", "clicked", {"a": [a, 1], "b": [b, 2]}, NOON + 4 * HOUR,
    )  # fmt: skip
    assert subjects(world) == {"Bir": a, "İki": 40 - a}
    assert {row.variant for row in world.sends() if row.trial is None} == {"b"}
    assert {row.state for row in world.enrolments()} == {"finished"}


def test_a_tie_goes_to_the_first(world: World) -> None:
    people(world, 20)
    live(world, broadcast())
    world.tick(NOON)

    world.tick(NOON + 4 * HOUR)

    assert decision(world).chosen == "a"


def test_rates_decide_and_not_counts(world: World) -> None:
    people(world, 60)
    live(world, broadcast(trial(share=3_000, variants=tuple(Variant(n, {"tr": n}) for n in "abc"))))
    world.tick(NOON)
    parts = {name: tried(world, name) for name in "abc"}
    fewest = min(parts, key=lambda name: len(parts[name]))
    most = max(parts, key=lambda name: len(parts[name]))
    assert len(parts[fewest]) < len(parts[most])
    for name in (fewest, most):
        click(world, parts[name][0], NOON + HOUR)

    world.tick(NOON + 4 * HOUR)

    assert decision(world).chosen == fewest


def test_repeated_and_late_ticks_change_nothing_of_a_decision(world: World) -> None:
    people(world, 20)
    live(world, broadcast(trial(decide=Duration(seconds=1800))))
    world.tick(NOON)
    world.tick(NOON + 30 * MINUTE)
    sent = len(world.email.got)
    for send in tried(world, "b"):
        click(world, send, NOON + 40 * MINUTE)
    late = world.customer("late", known_at=NOON - DAY)

    world.tick(NOON + HOUR)
    world.tick(NOON + HOUR)

    assert decision(world).chosen == "a"
    assert len(world.email.got) == sent + 1
    (theirs,) = (row for row in world.sends() if row.customer_id == late)
    assert (theirs.variant, theirs.trial) == ("a", None)


def test_each_wave_is_a_test_of_its_own(world: World) -> None:
    people(world, 40)
    live(world, broadcast())
    for day in range(2):
        world.tick(NOON + day * DAY)
        world.tick(NOON + day * DAY + 4 * HOUR)

    parts = {key: {row.customer_id for row in world.sends() if row.trial == key} for key in trials(world)}
    assert len(world.rows(test_decisions)) == 2
    first, second = parts.values()
    assert first != second  # not the same people are tried on each time


def test_who_walks_from_moment_to_moment_wakes_at_the_decision(world: World) -> None:
    people(world, 20)
    live(world, broadcast())
    world.tick(NOON)

    upcoming = next_moment(world.database, NOON, "Europe/Istanbul")
    before = due_journeys(world.database, NOON + 4 * HOUR - MINUTE, "Europe/Istanbul")
    then = due_journeys(world.database, NOON + 4 * HOUR, "Europe/Istanbul")

    assert (upcoming, before, then) == (NOON + 4 * HOUR, (), ("thanks",))


def test_the_decision_counts_from_the_first_sending_where_quiet_hours_put_it_off(world: World) -> None:
    quiet = QuietHours(time(11), time(18))
    world.under(Policy(rules=(Rule("commercial", "email", consent=True, quiet=quiet),)))
    people(world, 20)
    live(world, broadcast())
    for hours in range(12):  # quiet until 18:00, six hours later
        world.tick(NOON + hours * HOUR)

    row = decision(world)
    first = min(row.claimed_at for row in world.sends() if row.trial is not None)
    assert (first, row.decided_at) == (NOON + 6 * HOUR, NOON + 10 * HOUR)
    assert len(world.email.got) == 20


def test_what_has_become_pointless_by_the_decision_is_held_back(world: World) -> None:
    people(world, 20)
    live(world, broadcast(trial(decide=Duration(seconds=13 * 3600)), not_after=SameDay()))
    world.tick(NOON)
    tested = len(world.email.got)

    world.tick(NOON + 13 * HOUR)

    assert len(world.email.got) == tested
    assert {row.reason for row in world.sends() if row.trial is None} == {"too late"}


def test_who_leaves_while_held_gets_nothing(world: World) -> None:
    people(world, 20)
    live(world, broadcast(exits=Exits(on=(EventScope("order.placed"),))))
    world.tick(NOON)
    held = next(row for row in world.enrolments() if row.state == "active")
    world.order(held.customer_id, NOON + HOUR)

    world.tick(NOON + 4 * HOUR)

    assert held.customer_id not in {row.customer_id for row in world.sends()}


def test_a_wave_of_which_nothing_could_go_is_decided_all_the_same(world: World) -> None:
    """Nobody waits for ever: the provider refuses the tested ones, the others get the first variant."""
    people(world, 30)
    live(world, broadcast())
    world.email.script.extend([Refused("no")] * 30)
    world.tick(NOON)
    world.email.script.clear()
    world.email.got.clear()

    world.tick(NOON + 4 * HOUR)

    assert decision(world).counts == {"a": [0, 0], "b": [0, 0]}
    assert set(subjects(world)) == {"Bir"}


def test_a_wave_that_is_looked_at_late_is_tested_all_the_same(world: World) -> None:
    """The shop's machine was down, or runs come twice a day only: the test begins with the first sending."""
    people(world, 30)
    live(world, broadcast())

    world.tick(NOON + 8 * HOUR)
    tested = {name: len(tried(world, name)) for name in ("a", "b")}
    for send in tried(world, "b"):
        click(world, send, NOON + 9 * HOUR)
    world.tick(NOON + 20 * HOUR)

    assert min(tested.values()) > 0 and sum(tested.values()) < 30
    assert decision(world).counts == {"a": [tested["a"], 0], "b": [tested["b"], tested["b"]]}
    assert subjects(world) == {"Bir": tested["a"], "İki": 30 - tested["a"]}


def test_a_wave_too_small_to_be_tested_waits_for_one_look_only(world: World) -> None:
    people(world, 2)
    live(world, broadcast(trial(share=1)))
    world.tick(NOON)
    before = len(world.email.got)

    world.tick(NOON + 4 * HOUR)

    assert (before, subjects(world)) == (0, {"Bir": 2})


def test_a_goal_decides_where_it_is_asked_to(world: World) -> None:
    people(world, 40)
    goal = Goal(EventScope("order.placed", of_customer=True), Duration(days=7))
    live(world, broadcast(trial(by="goal"), goal=goal))
    world.tick(NOON)
    bought = tried(world, "b")[0]
    world.order(bought.customer_id, NOON + HOUR)

    world.tick(NOON + 4 * HOUR)

    assert decision(world).chosen == "b"


def test_templates_are_tried_and_the_ledger_keeps_which(world: World) -> None:
    world.words("long", "Uzun uzun {{ customer.first_name }}")
    people(world, 30)
    test = trial(variants=(Variant("a", template="note"), Variant("b", template="long")))
    live(world, broadcast(test, medium="sms", subject={}))
    world.tick(NOON)

    assert {(row.variant, row.template) for row in world.sends()} == {("a", "note"), ("b", "long")}


def test_a_subject_beside_tested_templates_may_name_what_they_do_not(world: World) -> None:
    world.words("short", "Kısa")
    world.words("long", "Uzun uzun")
    people(world, 30)
    test = trial(variants=(Variant("a", template="short"), Variant("b", template="long")))
    live(world, broadcast(test, subject={"tr": "{{ customer.first_name }} için"}))

    world.tick(NOON)

    assert {row.state for row in world.sends()} == {"sent"}
    assert set(subjects(world)) <= {f"c{number} için" for number in range(30)}
