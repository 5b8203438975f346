"""A segment is one statement over everybody, and says of each customer what the condition says of them alone."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import REPOSITORY
from tests.engine.test_total_conditions import WEEK, atoms_of
from tests.engine.worlds import BERLIN, DAY, NOON, World, anywhere
from vefa.crm import facts
from vefa.crm.conditions import compile_condition
from vefa.crm.fields import FIELDS
from vefa.crm.scope import World as Moment
from vefa.crm.segments import OF_ROLL_UPS, members
from vefa.crm.tables import customers, order_lines, products, returns, reviews, survey_answers, tags, tickets
from vefa.database import reading
from vefa.engine.scopes import customer_scope, whole_world
from vefa.language.conditions import (
    Anything,
    Between,
    Compare,
    Condition,
    Everything,
    Happened,
    InSegment,
    Known,
    Not,
    Nothing,
    OneOf,
)
from vefa.plan.project import load_project

HOMES = {"customer", "orders", "rfm", "returns", "tickets", "reviews", "feedback", "email", "consent"}
OWN = [name for name in FIELDS if name.partition(".")[0] in HOMES]
COUNTS = ["orders.count", "orders.revenue", "tickets.open", "tickets.count", "returns.count", "reviews.count"]


def shop_of_many(world: World) -> None:
    """Customers who differ in whatever can be asked, in two time zones."""
    names = ("Ada", "Bora", "Can", "Defne", "Ege", "Filiz", "Gül", "Han")
    people = [
        world.customer(
            name,
            zone=BERLIN if number % 3 == 0 else "Europe/Istanbul",
            birth_date=date(1980 + number, 3, 10) if number % 2 else None,
            city="x" if number % 4 == 0 else None,
            created_at=NOON - number * 5 * DAY if number % 3 else None,
        )
        for number, name in enumerate(names)
    ]
    thing = world.insert(products, source="shop", outside_id="x", name="Bardak", category="x")
    for number, person in enumerate(people[1:], 1):
        for step in range(number % 4):
            order = world.order(person, NOON - (number + step * 20) * DAY, total=Decimal(3 * number))
            world.insert(order_lines, order_id=order, line=1, product_id=thing, quantity=1, unit_price=Decimal(3))
    world.order(people[5], NOON - DAY, cancelled_at=NOON - DAY)
    world.order(people[6], NOON + DAY)
    for number in (1, 2, 2, 3):
        opened = NOON - number * DAY
        ended = {"resolved_at": NOON - DAY, "resolved_known_at": NOON - DAY} if number == 3 else {}
        world.fact(tickets, "ticket", customer_id=people[number], opened_at=opened, **ended)
        world.fact(returns, "return", customer_id=people[number], requested_at=opened)
        world.fact(reviews, "review", customer_id=people[number], posted_at=opened)
    for number, survey, score, ago in (
        (1, "nps", 3, 9), (1, "nps", 9, 3), (2, "nps", 3, 3), (2, "nps", 4, 3), (3, "csat", 3, -2), (4, "csat", 1, 5),
    ):  # fmt: skip
        said = NOON - ago * DAY
        world.fact(survey_answers, "survey", customer_id=people[number], survey=survey, score=score, answered_at=said)
    for number in (1, 4):
        world.happen("email.opened", people[number], NOON - 3 * DAY)
        world.insert(tags, customer_id=people[number], tag="x", since=NOON - DAY)
    world.insert(tags, customer_id=people[2], tag="y", since=NOON - DAY)


def everything_asked() -> list[Condition]:
    """Every atom of every field, its absence, and what is nested deeper."""
    atoms = [
        atom for name in OWN for atom in [*atoms_of(name, FIELDS[name].kind), Known(name, True), Known(name, False)]
    ]
    for name in COUNTS:
        atoms += [Compare(name, op, n) for op in ("=", "!=", "<", ">", "<=", ">=") for n in (0, 1, 2)]
        atoms += [Between(name, 0, 2), OneOf(name, (0, 1)), OneOf(name, (2,))]
    rich, quiet = Compare("orders.count", ">=", 2), Compare("tickets.open", "=", 0)
    nested: list[Condition] = [
        Everything(()), Anything(()), Nothing(()),
        Everything((rich, Not(quiet))), Anything((rich, quiet)), Nothing((rich, Known("feedback.nps", True))),
        Everything((InSegment("rich", rich), Anything((Known("orders.gaps_since_last", False), rich)))),
        Everything((rich, Compare("customer.zone", "=", BERLIN))),
        Not(Everything((rich, Compare("customer.city", "=", "x")))),
        Happened(anywhere("order.placed"), WEEK), Not(Happened(anywhere("ticket.opened"))),
    ]  # fmt: skip
    return [*atoms, *(Not(atom) for atom in atoms), *nested]


@pytest.mark.rule(12)
@pytest.mark.rule(24)
@pytest.mark.parametrize("source", ["rolled", "dated"])
def test_a_segment_has_whom_its_condition_holds_of(world: World, source: facts.Source) -> None:
    shop_of_many(world)
    shop = world.settings.shop
    assert facts.refresh(world.database, NOON, shop) == "rolled"

    with reading(world.database) as connection:
        moment = whole_world(connection, NOON, shop, source)
        scope = customer_scope(moment, customers.c.id, customers.c.zone)
        told, expected = {}, {}
        for condition in everything_asked():
            told[condition] = sorted(connection.scalars(members(condition, moment)))
            holds = compile_condition(condition, scope)
            expected[condition] = list(connection.scalars(sa.select(customers.c.id).where(holds).order_by("id")))

    assert told == expected
    assert len({tuple(ids) for ids in told.values()}) > 25, "the questions tell people apart"


def test_the_borders_of_the_fifths_are_the_same_from_orders_and_from_roll_ups(world: World) -> None:
    shop_of_many(world)
    shop = world.settings.shop
    facts.refresh(world.database, NOON, shop)

    with reading(world.database) as connection:
        rolled, dated = (facts.borders(connection, NOON, shop, source) for source in ("rolled", "dated"))

    assert rolled == dated
    assert len(rolled.monetary) == 4


def shipped_segments(world: World) -> dict[str, Condition]:
    found = load_project(REPOSITORY, world.settings).segments
    assert {"lapsed", "regulars", "open-complaint", "unhappy"} <= set(found)
    return found


def plan_of(connection: Any, query: sa.Select[Any]) -> str:
    text = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
    return "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))


def test_no_shipped_segment_looks_anything_up_anew_for_each_customer(sqlite_world: World) -> None:
    moment = Moment(NOON, sqlite_world.settings.shop, ("Europe/Istanbul",), "rolled")
    with reading(sqlite_world.database) as connection:
        for name, condition in shipped_segments(sqlite_world).items():
            plan = plan_of(connection, members(condition, moment))

            assert not re.search(r"(SCAN|SEARCH) \w*orders\b", plan), name
            # The one look-up for each row is that for a later answer, and it is made for answers, not for customers.
            assert plan.count("CORRELATED") == plan.count("SCAN survey_answers"), name


def test_a_segment_of_roll_ups_reads_nothing_but_one_index(sqlite_world: World) -> None:
    moment = Moment(NOON, sqlite_world.settings.shop, ("Europe/Istanbul",), "rolled")
    found = shipped_segments(sqlite_world)
    with reading(sqlite_world.database) as connection:
        names = ("regulars", "lapsed-by-days", "lapsed-by-rhythm", "lapsed")
        plans = {name: plan_of(connection, members(found[name], moment)) for name in names}

    for name in names[:3]:
        assert plans[name].startswith("SEARCH facts USING COVERING INDEX"), name
    # Either of two definitions: one look along the index for each.
    looks = re.findall(r"(?:SCAN|SEARCH) .*", plans["lapsed"])
    assert looks and all("USING COVERING INDEX" in look for look in looks)


def test_every_field_made_from_roll_ups_is_known_as_one() -> None:
    assert set(OF_ROLL_UPS) == {name for name in FIELDS if name.startswith(("orders.", "rfm."))} - {
        "orders.categories",
        "orders.products",
    }
