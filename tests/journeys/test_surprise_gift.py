"""The surprise gift: once, to loyal customers, one half points and the other half free shipping."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.engine.worlds import World, istanbul
from tests.journeys.loyal_shop import LoyalShop
from vefa.crm.points import point_moves
from vefa.rewards.tables import coupons
from vefa.settings import Settings

JOURNEY = "surprise-gift"
START = date(2026, 4, 1)


@pytest.fixture
def shop(sqlite_engine: sa.Engine, settings: Settings) -> World:
    return LoyalShop(sqlite_engine, settings)


def test_who_becomes_loyal_gets_one_gift_of_either_kind(shop: LoyalShop) -> None:
    people = [shop.customer(f"Ada{number}") for number in range(24)]
    shop.live(JOURNEY, istanbul(START, "08:00"))
    for customer in people:
        shop.order(customer, istanbul(date(2026, 4, 2), "10:00"), total=Decimal(6000))
    small = shop.customer("Cem")
    shop.order(small, istanbul(date(2026, 4, 2), "10:00"))

    shop.walk_on(JOURNEY, START, 8)

    gifts = shop.rows(point_moves, point_moves.c.kind == "grant")
    codes = shop.rows(coupons)
    held = [row for row in shop.enrolments(JOURNEY) if row.state == "holdout"]
    assert len(gifts) + len(codes) + len(held) == len(people)
    assert gifts and codes
    assert {row.points for row in gifts} == {100}
    assert len(shop.told) == len(gifts) + len(codes)
    assert all("800 puan" in m.text or "SURPRIZ-" in m.text for m in shop.email.got)
