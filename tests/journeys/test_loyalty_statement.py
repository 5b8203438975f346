"""The monthly loyalty statement: who gets it, when, and what it says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, World, istanbul
from tests.journeys.loyal_shop import LoyalShop
from vefa.crm.points import redemptions
from vefa.crm.tables import orders
from vefa.settings import Settings

START = date(2026, 4, 1)
JOURNEY = "loyalty-statement"


@pytest.fixture
def shop(sqlite_engine: sa.Engine, settings: Settings) -> World:
    return LoyalShop(sqlite_engine, settings)


def test_members_with_points_get_it_once_a_month_in_their_language(shop: LoyalShop) -> None:
    ada, bob = shop.customer("Ada"), shop.customer("Bob", language="en")
    shop.customer("Cem")
    dan = shop.customer("Dan", consent=False)
    for customer in (ada, bob, dan):
        shop.order(customer, istanbul(date(2026, 3, 20), "10:00"), total=Decimal(5200))
    shop.live(JOURNEY, istanbul(START, "08:00"))

    for week in range(6):  # the first Tuesdays are the 7th of April and the 5th of May
        shop.walk_on(JOURNEY, START + 7 * week * DAY - DAY, 1)

    assert shop.told == [
        ("Ada-1@ornek.example", "620 puanınız var, Ada"),
        ("Bob-2@ornek.example", "You have 620 points, Bob"),
        ("Ada-1@ornek.example", "620 puanınız var, Ada"),
        ("Bob-2@ornek.example", "You have 620 points, Bob"),
    ]
    turkish, english = (message.text for message in shop.email.got[:2])
    for words in ("620 puan", "62,00 ₺", "Gümüş", "Altın", "1.380", "31 Mart 2027"):
        assert words in turkish
    for words in ("620 points", "₺62.00", "Silver", "Gold", "1,380", "31 March 2027"):
        assert words in english


def test_who_has_spent_everything_or_sent_it_back_is_told_of_nothing(shop: LoyalShop) -> None:
    ada, bea = shop.customer("Ada"), shop.customer("Bea")
    placed = istanbul(date(2026, 3, 20), "10:00")
    shop.order(ada, placed)
    back = shop.order(bea, placed)
    shop.fact(redemptions, "redemption", customer_id=ada, points=110, redeemed_at=placed + HOUR)
    shop.change(orders, "order", back, cancelled_at=placed + HOUR)
    shop.live(JOURNEY, istanbul(START, "08:00"))

    shop.walk_on(JOURNEY, START, 8)

    assert shop.told == []
