"""`whenever`: each event that comes to somebody inside sets its steps going, once (rule 25)."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.engine.cares import answer, care, complain, happened, notes, tell
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, wait
from vefa.channels.base import Doubtful
from vefa.clock import stopped_at
from vefa.crm.tables import tickets
from vefa.engine.tables import occasions
from vefa.engine.walks import run_narrow
from vefa.language.conditions import Compare, EventScope
from vefa.plan.plans import Exits
from vefa.plan.policy import Policy
from vefa.plan.steps import Arm, Branch


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
