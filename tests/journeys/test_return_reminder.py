"""The return reminder over weeks: the right to return is told in time, with its last day, and never too late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.worlds import DAY, NOON
from tests.journeys.shipped_worlds import ShippedWorld
from vefa.crm.tables import orders, returns

JOURNEY = "return-reminder"


@pytest.fixture(autouse=True)
def deployed(shipped: ShippedWorld) -> None:
    shipped.deploy(shipped.project.plans[JOURNEY], NOON)


def test_four_days_before_the_right_ends_they_are_told_its_last_day(shipped: ShippedWorld) -> None:
    """Delivered on Tuesday 10 March at noon: the fourteenth day after it is Tuesday 24 March."""
    shipped.order(shipped.customer(), NOON - 3 * DAY, number="TR-1007", delivered_at=NOON)
    shipped.order(shipped.customer("Emma", language="en"), NOON - 3 * DAY, number="TR-1008", delivered_at=NOON)

    shipped.pass_by(NOON, NOON + 21 * DAY, JOURNEY)

    turkish, english = shipped.email.got
    assert "son gün 24 Mart Salı" in turkish.text
    assert "the last day is Tuesday, 24 March" in english.text
    for row in shipped.sends():
        assert row.claimed_at < NOON + 11 * DAY


def test_sms_names_the_last_day_too(shipped: ShippedWorld) -> None:
    customer = shipped.customer(email=False, sms=True, preferred_channel="sms")
    shipped.order(customer, NOON - 3 * DAY, number="TR-1007", delivered_at=NOON)

    shipped.pass_by(NOON, NOON + 14 * DAY, JOURNEY)

    (message,) = shipped.sms.got
    assert "14 günlük sürenin son günü: 24 Mart" in message.text


@pytest.mark.parametrize("ends", ["return", "cancellation"])
def test_who_has_returned_or_cancelled_is_not_reminded(shipped: ShippedWorld, ends: str) -> None:
    customer = shipped.customer()
    order = shipped.order(customer, NOON - 3 * DAY, delivered_at=NOON)
    shipped.tick(NOON, JOURNEY)
    if ends == "return":
        shipped.fact(returns, "return", customer_id=customer, order_id=order, requested_at=NOON + 2 * DAY)
    else:
        shipped.change(orders, "order", order, cancelled_at=NOON + 2 * DAY)

    shipped.pass_by(NOON + 2 * DAY, NOON + 20 * DAY, JOURNEY)

    assert (shipped.sends(), shipped.enrolment(JOURNEY).state) == ([], "left")


@pytest.mark.parametrize(("late", "told"), [(6, 1), (11, 1), (13, 0)])
def test_a_delivery_that_is_learned_of_late_is_told_as_long_as_there_is_time(
    shipped: ShippedWorld, late: int, told: int
) -> None:
    learned = NOON + timedelta(days=late)
    order = shipped.order(shipped.customer(), NOON - 3 * DAY)
    shipped.change(orders, "order", order, delivered_at=NOON, delivered_known_at=learned)

    shipped.pass_by(learned, learned + 14 * DAY, JOURNEY)

    assert len(shipped.email.got) == told


def test_when_the_journey_goes_live_it_reaches_those_whose_days_still_run(shipped: ShippedWorld) -> None:
    running, over = shipped.customer("Ayşe"), shipped.customer("Can")
    shipped.order(running, NOON - 9 * DAY, delivered_at=NOON - 8 * DAY)
    shipped.order(over, NOON - 20 * DAY, delivered_at=NOON - 15 * DAY)

    shipped.pass_by(NOON, NOON + 10 * DAY, JOURNEY)

    assert [row.customer_id for row in shipped.sends()] == [running]


def test_an_order_in_two_parcels_counts_from_the_last(shipped: ShippedWorld) -> None:
    order = shipped.order(shipped.customer(), NOON - 3 * DAY, delivered_at=NOON)
    shipped.tick(NOON, JOURNEY)
    shipped.change(orders, "order", order, delivered_at=NOON + 4 * DAY)

    shipped.pass_by(NOON + 4 * DAY, NOON + 20 * DAY, JOURNEY)

    (message,) = shipped.email.got
    assert "son gün 28 Mart Cumartesi" in message.text
