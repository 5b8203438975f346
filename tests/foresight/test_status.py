"""How journeys stand, counted from the tables, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.foresight.conftest import ENTERED, NOW, PLAN, Rows
from vefa.foresight.audience import audience_size, standing
from vefa.foresight.status import (
    Sendings,
    Status,
    Totals,
    Waiting,
    busiest_customer,
    patience,
    status,
    totals,
)
from vefa.language.conditions import Compare
from vefa.ledger.tables import breakers
from vefa.plan.codec import plan_hash
from vefa.plan.plans import Plan, Runs
from vefa.plan.ways_in import EventTrigger
from vefa.settings import Shop


def read(rows: Rows) -> Status:
    with rows.engine.connect() as connection:
        return status(connection, NOW, NOW)


def test_a_journey_nobody_is_in_is_told_all_the_same(rows: Rows) -> None:
    (journey,) = read(rows).journeys

    assert (journey.journey, journey.state, journey.plan) == ("thanks", "live", plan_hash(PLAN))
    assert (journey.active, journey.due, journey.late, journey.waiting) == (0, 0, 0, ())


def test_who_waits_is_counted_by_step_in_the_plan_s_order(rows: Rows) -> None:
    rows.enrolment(rows.customer("A"), step=rows.step("mail"), due_at=None)
    rows.enrolment(rows.customer("B"))
    rows.enrolment(rows.customer("C"), due_at=NOW + timedelta(hours=1))
    rows.enrolment(rows.customer("D"), state="finished", due_at=None, step=None)

    (journey,) = read(rows).journeys

    assert journey.waiting == (Waiting("wait", 2, 1), Waiting("mail", 1, 0))
    assert (journey.active, journey.due) == (3, 1)


def test_what_is_due_for_more_than_two_intervals_is_late(rows: Rows) -> None:
    rows.enrolment(rows.customer("A"), due_at=NOW - timedelta(minutes=31))
    rows.enrolment(rows.customer("B"), due_at=NOW - timedelta(minutes=29))

    (journey,) = read(rows).journeys

    assert journey.late == 1


@pytest.mark.parametrize(
    ("runs", "minutes"), [(Runs(at_once=True), 5), (Runs(minutes=15), 30), (Runs(minutes=60), 120)]
)
def test_a_journey_s_own_interval_says_what_is_late(runs: Runs, minutes: int) -> None:
    assert patience(Plan("j", "J", EventTrigger("order.placed", "order"), (), runs=runs)) == timedelta(minutes=minutes)


def test_messages_are_counted_by_what_became_of_them(rows: Rows) -> None:
    for number, (state, ago) in enumerate(
        [("sent", 1), ("sent", 30), ("skipped", 2), ("failed", 3), ("unknown", 4), ("sent", 200)]
    ):
        customer = rows.customer(str(number))
        settled = NOW - timedelta(hours=ago)
        rows.send(rows.enrolment(customer), customer, state=state, claimed_at=settled, settled_at=settled)

    (journey,) = read(rows).journeys

    assert journey.day == Sendings(sent=1, held=1, failed=1, unknown=1)
    assert journey.week == Sendings(sent=2, held=1, failed=1, unknown=1)


def test_messages_in_doubt_are_told_one_by_one(rows: Rows) -> None:
    customer = rows.customer("A-7")
    rows.send(rows.enrolment(customer), customer, state="unknown", medium="email", attempt=1, claimed_at=ENTERED)

    found = read(rows)

    assert found.unknown_in_all == 1
    assert (found.unknown[0].customer, found.unknown[0].step, found.unknown[0].claimed_at) == ("A-7", "mail", ENTERED)


def test_a_shut_channel_is_told_until_it_opens_again(rows: Rows) -> None:
    rows.insert(breakers, channel="sendgrid", open_until=NOW + timedelta(hours=1), reason="401")
    rows.insert(breakers, channel="twilio", open_until=NOW - timedelta(hours=1), reason="401")

    assert [each.channel for each in read(rows).breakers] == ["sendgrid"]


def test_totals_add_up_from_the_beginning(rows: Rows) -> None:
    first, second, third = (rows.customer(name) for name in "ABC")
    rows.send(rows.enrolment(first, state="finished", goal_at=NOW), first, medium="email")
    rows.send(rows.enrolment(second), second, state="skipped", reason="no email consent")
    rows.enrolment(third, state="holdout")

    with rows.engine.connect() as connection:
        assert totals(connection) == (
            Totals(
                "thanks",
                entered=2,
                holdout=1,
                active=1,
                finished=1,
                goals=1,
                sent={"email": 1},
                held={"no email consent": 1},
            ),
        )
        assert busiest_customer(connection) == "A"


def test_those_at_each_step_and_in_older_versions_are_counted(rows: Rows) -> None:
    rows.enrolment(rows.customer("A"))
    newer = Plan("thanks", "Thanks", PLAN.trigger, PLAN.steps, description="changed")

    with rows.engine.connect() as connection:
        now, later = standing(connection, PLAN), standing(connection, newer)

    assert (now.steps, now.all) == ({"wait": 1}, 1)
    assert (later.steps, later.older) == ({}, {plan_hash(PLAN): 1})


def test_the_audience_is_counted_by_its_own_condition(rows: Rows) -> None:
    rows.customer("A")
    rows.customer("B")
    audience = Compare("customer.outside_id", "=", "B")
    only_b = Plan("thanks", "Thanks", PLAN.trigger, PLAN.steps, audience=audience)

    with rows.engine.connect() as connection:
        assert audience_size(connection, PLAN, NOW, Shop()) == 2
        assert audience_size(connection, only_b, NOW, Shop()) == 1
