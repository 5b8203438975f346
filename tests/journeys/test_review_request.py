"""A review is asked for once for an order, politely, and not twice by two journeys."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON
from tests.journeys.shipped_worlds import ShippedWorld
from vefa.crm.tables import orders, returns, reviews
from vefa.errands.tables import errands
from vefa.plan.steps import Message

JOURNEY = "review-request"


@pytest.fixture
def world(sqlite_engine: sa.Engine, example_root: Path) -> ShippedWorld:
    world = ShippedWorld(sqlite_engine, example_root)
    world.go_live(JOURNEY, NOON - HOUR)
    return world


def delivered(world: ShippedWorld, customer: int, at: datetime = NOON) -> int:
    return world.order(customer, at - 2 * DAY, known=at - 2 * DAY, delivered_at=at)


def asked(world: ShippedWorld) -> Any:
    world.walk_on(JOURNEY, NOON, NOON + 9 * DAY)
    (send,) = (row for row in world.sends() if row.template == "review-request")
    return send


def test_on_the_ninth_day_in_the_evening_it_asks_once(world: ShippedWorld) -> None:
    ada = world.customer()
    delivered(world, ada)
    world.walk_on(JOURNEY, NOON, NOON + 7 * DAY)
    assert world.email.got == []

    world.walk_on(JOURNEY, NOON + 7 * DAY, NOON + 25 * DAY)

    assert world.templates(ada) == ["review-request"]
    assert [row.state for row in world.enrolments(JOURNEY)] == ["left"]


def test_both_languages_ask_with_a_click(world: ShippedWorld) -> None:
    for language in ("tr", "en"):
        delivered(world, world.customer(language=language))
    world.walk_on(JOURNEY, NOON, NOON + 9 * DAY)

    turkish, english = world.email.got
    assert "Aldıklarınızdan ne kadar memnunsunuz?" in turkish.text
    assert "How content are you with what you bought?" in english.text
    for letter in (turkish, english):
        assert letter.html.count("/s/") == 6, "five answers, and the page"


def test_who_is_content_is_invited_to_recommend_and_to_share(world: ShippedWorld) -> None:
    ada = world.customer()
    delivered(world, ada)
    world.say(asked(world), "csat", 5, NOON + 9 * DAY)
    world.walk_on(JOURNEY, NOON + 9 * DAY, NOON + 20 * DAY)

    assert world.templates(ada) == ["review-request", "share-your-experience"]
    letter = world.email.got[-1]
    assert letter.html.count("/s/") == 12, "eleven answers, and the page"
    assert "instagram.example" in letter.html


def test_who_is_not_content_is_read_by_a_person_and_asked_nothing_more(world: ShippedWorld) -> None:
    ada = world.customer()
    delivered(world, ada)
    world.say(asked(world), "csat", 1, NOON + 9 * DAY, "Kumaş ince, kutu ezik")
    world.walk_on(JOURNEY, NOON + 9 * DAY, NOON + 20 * DAY)

    assert world.templates(ada) == ["review-request"]
    assert [row.state for row in world.enrolments(JOURNEY)] == ["finished"]
    (word,) = world.rows(errands)
    assert (word.target, word.customer_id) == ("care-team", ada)
    assert word.text.startswith("csat: 1/5 – Kumaş ince, kutu ezik (")


@pytest.mark.parametrize("what", ["review", "return", "cancelled"])
def test_it_stops_when_there_is_nothing_more_to_ask(world: ShippedWorld, what: str) -> None:
    ada = world.customer()
    order = delivered(world, ada)
    at = NOON + 3 * DAY
    if what == "review":
        world.fact(reviews, "review", customer_id=ada, order_id=order, rating=5, text="iyi", posted_at=at)
    elif what == "return":
        world.fact(returns, "return", customer_id=ada, order_id=order, requested_at=at)
    else:
        world.change(orders, "order", order, cancelled_at=at)
    world.walk_on(JOURNEY, NOON, NOON + 20 * DAY)

    assert world.email.got == []


def test_of_an_order_that_was_reviewed_before_its_delivery_no_review_is_asked(world: ShippedWorld) -> None:
    early, other = world.customer(), world.customer()
    order = delivered(world, early)
    delivered(world, other)
    earlier = world.order(other, NOON - 60 * DAY, known=NOON - 60 * DAY)
    for who, which in ((early, order), (other, earlier)):
        at = NOON - 2 * HOUR
        world.fact(reviews, "review", customer_id=who, order_id=which, rating=4, posted_at=at)

    world.walk_on(JOURNEY, NOON, NOON + 20 * DAY)

    assert world.templates(early) == []
    assert world.templates(other) == ["review-request"]


def test_who_orders_every_week_is_asked_once_a_month(world: ShippedWorld) -> None:
    ada = world.customer()
    for week in range(6):
        delivered(world, ada, NOON + week * 7 * DAY)
    world.walk_on(JOURNEY, NOON, NOON + 50 * DAY)

    assert world.templates(ada) == ["review-request"] * 2


def test_the_thank_you_for_the_delivery_asks_about_the_packaging_and_for_no_review(world: ShippedWorld) -> None:
    ada = world.customer()
    world.go_live("delivery-thank-you", NOON - HOUR)
    delivered(world, ada)
    world.walk_on("delivery-thank-you", NOON, NOON + 20 * DAY)

    assert world.templates(ada) == ["delivery-thank-you"]
    (letter,) = world.email.got
    assert "Paketiniz nasıl geldi?" in letter.text and "TESEKKUR-" in letter.text
    thanks = world.project.plans["delivery-thank-you"]
    assert [step.survey for step in thanks.steps if isinstance(step, Message)] == ["packaging"]


def test_who_agreed_to_no_offers_is_thanked_without_a_code(world: ShippedWorld) -> None:
    ada = world.customer(consent=False)
    world.go_live("delivery-thank-you", NOON - HOUR)
    delivered(world, ada)
    world.walk_on("delivery-thank-you", NOON, NOON + 3 * DAY)

    (letter,) = world.email.got
    assert "Paketiniz nasıl geldi?" in letter.text and "TESEKKUR-" not in letter.text
