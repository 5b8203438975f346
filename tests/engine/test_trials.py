"""Tests on messages: a part gets the variants, the rest waits and gets what did best."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, time
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, Mailbox, World, email, make_plan, wait
from vefa.channels.base import Accepted, BulkEmail, Refused
from vefa.crm.tables import customers
from vefa.database import reading, writing
from vefa.engine.agenda import due_journeys, next_moment
from vefa.engine.shop import open_shop
from vefa.engine.trial_tables import test_decisions
from vefa.engine.trials import Run, Tally
from vefa.foresight.timeline import timeline
from vefa.foresight.why import Story, why
from vefa.insight.trials import trial_runs
from vefa.language.conditions import Duration, EventScope
from vefa.ledger.reactions import Reaction, react
from vefa.plan.codec import dump, load
from vefa.plan.plans import Goal, Plan
from vefa.plan.policy import Policy, QuietHours, Rule
from vefa.plan.steps import SameDay, Trial, Variant
from vefa.plan.ways_in import EveryTrigger

#: Every day at noon by the clock of Istanbul.
DAILY = EveryTrigger("0 12 * * *", None)


def trial(**more: Any) -> Trial:
    variants = (Variant("a", {"tr": "Bir"}), Variant("b", {"tr": "İki"}))
    return replace(Trial(variants, 5_000, Duration(seconds=4 * 3600), "clicked"), **more)


def broadcast(test: Trial | None = None, **more: Any) -> Plan:
    keys = {name: more.pop(name) for name in ("not_after", "medium", "subject") if name in more}
    return make_plan(email(test=test or trial(), **keys), trigger=DAILY, **more)


def people(world: World, count: int) -> list[int]:
    return [world.customer(f"c{number}") for number in range(count)]


def live(world: World, plan: Plan, at: datetime = NOON - MINUTE) -> None:
    world.deploy(plan, at)
    world.tick(at)


def subjects(world: World) -> Counter[str]:
    return Counter(message.subject for message in world.email.got)


def click(world: World, send: Any, at: datetime, *, scanner: str = "") -> None:
    with writing(world.database) as connection:
        react(connection, Reaction(f"{send.id}.{send.attempt}", "clicked", at, "https://ornek.example/a", scanner))


def tried(world: World, variant: str) -> list[Any]:
    return [row for row in world.sends() if row.variant == variant and row.trial is not None]


def decision(world: World) -> Any:
    (row,) = world.rows(test_decisions)
    return row


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


def trials(world: World) -> list[int]:
    return sorted({row.trial for row in world.sends() if row.trial is not None})


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
    from vefa.plan.plans import Exits

    people(world, 20)
    live(world, broadcast(exits=Exits(on=(EventScope("order.placed"),))))
    world.tick(NOON)
    held = next(row for row in world.enrolments() if row.state == "active")
    world.order(held.customer_id, NOON + HOUR)

    world.tick(NOON + 4 * HOUR)

    assert held.customer_id not in {row.customer_id for row in world.sends()}


def test_a_wave_of_which_nothing_could_go_is_decided_all_the_same(world: World) -> None:
    """Nobody waits for ever: the tested ones have no consent, the others get the first variant."""
    people(world, 30)
    live(world, broadcast())
    drawn = broadcast()
    assert drawn.steps
    world.email.script.extend([Refused("no")] * 30)
    world.tick(NOON)
    world.email.script.clear()
    world.email.got.clear()

    world.tick(NOON + 4 * HOUR)

    assert decision(world).counts == {"a": [0, 0], "b": [0, 0]}
    assert set(subjects(world)) == {"Bir"}


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


# --- people who come one by one


def ordering(test: Trial | None = None) -> Plan:
    return make_plan(email(test=test or trial(), next="later"), wait("later", None, days=30))


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


def test_a_worker_that_dies_leaves_a_test_that_goes_on(world: World) -> None:
    people(world, 30)
    live(world, broadcast())
    world.email.script.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.tick(NOON)

    world.tick(NOON + HOUR, wall=NOON + HOUR)
    world.tick(NOON + 5 * HOUR, wall=NOON + 5 * HOUR)

    assert len(world.rows(test_decisions)) == 1
    assert len(world.sends()) == 30
    assert len({message.to for message in world.email.got}) == len(world.email.got)


# --- told


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


def test_words_are_live_and_the_variants_of_those_inside_are_pinned(world: World) -> None:
    """A slip in a subject can be mended while a wave waits (rule 20)."""
    people(world, 20)
    live(world, broadcast())
    world.tick(NOON)
    mended = trial(variants=(Variant("a", {"tr": "Biir"}), Variant("b", {"tr": "İkii"})))
    world.deploy(broadcast(mended), NOON + HOUR, "finish_old")

    world.tick(NOON + 4 * HOUR)

    assert set(subjects(world)) == {"Bir", "İki", "Biir"}


# --- many at once


class Bulk(Mailbox):
    """A letter box that takes many letters in one request, as a provider's does."""

    def deliver_bulk(self, bulk: BulkEmail) -> list[Accepted]:
        self.got.append([bulk.email(n) for n in range(len(bulk))])
        return [Accepted(f"p-{ref}") for ref in bulk.refs]


def test_one_request_holds_letters_of_one_variant(world: World) -> None:
    """Also where letters were put off and are gathered again without regard to their variants."""
    box = Bulk("email", "post", 1_000)
    hours = Policy(rules=(Rule("commercial", "email", consent=True, quiet=QuietHours(time(11), time(13))),))
    channels = {"email": box, "sms": world.sms}
    world.shop = open_shop(world.settings, database=world.database, channels=channels, policy=hours)
    people(world, 30)
    live(world, broadcast(trial(share=10_000)))
    world.tick(NOON)
    assert box.got == []

    world.tick(NOON + HOUR)

    assert [len({letter.subject for letter in letters}) for letters in box.got] == [1, 1]
    assert sum(map(len, box.got)) == 30


def test_of_two_who_decide_at_once_the_first_has_the_last_word(world: World) -> None:
    people(world, 30)
    live(world, broadcast())
    world.tick(NOON)
    first, second = (tried(world, name)[0] for name in ("a", "b"))
    row = first
    run = Run(row.journey_id, row.step, row.trial, trial(), is_wave=True)
    click(world, first, NOON + HOUR)
    with writing(world.database) as connection:
        one = run.decision(connection, row.plan_id, NOON + 4 * HOUR)
    for send in tried(world, "b"):
        click(world, send, NOON + 3 * HOUR)
    with writing(world.database) as connection:
        other = run.decision(connection, row.plan_id, NOON + 4 * HOUR)

    assert (one, other, second.variant) == ("a", "a", "b")
    assert decision(world).counts["b"][1] == 0
