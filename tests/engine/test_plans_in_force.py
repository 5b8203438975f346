"""Rules 20 to 22: plans by their hash, what a change does to those inside, and who says whether a journey runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.channels.base import Doubtful
from vefa.crm.tables import tags
from vefa.database import reading
from vefa.engine.plans import PlanRefused, journey_row, plans_in_use
from vefa.engine.tables import journeys, plans
from vefa.language.conditions import Ago, Compare, Duration, InSegment
from vefa.plan.codec import dump, load, plan_hash
from vefa.plan.plans import Plan
from vefa.plan.project import load_project
from vefa.plan.steps import Arm, Branch, Enter, Tag
from vefa.plan.ways_in import EnteredTrigger, EventTrigger, SegmentTrigger

REST = wait("rest", "hello", days=2)


def plan(*steps: object, **more: object) -> Plan:
    return make_plan(*steps, **more)


def inside(world: World, *steps: object) -> None:
    """Somebody waits in a journey of these steps."""
    world.deploy(plan(*steps))
    world.order(world.customer(), NOON)
    world.tick(NOON)


# --- rule 20 -----------------------------------------------------------------------------------------------------


@pytest.mark.rule(20)
def test_a_plan_is_stored_once_by_what_it_says(world: World) -> None:
    first = world.deploy(plan(REST, email()))
    again = world.deploy(plan(REST, email()), NOON + DAY)
    other = world.deploy(plan(REST, email(subject={"tr": "Selam"})), NOON + DAY)

    assert (first.is_new, again.is_new, again.changed, other.changed) == (True, False, False, True)
    assert [row.hash for row in world.rows(plans)] == [first.hash, other.hash]


@pytest.mark.rule(20)
def test_the_status_makes_no_new_plan() -> None:
    assert plan_hash(plan(email(), status="paused")) == plan_hash(plan(email()))


@pytest.mark.rule(20)
def test_a_stored_plan_reads_back_as_it_was_written() -> None:
    written = plan(REST, email(), audience=Compare("orders.revenue", ">", 5), trigger=EventTrigger("a.b", None))

    assert load(dump(written)) == written


@pytest.mark.rule(20)
def test_runs_read_the_stored_plan_whatever_the_files_say(world: World) -> None:
    root: Path = world.settings.root
    file = root / "journeys" / "thanks.yaml"
    file.write_text(
        'name: Thanks\ntrigger: {event: order.placed}\nsteps: [{email: note, subject: {tr: "Merhaba"}}]\n', "utf-8"
    )
    stored = load_project(root, world.settings).plans["thanks"]
    world.deploy(stored)
    file.write_text("steps: [", "utf-8")
    world.order(world.customer(), NOON)

    assert "thanks" in load_project(root, world.settings).broken
    assert world.tick(NOON).sent == 1


@pytest.mark.rule(20)
def test_those_inside_keep_the_steps_and_durations_they_entered_with(world: World) -> None:
    inside(world, REST, email())
    world.deploy(plan(replace(REST, length=Duration(days=9)), email()), NOON + HOUR, "finish_old")
    world.order(world.customer("Can"), NOON + HOUR)
    world.tick(NOON + HOUR)

    world.tick(NOON + 2 * DAY)

    assert [row.state for row in world.enrolments()] == ["finished", "active"]


@pytest.mark.rule(20)
def test_a_segment_means_what_it_meant_when_the_plan_was_made(world: World) -> None:
    rich = InSegment("rich", Compare("orders.count", ">=", 1))
    ways = Branch("ask", "ask", "no", (Arm(rich, "yes"),))
    world.deploy(plan(ways, Tag("yes", "yes", None, "y"), Tag("no", "no", None, "n")))
    (root := world.settings.root / "config").mkdir(exist_ok=True)
    (root / "segments.yaml").write_text('rich: {orders.count: ">= 99"}\n', "utf-8")
    world.order(world.customer(), NOON)
    world.tick(NOON)

    assert [row.tag for row in world.rows(tags)] == ["y"]


@pytest.mark.rule(20)
def test_words_are_live_for_those_in_an_older_plan(world: World) -> None:
    inside(world, REST, email(subject={"tr": "Eski"}))
    changed = plan(replace(REST, length=Duration(days=9)), email(subject={"tr": "Yeni"}))
    world.deploy(changed, NOON + HOUR, "finish_old")
    world.words("note", "Yeni sözler")

    world.tick(NOON + 2 * DAY)

    (message,) = world.email.got
    assert (message.subject, message.text.strip()) == ("Yeni", "Yeni sözler")


@pytest.mark.rule(20)
def test_the_ledger_keeps_the_templates_hash(world: World) -> None:
    world.deploy(plan(email()))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    world.words("note", "Başka sözler")
    world.order(world.customer(), NOON + MINUTE)
    world.tick(NOON + MINUTE)

    first, second = world.sends()
    assert first.template_hash and second.template_hash
    assert first.template_hash != second.template_hash


# --- rule 21 -----------------------------------------------------------------------------------------------------


@pytest.mark.rule(21)
def test_a_change_moves_those_inside_where_their_step_still_stands(world: World) -> None:
    inside(world, REST, email())
    stored = world.deploy(plan(REST, email(next="more"), Tag("more", "more", None, "new")), NOON + HOUR)

    report = world.tick(NOON + 2 * DAY)

    assert (stored.moved, report.finished) == (1, 1)
    assert [row.tag for row in world.rows(tags)] == ["new"]


@pytest.mark.rule(21)
def test_a_change_that_would_leave_somebody_nowhere_is_refused_and_changes_nothing(world: World) -> None:
    inside(world, REST, email())
    (before,) = world.rows(journeys)

    with pytest.raises(PlanRefused, match=r'"rest" \(1\)'):
        world.deploy(plan(wait("pause", "hello", days=2), email()), NOON + HOUR)

    assert world.rows(journeys) == [before]
    assert len(world.rows(plans)) == 1


@pytest.mark.rule(21)
def test_finish_old_lets_them_finish_the_older_plan(world: World) -> None:
    inside(world, REST, email())
    world.deploy(plan(Tag("only", "only", None, "t")), NOON + HOUR, "finish_old")

    with reading(world.database) as connection:
        in_use = plans_in_use(connection, journey_row(connection, "thanks"))
    report = world.tick(NOON + 2 * DAY)

    assert (len(in_use), report.sent, report.finished) == (2, 1, 1)


@pytest.mark.rule(21)
def test_migrate_ends_only_those_whose_step_is_gone(world: World) -> None:
    world.deploy(plan(wait("one", "rest", days=1), REST, email()))
    for hours in (0, 30):
        world.order(world.customer(), NOON + hours * HOUR)
        world.tick(NOON + hours * HOUR)
    stored = world.deploy(plan(wait("one", "hello", days=1), email()), NOON + 31 * HOUR, "migrate")

    assert (stored.ended, stored.moved) == (1, 1)
    assert [(row.state, row.reason) for row in world.enrolments()] == [
        ("left", "their step was removed"),
        ("active", None),
    ]


@pytest.mark.rule(21)
def test_exit_ends_everybody(world: World) -> None:
    inside(world, REST, email())
    stored = world.deploy(plan(email("other")), NOON + HOUR, "exit")

    assert (stored.ended, world.enrolment().reason) == (1, "the journey changed")


@pytest.mark.rule(21)
@pytest.mark.parametrize("on_change", ["exit", "migrate"])
def test_nobody_is_left_standing_at_a_step_that_is_gone_though_their_message_is_in_doubt(
    world: World, on_change: str
) -> None:
    world.email.script.append(Doubtful("timeout"))
    inside(world, email(next="rest"), wait("rest", None, days=1))
    assert world.send().state == "unknown"

    world.deploy(plan(email("other", template="note")), NOON + HOUR, on_change)
    world.tick(NOON + 3 * DAY)

    assert (world.enrolment().state, world.send().state) == ("left", "unknown")


@pytest.mark.rule(21)
@pytest.mark.parametrize(("send_again", "letters"), [(False, 1), (True, 2)])
def test_a_template_goes_once_though_its_step_has_another_name_after_a_migration(
    world: World, send_again: bool, letters: int
) -> None:
    inside(world, email(next="rest"), wait("rest", None, days=2))
    renamed = plan(wait("rest", "greeting", days=2), email("greeting"))
    world.deploy(renamed, NOON + HOUR, "migrate", send_again=send_again)

    world.tick(NOON + 2 * DAY)

    assert len(world.email.got) == letters
    assert world.enrolment().state == "finished"


@pytest.mark.rule(21)
def test_a_deploy_in_the_middle_of_a_send_loses_nobody(world: World) -> None:
    world.deploy(plan(email(next="old"), wait("old", None, days=1)))
    world.order(world.customer(), NOON)
    tick = world.begin(NOON)
    tick.before_request = lambda: world.deploy(plan(email(next="new"), wait("new", None, days=1)), NOON)
    world.walk(tick)

    world.tick(NOON + MINUTE)

    assert (world.place(), len(world.email.got)) == ("new", 1)


@pytest.mark.rule(21)
@pytest.mark.parametrize(
    ("change", "same"),
    [
        ('{email: note, subject: {tr: "Selam"}}', True),
        ('{email: note, subject: {tr: "Merhaba"}, on_failure: exit}', True),
        ('{email: other, subject: {tr: "Merhaba"}}', False),
    ],
)
def test_a_steps_name_comes_from_its_kind_and_target_alone(world: World, change: str, same: bool) -> None:
    root = world.settings.root
    world.words("other", "x")

    def key(step: str) -> str | None:
        text = f"name: Thanks\ntrigger: {{event: order.placed}}\nsteps: [{{wait: 1 day}}, {step}]\n"
        (root / "journeys" / "thanks.yaml").write_text(text, "utf-8")
        return load_project(root, world.settings).plans["thanks"].steps[1].key

    assert (key('{email: note, subject: {tr: "Merhaba"}}') == key(change)) is same


# --- rule 22 -----------------------------------------------------------------------------------------------------


@pytest.mark.rule(22)
def test_paused_nobody_enters_and_nothing_is_claimed_and_waits_stand(world: World) -> None:
    inside(world, REST, email())
    world.turn("thanks", "paused", NOON + HOUR)
    world.order(world.customer("Can"), NOON + 2 * HOUR)

    report = world.tick(NOON + 3 * DAY)

    assert (report.entered, report.sent, report.state) == (0, 0, "paused")
    assert (world.place(), world.sends()) == ("rest", [])


@pytest.mark.rule(22)
def test_on_resuming_waits_go_on_and_the_pauses_events_do_not_enter(world: World) -> None:
    inside(world, REST, email())
    world.turn("thanks", "paused", NOON + HOUR)
    can = world.customer("Can")
    world.order(can, NOON + 2 * HOUR)
    world.turn("thanks", "live", NOON + 2 * DAY)
    world.order(can, NOON + 2 * DAY + HOUR)

    report = world.tick(NOON + 2 * DAY + HOUR)

    assert (report.sent, report.entered, report.refused) == (1, 1, {"before it was live": 1})


@pytest.mark.rule(22)
def test_with_backfill_events_of_the_pause_enter(world: World) -> None:
    world.deploy(plan(email(), backfill=Duration(days=1)), NOON)
    world.tick(NOON)
    world.turn("thanks", "paused", NOON + HOUR)
    for hours in (2, 30):
        world.order(world.customer(), NOON + hours * HOUR)
    world.turn("thanks", "live", NOON + 48 * HOUR)

    report = world.tick(NOON + 48 * HOUR)

    assert (report.entered, report.refused) == (1, {"before it was live": 1})


@pytest.mark.rule(22)
def test_who_came_into_a_segment_during_a_pause_does_not_enter_after_it(world: World) -> None:
    lapsed = Ago("orders.last_at", more=True, length=Duration(days=90))
    world.deploy(plan(email(), trigger=SegmentTrigger("lapsed", lapsed)), NOON)
    world.order(world.customer("Ada"), NOON - 90 * DAY + 2 * HOUR)
    world.order(world.customer("Can"), NOON - 90 * DAY + 9 * HOUR)
    world.tick(NOON)
    world.turn("thanks", "paused", NOON + HOUR)
    world.turn("thanks", "live", NOON + 5 * HOUR)

    entered = [world.tick(NOON + hours * HOUR).entered for hours in (6, 10)]

    assert entered == [0, 1]


@pytest.mark.rule(22)
def test_a_pause_by_hand_outlives_a_deploy_that_does_not_change_the_status(world: World) -> None:
    world.deploy(plan(email()))
    world.turn("thanks", "paused", NOON)

    stored = world.deploy(plan(email(subject={"tr": "Selam"})), NOON + HOUR)

    assert stored.state == "paused"


@pytest.mark.rule(22)
def test_a_changed_status_in_the_file_is_followed(world: World) -> None:
    world.deploy(plan(email()))
    world.turn("thanks", "paused", NOON)

    assert world.deploy(plan(email(), status="closing"), NOON + HOUR).state == "closing"


@pytest.mark.rule(22)
def test_closing_those_inside_finish_and_nobody_enters(world: World) -> None:
    inside(world, REST, email())
    world.turn("thanks", "closing", NOON + HOUR)
    world.order(world.customer("Can"), NOON + 2 * HOUR)

    report = world.tick(NOON + 2 * DAY)

    assert (report.entered, report.sent, report.finished) == (0, 1, 1)


@pytest.mark.rule(22)
def test_removed_everybody_leaves_and_what_was_queued_is_skipped(world: World) -> None:
    world.email.script.append(Doubtful("timeout"))
    inside(world, email(next="rest"), wait("rest", None, days=9))
    world.turn("thanks", "gone", NOON + HOUR)

    assert (world.enrolment().state, world.enrolment().reason) == ("left", "the journey was removed")


@pytest.mark.rule(22)
def test_nobody_is_sent_on_into_a_journey_that_is_not_live(world: World) -> None:
    world.deploy(plan(email("there"), journey="there", trigger=EnteredTrigger(), status="paused"))
    world.deploy(plan(Enter("on", "on", None, "there")))
    world.order(world.customer(), NOON)
    world.tick(NOON)

    assert world.enrolments("there") == []
