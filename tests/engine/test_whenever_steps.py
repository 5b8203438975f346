"""What the steps of a `whenever` do, and what becomes of their messages (rule 25)."""

from __future__ import annotations

import pytest

from tests.engine.cares import answer, awake, care, complain, happened, notes, tell
from tests.engine.worlds import HOUR, MINUTE, NOON, World, make_plan, wait
from vefa.channels.base import Doubtful, Refused
from vefa.crm.tables import tags, tickets
from vefa.language.conditions import Compare, EventScope
from vefa.plan.plans import Exits
from vefa.plan.steps import Arm, Branch, Enter, Stop, Tag
from vefa.plan.ways_in import EnteredTrigger


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
