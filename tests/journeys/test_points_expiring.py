"""Points that run out: told a month before, and a week before if they are still there."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.engine.worlds import HOUR, World, istanbul
from tests.journeys.loyal_shop import LoyalShop
from vefa.crm.points import redemptions
from vefa.ledger.tables import sends
from vefa.settings import Settings

JOURNEY = "points-expiring"
PLACED = istanbul(date(2026, 3, 20), "10:00")
#: The points of that order run out with March 2027.
BEFORE = date(2027, 2, 28)


@pytest.fixture
def shop(sqlite_engine: sa.Engine, settings: Settings) -> World:
    shop = LoyalShop(sqlite_engine, settings)
    shop.live(JOURNEY, istanbul(date(2026, 3, 1), "08:00"))
    return shop


def days(shop: LoyalShop) -> list[datetime]:
    return [row.claimed_at for row in shop.rows(sends, sends.c.state == "sent")]


def test_a_member_is_told_a_month_and_a_week_before(shop: LoyalShop) -> None:
    ada = shop.customer("Ada", sms=True)
    shop.order(ada, PLACED)

    shop.walk_on(JOURNEY, BEFORE, 7)
    shop.walk_on(JOURNEY, date(2027, 3, 23), 3)

    assert days(shop) == [istanbul(date(2027, 3, 2), "11:05"), istanbul(date(2027, 3, 24), "11:05")]
    assert [subject for _, subject in shop.told] == [
        "110 puanınızın süresi doluyor, Ada",
        "Son hafta: 110 puanınız sizi bekliyor",
    ]
    assert "31 Mart 2027" in shop.email.got[0].text
    assert [row.state for row in shop.enrolments(JOURNEY)] == ["finished"]


def test_by_sms_and_in_english_for_who_likes_it_so(shop: LoyalShop) -> None:
    ada = shop.customer("Ada", sms=True, email=False, language="en", preferred_channel="sms")
    shop.order(ada, PLACED)

    shop.walk_on(JOURNEY, BEFORE, 7)
    shop.walk_on(JOURNEY, date(2027, 3, 23), 3)

    assert shop.email.got == []
    assert ["110 of your points" in message.text for message in shop.sms.got] == [True, True]
    assert all("31 March" in message.text for message in shop.sms.got)


def test_who_spends_them_after_the_first_word_hears_no_more(shop: LoyalShop) -> None:
    ada = shop.customer("Ada")
    shop.order(ada, PLACED)
    shop.order(ada, istanbul(date(2026, 9, 1), "10:00"), total=Decimal(300))
    shop.walk_on(JOURNEY, BEFORE, 8)

    spent = istanbul(date(2027, 3, 6), "12:00")
    shop.fact(redemptions, "redemption", customer_id=ada, points=110, redeemed_at=spent + HOUR)
    shop.walk_on(JOURNEY, date(2027, 3, 21), 6)

    assert [subject for _, subject in shop.told] == ["110 puanınızın süresi doluyor, Ada"]


def test_lots_of_two_months_are_told_of_each_by_itself(shop: LoyalShop) -> None:
    """February is shorter than the thirty days: January's points are still there when February's are to be told of."""
    ada = shop.customer("Ada")
    shop.order(ada, istanbul(date(2026, 1, 20), "10:00"))
    shop.order(ada, istanbul(date(2026, 2, 20), "10:00"), total=Decimal(300))

    shop.walk_on(JOURNEY, date(2027, 1, 1), 5)
    shop.walk_on(JOURNEY, date(2027, 1, 23), 33)

    assert days(shop) == [
        istanbul(day, "11:05") for day in (date(2027, 1, 2), date(2027, 1, 24), date(2027, 2, 3), date(2027, 2, 21))
    ]
    assert [subject.split(" ")[0] for _, subject in shop.told] == ["110", "Son", "30", "Son"]
