"""Birthdays, anniversaries and the shop's own day, over two years of ticks at the moments that matter."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, ISTANBUL, MINUTE, World, istanbul
from vefa.crm.fields import FIELDS
from vefa.crm.importers.dates import NO_YEAR
from vefa.crm.scope import World as Facts
from vefa.crm.tables import customers, tickets
from vefa.database import reading
from vefa.engine.scopes import customer_scope
from vefa.plan.project import load_project
from vefa.rewards.tables import coupons
from vefa.settings import load_settings

START = datetime(2025, 12, 1, 9, tzinfo=UTC)
#: Minutes after each journey's own hour.
HOURS = {"birthday": "09:40", "anniversary-first-order": "10:10", "brand-day": "10:40", "anniversary-sign-up": "11:10"}

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(engine: sa.Engine, example_root: Path) -> MakeWorld:
    """The shop that comes with the project, its special days live since December 2025."""

    def make(founded_on: date | None = date(2015, 3, 20)) -> World:
        settings = load_settings(example_root)
        shop = settings.shop.model_copy(update={"founded_on": founded_on})
        project = load_project(example_root, settings)
        world = World(engine, settings.model_copy(update={"shop": shop}), project.policy)
        for journey in HOURS:
            world.deploy(project.plans[journey], START)
        return world

    return make


def customer(world: World, name: str, joined: date = date(2025, 6, 15), **columns: Any) -> int:
    moment = datetime.combine(joined, datetime.min.time(), UTC) + 9 * 60 * MINUTE
    return world.customer(name, created_at=moment, known_at=min(moment, START - DAY), **columns)


def live(world: World, *days: date, only: str | None = None) -> list[str]:
    """Every journey's moment of these days. Returns the subjects that went out on them."""
    before = len(world.email.got)
    for day in days:
        for journey, hour in HOURS.items():
            if only in {None, journey}:
                world.tick(istanbul(day, hour), journey)
                world.tick(istanbul(day, hour) + MINUTE, journey)
    return [letter.subject for letter in world.email.got[before:]]


def words(world: World, number: int = -1) -> str:
    """The plain part of a letter, on one line."""
    return " ".join(world.email.got[number].text.split())


def codes(world: World) -> list[str]:
    return [row.code for row in world.rows(coupons)]


def test_a_birthday_without_a_year_comes_round_and_leaves_the_age_open(make_world: MakeWorld) -> None:
    world = make_world()
    customer(world, "Ayşe", birth_date=date(NO_YEAR, 5, 4))
    customer(world, "Can", birth_date=date(NO_YEAR, 2, 29))
    customer(world, "Su", birth_date=date(2012, 5, 4))

    days = (date(2026, 2, 28), date(2026, 5, 4), date(2027, 2, 28), date(2028, 2, 28), date(2028, 2, 29))
    greeted = [subject.split(", ")[1].split("!")[0] for subject in live(world, *days, only="birthday")]

    assert greeted == ["Can", "Ayşe", "Can", "Can"]
    scope = customer_scope(Facts(START, world.settings.shop, (ISTANBUL,)), customers.c.id)
    known = [FIELDS[name].sql(scope).is_not(None) for name in ("customer.age", "customer.birth_date")]
    with reading(world.database) as connection:
        found = connection.execute(sa.select(*known).select_from(customers).order_by(customers.c.id)).all()
    assert found == [(False, False), (False, False), (True, True)]


def test_a_birthday_is_kept_each_year_with_a_code_of_its_own(make_world: MakeWorld) -> None:
    world = make_world()
    customer(world, "Ayşe", birth_date=date(1990, 5, 4))
    customer(world, "Can", birth_date=None)

    days = (date(2026, 5, 3), date(2026, 5, 4), date(2026, 5, 5), date(2027, 5, 3), date(2027, 5, 4))
    assert live(world, *days, only="birthday") == ["İyi ki doğdunuz, Ayşe! Hediye kuponunuz içeride"] * 2

    first, second = codes(world)
    assert first != second
    assert first in world.email.got[0].text and second in world.email.got[1].text


def test_who_was_born_on_29_february_is_greeted_on_the_28th_of_other_years(make_world: MakeWorld) -> None:
    world = make_world()
    customer(world, "Ayşe", birth_date=date(1992, 2, 29))

    assert len(live(world, date(2027, 2, 28), date(2027, 3, 1), only="birthday")) == 1
    assert live(world, date(2028, 2, 28), only="birthday") == []
    assert len(live(world, date(2028, 2, 29), only="birthday")) == 1


def test_children_and_customers_without_a_day_of_birth_get_no_wishes(make_world: MakeWorld) -> None:
    world = make_world()
    customer(world, "Efe", birth_date=date(2009, 5, 4))  # 17 on the day
    customer(world, "Can", birth_date=None)

    assert live(world, date(2026, 5, 4), only="birthday") == []
    assert codes(world) == []
    assert len(live(world, date(2027, 5, 4), only="birthday")) == 1


