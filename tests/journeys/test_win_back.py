"""Who has stopped buying: by fixed days, by their own rhythm, and what win-back does about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, NOON
from tests.journeys.shipped_worlds import ShippedWorld
from vefa.crm.scope import World as Moment
from vefa.crm.segments import members
from vefa.database import reading
from vefa.errands.tables import errands

JOURNEY = "win-back"
DEFINITIONS = ("lapsed-by-days", "lapsed-by-rhythm", "lapsed")


@pytest.fixture
def world(sqlite_engine: sa.Engine, example_root: Path) -> ShippedWorld:
    return ShippedWorld(sqlite_engine, example_root)


def buyer(world: ShippedWorld, name: str, every: int, last: datetime, count: int = 6) -> int:
    """Somebody who ordered every so many days, the last time then."""
    customer = world.customer(name)
    for number in range(count):
        at = last - number * every * DAY
        world.order(customer, at, known=at)
    return customer


def lapsed_of(world: ShippedWorld, now: datetime) -> dict[str, set[int]]:
    shop = world.settings.shop
    with reading(world.database) as connection:
        moment = Moment(now, shop, ("Europe/Istanbul",), "dated")
        return {
            name: {row[0] for row in connection.execute(members(world.project.segments[name], moment))}
            for name in DEFINITIONS
        }


def test_two_definitions_stand_side_by_side_and_win_back_takes_either(world: ShippedWorld) -> None:
    weekly = buyer(world, "weekly", 7, NOON - 30 * DAY)
    monthly = buyer(world, "monthly", 30, NOON - 95 * DAY)
    yearly = buyer(world, "half-yearly", 180, NOON - 120 * DAY)
    slow = buyer(world, "slow and late", 180, NOON - 300 * DAY)
    twice = buyer(world, "twice", 20, NOON - 100 * DAY, count=2)
    once = buyer(world, "once", 1, NOON - 200 * DAY, count=1)
    fresh = buyer(world, "fresh", 7, NOON - 10 * DAY)

    found = lapsed_of(world, NOON)

    assert found["lapsed-by-days"] == {monthly, yearly, slow, twice}
    assert found["lapsed-by-rhythm"] == {weekly, monthly}
    assert found["lapsed"] == {weekly, monthly, slow, twice}
    assert {once, fresh, yearly}.isdisjoint(found["lapsed"])


@pytest.fixture
def walked(world: ShippedWorld) -> tuple[ShippedWorld, int]:
    """A weekly buyer whose last order is 18 days old, and the next 17 days, each looked at."""
    ada = buyer(world, "a", 7, NOON - 18 * DAY)
    world.go_live(JOURNEY, NOON)
    world.walk_on(JOURNEY, NOON, NOON + 17 * DAY)
    return world, ada


def test_each_comes_in_on_the_day_on_which_they_are_late(world: ShippedWorld) -> None:
    weekly, monthly = buyer(world, "w", 7, NOON - 18 * DAY), buyer(world, "m", 30, NOON - 84 * DAY)
    world.go_live(JOURNEY, NOON)
    world.walk_on(JOURNEY, NOON, NOON + 8 * DAY)

    days = {row.customer_id: (row.entered_at - NOON).days for row in world.enrolments(JOURNEY)}

    # Three of their usual gaps after the last order: three weeks, and three months.
    assert days == {weekly: 3, monthly: 6}


def test_an_offer_then_a_question_that_sells_nothing(walked: tuple[ShippedWorld, int]) -> None:
    world, ada = walked

    assert [row.state for row in world.enrolments(JOURNEY)] == ["finished"], "another name, if a holdout"
    assert world.templates(ada) == ["win-back-offer", "win-back-question"]
    offer, question = world.email.got
    assert "OZLEDIK-" in offer.text
    assert "Nerede yanlış yaptık?" in question.text and "OZLEDIK-" not in question.text
    assert question.reply_to == "destek@ornek.example"
    assert question.html.count("/s/") == 6, "five answers, and the page"


def test_whoever_says_what_went_wrong_is_read_by_a_person(walked: tuple[ShippedWorld, int]) -> None:
    world, ada = walked
    at = NOON + 18 * DAY
    world.say(world.sends()[-1], "what-went-wrong", 5, at)
    assert world.rows(errands) == [], "nothing went wrong, and that is no work for anybody"

    world.say(world.sends()[-1], "what-went-wrong", 2, at, "Kargo her seferinde geç geliyor")

    (word,) = world.rows(errands)
    assert (word.customer_id, word.target) == (ada, "care-team")
    assert word.text.startswith("what-went-wrong: delivery – Kargo her seferinde geç geliyor (")


def test_an_order_ends_it(world: ShippedWorld) -> None:
    ada = buyer(world, "a", 7, NOON - 20 * DAY)
    world.go_live(JOURNEY, NOON)
    world.walk_on(JOURNEY, NOON, NOON + 8 * DAY)
    world.order(ada, NOON + 8 * DAY)
    world.walk_on(JOURNEY, NOON + 8 * DAY, NOON + 20 * DAY)

    assert world.templates(ada) == ["win-back-offer"]
    assert [row.reason for row in world.enrolments(JOURNEY)] == ["exit: order.placed"]
