"""What providers tell later settles what is in doubt: in any order, any number of times (rules 13 to 15)."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.channels.base import Doubtful
from vefa.crm.tables import events, suppressions
from vefa.database import writing
from vefa.ledger.reports import PROOFS, Report, TakenIn, take_in
from vefa.ledger.tables import sends

pytestmark = pytest.mark.rule(13)
SOON = NOON + MINUTE
DOUBT = Doubtful("time-out")


def in_doubt(world: World, purpose: str = "commercial", **more: Any) -> int:
    """A customer whose message may or may not have gone; its number."""
    step = email(next="rest", purpose=purpose, **more)
    world.deploy(make_plan(step, wait("rest", None, days=1), purpose=purpose))
    world.order(world.customer(outside_id="ada"), NOON)
    world.email.script.append(DOUBT)
    world.tick(NOON)
    assert world.send().state == "unknown"
    return int(world.send().id)


def report(kind: str, number: int, attempt: int = 1, at: datetime = SOON, **more: Any) -> Report:
    return Report(f"{number}.{attempt}", kind, at, at, **more)


def told(world: World, *reports: Report) -> TakenIn:
    return take_in(world.database, reports, SOON)


@pytest.mark.parametrize("kind", PROOFS)
def test_a_report_settles_a_message_in_doubt_and_the_customer_goes_on_at_the_next_tick(world, kind):
    number = in_doubt(world)

    taken_in = told(world, report(kind, number))
    world.tick(SOON)

    assert taken_in == TakenIn(new=1, settled=1)
    assert world.send().state == PROOFS[kind].state
    assert world.send().reason == (None if PROOFS[kind].state == "sent" else kind)
    assert (world.place(), len(world.email.got)) == ("rest", 1)


def test_the_same_report_again_changes_nothing(world):
    number = in_doubt(world)
    told(world, report("bounced", number), report("bounced", number))
    before = [world.rows(table) for table in (sends, events, suppressions)], world.history()

    again = told(world, *[report("bounced", number)] * 3)

    assert again == TakenIn()
    assert ([world.rows(table) for table in (sends, events, suppressions)], world.history()) == before
    assert len(world.rows(suppressions)) == 1


@pytest.mark.parametrize("kinds", [*permutations(["processed", "bounced", "delivered"])], ids="-".join)
def test_the_weightiest_report_decides_in_whatever_order_they_come(world, kinds):
    number = in_doubt(world)

    for kind in kinds:
        told(world, report(kind, number))

    assert world.send().state == "sent"


@pytest.mark.parametrize("kinds", [("deferred", "bounced"), ("bounced", "deferred")], ids="-".join)
def test_what_was_taken_and_then_bounced_has_failed_in_either_order(world, kinds):
    number = in_doubt(world)

    for kind in kinds:
        told(world, report(kind, number))

    assert (world.send().state, world.send().reason) == ("failed", "bounced")


def test_reports_do_not_touch_what_the_provider_answered_for(world):
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    world.tick(NOON)

    taken_in = told(world, report("bounced", world.send().id))

    assert taken_in == TakenIn(new=1)
    assert world.send().state == "sent"
    assert [row.reason for row in world.rows(suppressions)] == ["bounced"]


def test_a_report_about_a_message_under_way_waits_for_the_worker_and_settles_it_if_the_worker_never_does(world):
    seen = []

    def report_comes_first(message: Any) -> Any:
        seen.append((told(world, Report(message.ref, "delivered", NOON, NOON)), world.send().state))
        return DOUBT

    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    world.email.script.append(report_comes_first)
    world.tick(NOON)
    assert seen == [(TakenIn(new=1), "claimed")]
    assert world.send().state == "unknown"

    world.tick(SOON)

    assert (world.send().state, world.place()) == ("sent", "rest")


@pytest.mark.rule(14)
@pytest.mark.parametrize(("kind", "attempts"), [("delivered", 1), ("dropped", 1), (None, 2)])
def test_what_was_told_spares_the_second_attempt(world, kind, attempts):
    number = in_doubt(world, "transactional")
    if kind:
        told(world, report(kind, number))

    world.tick(NOON + 2 * HOUR)

    assert len(world.email.got) == attempts


@pytest.mark.rule(14)
def test_a_second_attempt_that_waits_in_the_queue_is_spared_too(world):
    number = in_doubt(world, "transactional")
    with writing(world.database) as connection:
        connection.execute(sa.update(sends).values(state="queued", not_before=NOON + HOUR))

    told(world, report("delivered", number))
    world.tick(NOON + 2 * HOUR)

    assert (len(world.email.got), world.send().state, world.place()) == (1, "sent", "rest")


@pytest.mark.rule(14)
def test_of_two_attempts_in_doubt_one_failure_proves_nothing_and_one_delivery_everything(world):
    number = in_doubt(world, "transactional")
    world.email.script.append(DOUBT)
    world.tick(NOON + 2 * HOUR)
    assert world.send().doubts == 2

    told(world, report("dropped", number, attempt=2))
    after_one = world.send().state
    told(world, report("dropped", number, attempt=1))
    after_both = world.send().state
    told(world, report("delivered", number, attempt=1))

    assert (after_one, after_both, world.send().state) == ("unknown", "failed", "sent")


@pytest.mark.rule(15)
def test_a_failure_that_is_reported_ends_who_leaves_on_failure(world):
    number = in_doubt(world, on_failure="exit")

    told(world, report("dropped", number))
    world.tick(SOON)

    assert (world.enrolment().state, world.enrolment().reason) == ("left", "failed: hello")


@pytest.mark.rule(15)
def test_a_report_that_comes_after_the_day_of_grace_still_settles_the_message(world):
    number = in_doubt(world)
    world.tick(NOON + 2 * DAY)
    assert world.enrolment().state == "finished"

    told(world, report("delivered", number, at=NOON + 2 * DAY))

    assert world.send().state == "sent"


@pytest.mark.parametrize(("kind", "purpose"), [("bounced", None), ("complained", None), ("unsubscribed", "commercial")])
def test_bounces_complaints_and_unsubscribing_stop_the_address(world, kind, purpose):
    number = in_doubt(world)

    told(world, report(kind, number, address="Ada@Ornek.example"), report("dropped", number))
    world.order(1, SOON)
    world.tick(2 * MINUTE + NOON)

    assert [(row.reason, row.purpose) for row in world.rows(suppressions)] == [(kind, purpose)]
    assert [row.state for row in world.sends()][1:] == ["skipped"]


def test_reports_about_nothing_of_ours_are_counted_and_passed_over(world):
    number = in_doubt(world)
    strange = ["", "1", "a.b", f"{number}.0", f"{number}.2", f"{number + 1}.1", f"{number}.1.1", "9" * 30 + ".1"]

    taken_in = told(world, *(Report(ref, "delivered", SOON, SOON) for ref in strange))

    assert taken_in == TakenIn(foreign=len(strange))
    assert (world.send().state, world.rows(events, events.c.object_kind == "send")) == ("unknown", [])


def test_reports_become_events_of_the_customer(world):
    number = in_doubt(world)

    told(world, report("delivered", number, at=NOON + 2 * HOUR), report("delivered", number, at=NOON + HOUR))

    (event,) = world.rows(events, events.c.object_kind == "send")
    assert (event.type, event.object_id, event.object_key) == ("email.delivered", number, f"{number}.1")
    assert event.occurred_at == NOON + HOUR
