"""`whenever`: each event that comes to somebody inside sets its steps going, once (rule 25)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.channels.base import Doubtful, Refused
from vefa.clock import stopped_at
from vefa.crm.tables import tags, tickets
from vefa.engine import asides
from vefa.engine.plans import PlanRefused
from vefa.engine.restoring import close_gap
from vefa.engine.tables import occasions
from vefa.engine.walks import run_narrow
from vefa.language.conditions import Compare, EventScope
from vefa.plan.plans import Exits, Plan, Whenever
from vefa.plan.policy import Policy, QuietHours, Rule, Withhold
from vefa.plan.steps import Arm, Branch, Enter, Message, Step, Stop, Tag
from vefa.plan.ways_in import EnteredTrigger, EventTrigger

OPENED = EventTrigger("ticket.opened", "ticket")


def tell(key: str = "tell", next: str | None = None, **more: Any) -> Message:
    """A message in a `whenever`: about the complaint itself."""
    given: dict[str, Any] = {"purpose": "transactional"} | more
    return email(f"whenever/{key}", next, id=key, **given)


def care(*aside: Step, event: str = "ticket.answered", of_customer: bool = False, **more: Any) -> Plan:
    """A journey that waits a month, with these steps each time the event comes."""
    own = more.pop("own", (wait("rest", None, days=30),))
    aside = aside or (tell(),)
    entry = Whenever("on-event", EventScope(event, of_customer), aside[0].key, tuple(step.key for step in aside))
    given: dict[str, Any] = {"trigger": OPENED, "whenever": (entry,)} | more
    return make_plan(*own, *aside, **given)


def complain(world: World, customer: int, at: datetime = NOON, **more: Any) -> int:
    return world.fact(tickets, "ticket", customer_id=customer, opened_at=at, **more)


def answer(world: World, ticket: int, at: datetime, **more: Any) -> None:
    world.change(tickets, "ticket", ticket, answered_at=at, **more)


def happened(world: World, customer: int, ticket: int, at: datetime, **more: Any) -> int:
    """Another answer to the same complaint: an event of its own."""
    return world.happen("ticket.answered", customer, at, object_kind="ticket", object_id=ticket, **more)


def notes(world: World) -> list[str]:
    return [row.state for row in world.rows(occasions)]


def awake(hour: int) -> Policy:
    """Nothing goes before that hour."""
    quiet = QuietHours(time(0), time(hour), Withhold("defer", None))
    return Policy(rules=tuple(Rule("transactional", medium, False, quiet) for medium in ("email", "sms")))


@pytest.mark.rule(25)
def test_an_event_is_told_and_the_customers_own_place_is_left_alone(world: World) -> None:
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    before = world.enrolment()
    answer(world, ticket, NOON + HOUR)

    report = world.tick(NOON + 2 * HOUR)

    assert report.sent == 1
    assert world.enrolment() == before
    assert (world.send().state, world.send().due_at, notes(world)) == ("sent", NOON + HOUR, ["done"])


@pytest.mark.rule(25)
def test_each_event_is_told_once_however_often_it_is_looked_at(world: World) -> None:
    world.deploy(care())
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)
    run_narrow(world.shop, "thanks", since=NOON, clock=stopped_at(NOON + HOUR), owner="test")

    world.tick(NOON + HOUR)
    answer(world, ticket, NOON + HOUR + MINUTE)
    world.tick(NOON + 2 * HOUR)

    assert len(world.email.got) == 1
    happened(world, ada, ticket, NOON + 3 * HOUR)
    world.tick(NOON + 3 * HOUR)
    assert len(world.email.got) == 2


@pytest.mark.rule(25)
def test_several_events_of_one_look_are_told_each_in_the_order_of_time(world: World) -> None:
    world.deploy(care())
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    second = happened(world, ada, ticket, NOON + 2 * HOUR)
    first = happened(world, ada, ticket, NOON + HOUR)

    world.tick(NOON + 3 * HOUR)

    by_event = {row.id: row.event_id for row in world.rows(occasions)}
    assert [by_event[row.occasion] for row in world.sends()] == [first, second]
    assert [row.state for row in world.sends()] == ["sent", "sent"]


@pytest.mark.rule(25)
def test_who_is_held_by_a_message_is_told_all_the_same(world: World) -> None:
    world.under(Policy(open_ticket=None))
    world.email.script += [Doubtful("timed out", "")]
    world.deploy(care(own=(email("hello", "rest"), wait("rest", None, days=9))))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    held = world.enrolment()
    answer(world, ticket, NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    assert [row.state for row in world.sends()] == ["unknown", "sent"]
    assert world.enrolment() == held


@pytest.mark.rule(25)
@pytest.mark.parametrize(("at", "told"), [(NOON - MINUTE, 0), (NOON, 1), (NOON + MINUTE, 1)])
def test_what_came_before_they_entered_does_not_count_and_what_came_at_that_moment_does(
    world: World, at: datetime, told: int
) -> None:
    world.deploy(care(), NOON - DAY)
    ada = world.customer()
    ticket = complain(world, ada)
    happened(world, ada, ticket, at)

    world.tick(NOON + HOUR)

    assert len(world.sends()) == told


@pytest.mark.rule(25)
def test_the_event_that_brought_them_in_is_none_that_came_since(world: World) -> None:
    world.deploy(care(event="ticket.opened"))
    complain(world, world.customer())

    world.tick(NOON)

    assert world.sends() == []


@pytest.mark.rule(25)
def test_what_comes_after_they_have_finished_or_left_does_not_count(world: World) -> None:
    world.deploy(care(own=(wait("rest", None, hours=1),), exits=Exits((EventScope("ticket.resolved"),))))
    ada, can = world.customer(), world.customer("Can")
    finishes, leaves = complain(world, ada), complain(world, can)
    world.tick(NOON)
    world.change(tickets, "ticket", leaves, resolved_at=NOON + MINUTE)
    world.tick(NOON + HOUR)
    assert [row.state for row in world.enrolments()] == ["finished", "left"]

    answer(world, finishes, NOON + 2 * HOUR)
    answer(world, leaves, NOON + 2 * HOUR)
    world.tick(NOON + 3 * HOUR)

    assert (world.sends(), notes(world)) == ([], [])


@pytest.mark.rule(25)
def test_who_leaves_in_a_look_does_not_meet_the_events_that_came_with_it(world: World) -> None:
    world.deploy(care(exits=Exits((EventScope("ticket.resolved"),))))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    world.change(tickets, "ticket", ticket, answered_at=NOON + HOUR, resolved_at=NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    assert (world.enrolment().state, world.sends()) == ("left", [])


@pytest.mark.rule(25)
@pytest.mark.parametrize(("of_customer", "told"), [(False, 0), (True, 1)])
def test_another_complaint_of_theirs_counts_only_if_it_is_asked_for(world: World, of_customer: bool, told: int) -> None:
    world.deploy(care(of_customer=of_customer))
    ada = world.customer()
    other = complain(world, ada, NOON - DAY)
    complain(world, ada)
    world.tick(NOON)
    answer(world, other, NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    assert len(world.sends()) == told


@pytest.mark.rule(25)
@pytest.mark.parametrize(("days", "state"), [(2, "done"), (4, "too late")])
def test_an_event_learned_late_is_told_for_three_days(world: World, days: int, state: str) -> None:
    world.deploy(care())
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    happened(world, ada, ticket, NOON + HOUR, known=NOON + HOUR + days * DAY)

    world.tick(NOON + 5 * DAY)
    world.tick(NOON + 6 * DAY)

    assert (notes(world), len(world.sends())) == ([state], int(state == "done"))


@pytest.mark.rule(25)
def test_what_came_during_a_pause_is_told_when_it_is_over(world: World) -> None:
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    world.turn("thanks", "paused", NOON + MINUTE)
    answer(world, ticket, NOON + HOUR)
    world.tick(NOON + DAY)
    assert world.sends() == []

    world.turn("thanks", "live", NOON + 4 * DAY)
    world.tick(NOON + 4 * DAY)

    assert world.send().state == "sent"


@pytest.mark.rule(25)
def test_a_holdout_is_told_nothing(world: World) -> None:
    world.deploy(care(holdout=9_999))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    assert (world.enrolment().state, world.sends()) == ("holdout", [])


@pytest.mark.rule(25)
def test_its_steps_choose_tag_and_go_on_at_once(world: World) -> None:
    branch = Branch("whenever/if", "if", None, (Arm(Compare("ticket.category", "=", "damage"), "whenever/tag-urgent"),))
    world.deploy(care(branch, Tag("whenever/tag-urgent", "tag-urgent", "whenever/tell", "urgent"), tell()))
    damaged, late = complain(world, world.customer(), category="damage"), complain(world, world.customer("Can"))
    world.tick(NOON)
    answer(world, damaged, NOON + HOUR)
    answer(world, late, NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    (first, _) = world.enrolments()
    assert [row.customer_id for row in world.rows(tags)] == [first.customer_id]
    assert [row.enrolment_id for row in world.sends()] == [first.id]
    assert notes(world) == ["done", "done"]


@pytest.mark.rule(25)
def test_who_is_put_into_another_journey_enters_it_once(world: World) -> None:
    world.deploy(make_plan(wait("rest", None, days=3), journey="other", trigger=EnteredTrigger()))
    world.deploy(care(Enter("whenever/enter-other", "enter-other", None, "other")))
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    for hours in (1, 2):
        happened(world, ada, ticket, NOON + hours * HOUR)
        world.tick(NOON + hours * HOUR)

    assert len(world.enrolments("other")) == 1
    assert world.enrolment().state == "active"


@pytest.mark.rule(25)
def test_stop_ends_the_journey(world: World) -> None:
    world.deploy(care(tell(next="whenever/stop"), Stop("whenever/stop", "stop")))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)

    report = world.tick(NOON + 2 * HOUR)

    assert (world.send().state, report.left) == ("sent", 1)
    assert (world.enrolment().state, world.enrolment().reason) == ("left", "stopped at stop")


@pytest.mark.rule(25)
def test_stop_waits_for_the_messages_before_it(world: World) -> None:
    world.under(awake(18))
    world.deploy(care(tell(next="whenever/stop"), Stop("whenever/stop", "stop")))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)

    world.tick(NOON + 2 * HOUR)
    assert (world.send().state, world.enrolment().state, notes(world)) == ("queued", "active", ["acting"])
    world.tick(NOON + 6 * HOUR)

    assert (world.send().state, world.enrolment().state) == ("sent", "left")


@pytest.mark.rule(25)
def test_a_message_put_off_goes_even_where_the_customer_has_finished_meanwhile(world: World) -> None:
    world.under(awake(18))
    world.deploy(care(own=(wait("rest", None, hours=2),)))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    world.tick(NOON + 3 * HOUR)
    assert (world.enrolment().state, world.send().state) == ("finished", "queued")

    world.deploy(care(tell(subject={"tr": "Yeni"})), NOON + 4 * HOUR)
    world.tick(NOON + 6 * HOUR)

    assert world.send().state == "sent"


@pytest.mark.rule(25)
def test_who_leaves_gets_nothing_that_was_still_waiting(world: World) -> None:
    world.under(awake(18))
    world.deploy(care(exits=Exits((EventScope("ticket.resolved"),))))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    world.change(tickets, "ticket", ticket, resolved_at=NOON + 2 * HOUR)

    world.tick(NOON + 6 * HOUR)

    assert (world.send().state, world.send().reason) == ("skipped", "left: exit: ticket.resolved")


@pytest.mark.rule(25)
@pytest.mark.rule(14)
def test_a_message_in_doubt_holds_nobody_and_goes_once_more_where_it_is_transactional(world: World) -> None:
    world.email.script += [Doubtful("timed out", "")]
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    before = world.enrolment()
    answer(world, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    assert (world.send().state, world.enrolment()) == ("unknown", before)

    world.tick(NOON + HOUR + 30 * MINUTE)
    assert world.send().attempt == 1
    world.tick(NOON + 2 * HOUR + MINUTE)

    assert (world.send().state, world.send().attempt) == ("sent", 2)


@pytest.mark.rule(25)
def test_on_failure_exit_leaves(world: World) -> None:
    world.email.script += [Refused("550", "no such mailbox")]
    world.deploy(care(tell(on_failure="exit")))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert (world.enrolment().state, world.enrolment().reason) == ("left", "failed: tell")


class CutOff(Exception):
    """The process ends here."""


@pytest.mark.rule(25)
def test_a_walk_that_is_cut_off_loses_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after each of its transactions in turn; the next walk makes it good."""
    chain = (
        Tag("whenever/tag-a", "tag-a", "whenever/tell", "a"),
        tell(next="whenever/tag-b"),
        Tag("whenever/tag-b", "tag-b", None, "b"),
    )
    world.deploy(care(*chain))
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    for hours in (1, 2):
        happened(world, ada, ticket, NOON + hours * HOUR)

    original = asides.writing
    for allowed in range(30):
        left = count(allowed, -1)

        def writing(engine: sa.Engine, left: Any = left) -> Any:
            if next(left) <= 0:
                raise CutOff
            return original(engine)

        with monkeypatch.context() as patch, suppress(CutOff):
            for module in ("asides", "stands", "messages", "doubts", "steps", "delivery", "claiming", "settling"):
                patch.setattr(f"vefa.engine.{module}.writing", writing)
            world.tick(NOON + 3 * HOUR + allowed * timedelta(minutes=11))
            break

    assert [row.state for row in world.sends()] == ["sent", "sent"]
    assert sorted(row.tag for row in world.rows(tags)) == ["a", "b"]
    assert (notes(world), len(world.email.got)) == (["done", "done"], 2)


