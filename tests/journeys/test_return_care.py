"""Return care over weeks: every stage is told once, in the customer's language, and at the end they are asked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World
from tests.journeys.shipped_worlds import ShippedWorld
from vefa.crm.tables import returns

JOURNEY = "return-care"


@pytest.fixture(autouse=True)
def deployed(shipped: ShippedWorld) -> None:
    shipped.deploy(shipped.project.plans[JOURNEY], NOON - DAY)


def asks(world: World, customer: int, at: datetime = NOON, **more: object) -> int:
    order = world.order(customer, at - 5 * DAY, number="TR-1007", delivered_at=at - 2 * DAY)
    given = {"amount": Decimal("349.90"), "currency": "TRY"} | more
    return world.fact(returns, "return", customer_id=customer, order_id=order, requested_at=at, **given)


def becomes(world: World, number: int, state: str, at: datetime) -> None:
    world.change(returns, "return", number, state=state, state_at=at)


def subjects(world: World) -> list[str]:
    return [message.subject for message in world.email.got]


def test_every_stage_is_told_and_two_days_after_the_refund_they_are_asked(shipped: ShippedWorld) -> None:
    back = asks(shipped, shipped.customer("Ayşe"))
    becomes(shipped, back, "approved", NOON + 3 * HOUR)
    becomes(shipped, back, "shipped", NOON + DAY)
    shipped.change(returns, "return", back, received_at=NOON + 4 * DAY)
    shipped.change(returns, "return", back, refunded_at=NOON + 6 * DAY)

    shipped.pass_by(NOON, NOON + 21 * DAY, JOURNEY)

    assert subjects(shipped) == [
        "İade talebinizi aldık (sipariş TR-1007)",
        "İadeniz onaylandı",
        "İade paketiniz yolda",
        "İadeniz elimize ulaştı",
        "Para iadeniz yola çıktı",
        "İade sürecimiz nasıldı?",
    ]
    refunded, asked = (row.claimed_at for row in shipped.sends()[-2:])
    assert NOON + 6 * DAY <= refunded < NOON + 6 * DAY + 4 * HOUR
    assert asked.date() == (NOON + 8 * DAY).date()
    assert "349,90 ₺" in shipped.email.got[4].text
    assert shipped.enrolment(JOURNEY).state == "finished"


def test_a_shop_that_tells_only_moments_leaves_the_other_stages_out(shipped: ShippedWorld) -> None:
    back = asks(shipped, shipped.customer("Emma", language="en"))
    shipped.change(returns, "return", back, received_at=NOON + 4 * DAY, refunded_at=NOON + 5 * DAY)

    shipped.pass_by(NOON, NOON + 14 * DAY, JOURNEY)

    assert subjects(shipped) == [
        "We have your return request (order TR-1007)",
        "Your return has reached us",
        "Your refund is on its way",
        "How did we handle your return?",
    ]


def test_several_stages_between_two_looks_are_each_told_as_what_they_were(shipped: ShippedWorld) -> None:
    back = asks(shipped, shipped.customer())
    shipped.tick(NOON, JOURNEY)
    shipped.change(returns, "return", back, received_at=NOON + HOUR, refunded_at=NOON + 2 * HOUR)

    shipped.pass_by(NOON + 3 * HOUR, NOON + 3 * HOUR, JOURNEY)

    assert subjects(shipped)[1:] == ["İadeniz elimize ulaştı", "Para iadeniz yola çıktı"]


def test_who_is_refused_is_told_and_not_asked_how_it_went(shipped: ShippedWorld) -> None:
    back = asks(shipped, shipped.customer())
    becomes(shipped, back, "rejected", NOON + 2 * DAY)

    shipped.pass_by(NOON, NOON + 30 * DAY, JOURNEY)

    assert subjects(shipped)[1:] == ["İadenizle ilgili konuşmamız gerek"]
    assert shipped.enrolment(JOURNEY).state == "left"


def test_a_return_that_comes_to_nothing_ends_without_a_question(shipped: ShippedWorld) -> None:
    asks(shipped, shipped.customer())

    shipped.pass_by(NOON, NOON + 100 * DAY, JOURNEY)

    assert len(subjects(shipped)) == 1
    assert shipped.enrolment(JOURNEY).state == "left"


def test_nobody_is_told_of_somebody_elses_return_nor_of_another_one_of_theirs(shipped: ShippedWorld) -> None:
    ayse, can = shipped.customer("Ayşe"), shipped.customer("Can")
    first, _ = asks(shipped, ayse), asks(shipped, can)
    asks(shipped, ayse, NOON + HOUR)
    becomes(shipped, first, "approved", NOON + 2 * HOUR)

    shipped.pass_by(NOON, NOON + 6 * HOUR, JOURNEY)

    assert sorted(subjects(shipped)).count("İadeniz onaylandı") == 1
    assert len(subjects(shipped)) == 4


def test_by_sms_nothing_comes_at_night(shipped: ShippedWorld) -> None:
    back = asks(shipped, shipped.customer(email=False, sms=True, preferred_channel="sms"))
    becomes(shipped, back, "approved", NOON + 11 * HOUR + 30 * MINUTE)  # 23:30 on their clock

    shipped.pass_by(NOON, NOON + 2 * DAY, JOURNEY)

    texts = [message.text for message in shipped.sms.got]
    assert [text.split(" (")[0] for text in texts] == ["Iade talebinizi aldik", "Iadeniz onaylandi"]
    assert shipped.sends()[-1].claimed_at == NOON + 19 * HOUR  # 07:00
