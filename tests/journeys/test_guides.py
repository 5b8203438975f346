"""Newcomers and those whose parcel arrived are shown how to use what they bought, in their own language."""

from __future__ import annotations

import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World
from vefa.crm.tables import customers, order_lines, products
from vefa.plan.project import load_project
from vefa.settings import Settings, Shop

REPOSITORY = Path(__file__).parents[2]
HEADINGS = {"tr": "Kullanım ve bakım ipuçları", "en": "Making the most of it"}


@pytest.fixture
def world(sqlite_engine: sa.Engine, settings: Settings) -> World:
    """The shipped journeys, in a shop that sells a press with a guide and a cup without one."""
    for room in ("journeys", "config"):
        shutil.copytree(REPOSITORY / room, settings.root / room, dirs_exist_ok=True)
    made = World(sqlite_engine, settings.model_copy(update={"shop": Shop(locales=("tr", "en"))}))
    project = load_project(settings.root, made.settings)
    for journey in ("onboarding", "delivery-thank-you"):
        made.deploy(project.plans[journey], NOON - HOUR)
    guide = "https://ornek.example/rehber/press"
    made.insert(products, source="shop", outside_id="1", name="French press", guide_url=guide)
    made.insert(products, source="shop", outside_id="2", name="Kupa")
    return made


def order(world: World, customer: int, *bought: int, placed: datetime, **columns: datetime) -> None:
    number = world.order(customer, placed, **columns)
    for n, product in enumerate(bought, 1):
        line = {"order_id": number, "line": n, "product_id": product, "quantity": 1, "unit_price": Decimal(100)}
        world.insert(order_lines, **line)


@pytest.mark.parametrize("language", HEADINGS)
def test_the_guides_of_the_parcel_come_the_morning_after(world: World, language: str) -> None:
    one, two = world.customer("Ada", language=language), world.customer("Bora", language=language)
    order(world, one, 1, 2, placed=NOON - 3 * DAY, delivered_at=NOON)
    order(world, two, 2, placed=NOON - 3 * DAY, delivered_at=NOON)

    for days in range(4):
        world.tick(NOON + days * DAY, "delivery-thank-you")

    guided, plain = sorted(world.email.got, key=lambda message: message.to)
    assert HEADINGS[language] in guided.text and "https://ornek.example/rehber/press" in guided.html
    assert "Kupa" not in guided.text.partition(HEADINGS[language])[2]
    assert HEADINGS[language] not in plain.text


@pytest.mark.parametrize("language", HEADINGS)
def test_a_newcomer_who_has_ordered_is_shown_the_guides_of_the_order(world: World, language: str) -> None:
    one, two = world.customer("Ada", language=language), world.customer("Bora", language=language)
    for customer in (one, two):
        world.change(customers, "customer", customer, created_at=NOON, known_at=NOON)
    order(world, one, 1, placed=NOON + DAY)
    order(world, two, 2, placed=NOON + DAY)

    for days in range(8):
        world.tick(NOON + days * DAY, "onboarding")

    last = [next(m for m in reversed(world.email.got) if m.to.startswith(name)) for name in ("Ada", "Bora")]
    assert [HEADINGS[language] in message.text for message in last] == [True, False]
    assert len(world.email.got) == 6