@pytest.mark.rule(25)
@pytest.mark.rule(21)
def test_after_a_deploy_events_go_on_and_the_same_template_goes_for_each(world: World) -> None:
    world.deploy(care())
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    happened(world, ada, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    world.deploy(care(tell(subject={"tr": "Yeni"}), own=(wait("rest", "bye", days=30), email("bye"))), NOON + HOUR)
    happened(world, ada, ticket, NOON + 2 * HOUR)

    world.tick(NOON + 2 * HOUR)

    assert [row.state for row in world.sends()] == ["sent", "sent"]
    assert [message.subject for message in world.email.got] == ["Merhaba", "Yeni"]


@pytest.mark.rule(25)
@pytest.mark.rule(21)
def test_a_deploy_that_takes_a_step_away_under_a_waiting_message_must_say_what_becomes_of_it(world: World) -> None:
    world.under(awake(18))
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    without = make_plan(wait("rest", None, days=30), trigger=OPENED)

    with pytest.raises(PlanRefused, match='"tell" \\(1\\)'):
        world.deploy(without, NOON + 2 * HOUR)
    world.deploy(without, NOON + 2 * HOUR, "migrate")
    world.tick(NOON + 6 * HOUR)

    assert (world.send().state, world.send().reason) == ("skipped", "left: their step was removed")
    assert world.enrolment().state == "active"


@pytest.mark.rule(25)
@pytest.mark.rule(21)
def test_finish_old_keeps_the_old_steps(world: World) -> None:
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    world.deploy(make_plan(wait("rest", None, days=30), trigger=OPENED), NOON + MINUTE, "finish_old")
    answer(world, ticket, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert world.send().state == "sent"


STATES = {"event": "ticket.state_changed"}


def becomes(world: World, ticket: int, state: str, at: datetime) -> None:
    world.change(tickets, "ticket", ticket, state=state, state_at=at)


@pytest.mark.rule(25)
def test_a_change_of_state_is_told_as_what_it_was_then(world: World) -> None:
    """Two changes between two looks: each message has its own state, and the branch its own way."""
    world.words("note", "{{ ticket.state }}")
    ways = (Arm(Compare("ticket.state", "=", "resolved"), "whenever/end"),)
    world.deploy(care(Branch("whenever/if", "if", "whenever/tell", ways), tell(), tell("end"), **STATES))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    becomes(world, ticket, "waiting", NOON + HOUR)
    becomes(world, ticket, "resolved", NOON + 2 * HOUR)

    world.tick(NOON + 3 * HOUR)

    assert sorted(message.text.strip() for message in world.email.got) == ["resolved", "waiting"]
    assert len({row.step for row in world.sends()}) == 2


@pytest.mark.rule(25)
def test_opening_a_complaint_is_no_change_of_its_state(world: World) -> None:
    world.deploy(care(**STATES))
    complain(world, world.customer())

    world.tick(NOON)

    assert world.sends() == []


@pytest.mark.rule(25)
def test_a_complaint_that_changed_before_the_first_look_is_told(world: World) -> None:
    world.deploy(care(**STATES))
    complain(world, world.customer(), answered_at=NOON + MINUTE)

    world.tick(NOON + HOUR)

    assert world.send().state == "sent"


@pytest.mark.rule(25)
def test_after_a_restore_what_may_have_been_told_is_not_told_again(world: World) -> None:
    """A commercial message of the gap is written off, a transactional one of the last day goes (rule 14)."""
    world.deploy(care(tell("news", "whenever/tell", purpose="commercial"), tell()))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)

    close_gap(world.shop, NOON, now=NOON + 2 * HOUR, owner="test", wall=stopped_at(NOON + 2 * HOUR))
    world.tick(NOON + 2 * HOUR)

    assert [(row.purpose, row.state) for row in world.sends()] == [("commercial", "skipped"), ("transactional", "sent")]
    assert world.enrolment().state == "active"