def test_the_day_of_signing_up_is_no_anniversary_and_later_ones_count_the_years(make_world: MakeWorld) -> None:
    world = make_world()
    customer(world, "Ayşe", joined=date(2026, 1, 12))
    customer(world, "Ben", joined=date(2024, 1, 12), language="en")

    assert live(world, date(2026, 1, 12), only="anniversary-sign-up") == ["Happy anniversary: shipping is on us"]
    assert "It is 2 years since you joined us." in words(world)
    live(world, date(2027, 1, 12), only="anniversary-sign-up")
    told = {letter.to.partition("-")[0]: letter.text for letter in world.email.got[1:]}

    assert "Aramıza katılalı bir yıl oldu." in " ".join(told["Ayşe"].split())
    assert "It is 3 years since you joined us." in " ".join(told["Ben"].split())
    assert len(set(codes(world))) == 3


def test_the_first_orders_anniversary_falls_on_the_28th_where_there_is_no_29_february(make_world: MakeWorld) -> None:
    world = make_world()
    ayse = customer(world, "Ayşe", joined=date(2020, 8, 1))
    world.order(ayse, datetime(2024, 2, 29, 20, 30, tzinfo=UTC))  # 23:30 on her own clock
    customer(world, "Can", joined=date(2020, 8, 1))  # never ordered

    sent = live(world, date(2026, 2, 28), date(2027, 2, 28), only="anniversary-first-order")

    assert len(sent) == 2
    assert "İlk siparişinizi 3 yıl önce" in words(world)


def test_two_anniversaries_on_one_day_bring_one_gift(make_world: MakeWorld) -> None:
    world = make_world()
    ayse = customer(world, "Ayşe", joined=date(2025, 1, 12))
    world.order(ayse, datetime(2025, 1, 12, 11, tzinfo=UTC))

    sent = live(world, date(2026, 1, 12))

    assert sent == ["İlk siparişinizin yıl dönümü: size bir hediye kuponu"]
    assert [code.partition("-")[0] for code in codes(world)] == ["VEFA"]


def test_the_shops_birthday_reaches_everybody_who_may_be_written_to_once_a_year(make_world: MakeWorld) -> None:
    world = make_world()
    customer(world, "Ayşe")
    customer(world, "Ben", language="en")
    customer(world, "Can", consent=False)
    dana = customer(world, "Dana")
    world.fact(tickets, "ticket", customer_id=dana, opened_at=START)

    sent = live(world, date(2026, 3, 19), date(2026, 3, 20), date(2026, 3, 21), only="brand-day")

    assert sorted(sent) == ["Bugün bizim doğum günümüz, hediyesi sizin", "It is our birthday, and the gift is yours"]
    texts = {letter.to.partition("-")[0]: " ".join(letter.text.split()) for letter in world.email.got}
    assert "Örnek Mağaza 11. yaşını kutluyor" in texts["Ayşe"]
    assert "Örnek Mağaza turns 11 today" in texts["Ben"]
    assert len(set(codes(world))) == 2
    assert len(live(world, date(2027, 3, 20), only="brand-day")) == 2


def test_a_shop_founded_on_29_february_has_its_day_every_year(make_world: MakeWorld) -> None:
    world = make_world(date(2016, 2, 29))
    customer(world, "Ayşe")

    assert len(live(world, date(2027, 2, 28), only="brand-day")) == 1
    assert "11. yaşını" in words(world)
    assert live(world, date(2028, 2, 28), only="brand-day") == []
    assert len(live(world, date(2028, 2, 29), only="brand-day")) == 1
    assert "12. yaşını" in words(world)


@pytest.mark.parametrize("founded_on", [None, date(2026, 3, 20)], ids=["unknown", "this very day"])
def test_a_shop_without_a_day_or_on_its_first_day_has_no_birthday(
    make_world: MakeWorld, founded_on: date | None
) -> None:
    world = make_world(founded_on)
    customer(world, "Ayşe")

    assert live(world, date(2026, 3, 20), only="brand-day") == []


def test_who_comes_late_to_the_day_is_not_told_of_it_the_day_after(make_world: MakeWorld) -> None:
    """The shop stood still on the day itself: wishes never come a day late, nor a reminder of them a year late."""
    world = make_world()
    customer(world, "Ayşe", birth_date=date(1990, 5, 4))
    world.tick(istanbul(date(2026, 5, 3), "12:00"), "birthday")

    assert live(world, date(2026, 5, 5), date(2027, 5, 1), only="birthday") == []


def test_an_offset_counts_the_years_of_the_day_itself(make_world: MakeWorld, example_root: Path) -> None:
    """Three days before 2 January is still last year by the calendar."""
    world = make_world()
    ayse = customer(world, "Ayşe", joined=date(2024, 1, 2))
    text = (example_root / "journeys" / "anniversary-sign-up.yaml").read_text(encoding="utf-8")
    before = re.sub(r'at: "11:00"', 'at: "11:00"\n  offset: -3 days', text)
    (example_root / "journeys" / "soon.yaml").write_text(before, encoding="utf-8")
    world.deploy(load_project(example_root, world.settings).plans["soon"], START)

    for moment in ("11:10", "11:11"):
        world.tick(istanbul(date(2025, 12, 30), moment), "soon")

    assert [row.trigger_date for row in world.enrolments("soon")] == [date(2026, 1, 2)]
    assert "Aramıza katılalı 2 yıl oldu." in words(world)
    assert (ayse, ISTANBUL) == (world.enrolment("soon").customer_id, "Europe/Istanbul")
