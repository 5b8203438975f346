"""Every order is thanked for at once, once, and in the customer's own language."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON
from tests.journeys.shipped_worlds import ShippedWorld
from vefa.crm.tables import order_lines, products

JOURNEY = "order-thank-you"


@pytest.fixture
def world(sqlite_engine: sa.Engine, example_root: Path) -> ShippedWorld:
    """The shipped journey, in a shop that sells a pot and three other things."""
    world = ShippedWorld(sqlite_engine, example_root)
    world.go_live(JOURNEY, NOON - HOUR)
    for number, name in enumerate(("Bakır cezve", "Fincan", "Tepsi", "Lokumluk"), 1):
        price = {"price": Decimal(100), "currency": "TRY", "category": "Mutfak"}
        world.insert(products, source="shop", outside_id=str(number), name=name, **price)
    return world


def buys(world: ShippedWorld, customer: int, number: str, at: datetime = NOON, **more: Any) -> int:
    order = world.order(customer, at, outside_id=number, number=number, **more)
    world.insert(order_lines, order_id=order, line=1, product_id=1, quantity=2, unit_price=Decimal(50))
    return order


def test_the_thank_you_goes_in_the_same_minute_and_only_once(world: ShippedWorld) -> None:
    ada = world.customer()
    buys(world, ada, "TR-1")
    world.tick(NOON + MINUTE, JOURNEY)
    assert world.templates(ada) == ["order-thank-you"]
    assert "TR-1" in world.email.got[0].text and "Bakır cezve" in world.email.got[0].text

    world.walk_on(JOURNEY, NOON + MINUTE, NOON + 21 * DAY)
    buys(world, ada, "TR-2", NOON + 21 * DAY)
    world.walk_on(JOURNEY, NOON + 21 * DAY, NOON + 30 * DAY)

    assert world.templates(ada) == ["order-thank-you"] * 2


def test_only_who_agreed_is_shown_other_products(world: ShippedWorld) -> None:
    yes, no = world.customer("Ada"), world.customer("Bora", consent=False)
    for customer, number in ((yes, "TR-1"), (no, "TR-2")):
        buys(world, customer, number)
    world.tick(NOON + MINUTE, JOURNEY)

    offered, plain = sorted(world.email.got, key=lambda message: message.to)
    assert "Fincan" in offered.text
    assert "Fincan" not in plain.text and "TR-2" in plain.text


def test_both_languages(world: ShippedWorld) -> None:
    for language, number in (("tr", "TR-1"), ("en", "TR-2")):
        buys(world, world.customer(language=language), number)
    world.tick(NOON + MINUTE, JOURNEY)

    turkish, english = world.email.got
    assert turkish.subject.startswith("Teşekkür ederiz")
    assert english.subject.startswith("Thank you for your order")


def test_an_order_taken_back_before_the_look_and_one_told_days_late_are_not_thanked_for(world: ShippedWorld) -> None:
    buys(world, world.customer(), "TR-1", cancelled_at=NOON + MINUTE)
    buys(world, world.customer(), "TR-2", NOON - 30 * MINUTE, known=NOON + 2 * DAY)
    world.tick(NOON + 2 * MINUTE, JOURNEY)
    world.walk_on(JOURNEY, NOON + 2 * MINUTE, NOON + 5 * DAY)

    assert world.email.got == []
