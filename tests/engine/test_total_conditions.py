"""Rule 12: every condition is true or false; what is missing makes an atom false, and `not` its true complement."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import get_args

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, NOON, World, anywhere
from vefa.crm.conditions import compile_condition
from vefa.crm.fields import FIELDS
from vefa.crm.scope import World as Moment
from vefa.crm.tables import customers
from vefa.database import reading
from vefa.engine.scopes import customer_scope
from vefa.language.conditions import (
    Ago,
    Anything,
    Before,
    Between,
    Compare,
    Comparison,
    Condition,
    Contains,
    Duration,
    Everything,
    Happened,
    InSegment,
    Known,
    Not,
    Nothing,
    OneOf,
    Reacted,
    Today,
    Within,
)

VALUES = {"text": "x", "number": 3, "money": Decimal(3), "bool": True, "date": None, "time": None, "list": "x"}
WEEK = Duration(days=7)


def atoms_of(name: str, kind: str) -> list[Condition]:
    """Every atom that can be asked of a field of that kind, but for `is empty`."""
    value = VALUES[kind]
    if kind in ("date", "time"):
        relative = [cls(name, more, WEEK) for cls in (Ago, Within) for more in (True, False)]
        return [*relative, Today(name), Before(name, date(2026, 1, 1)), Before(name, date(2026, 1, 1), after=True)]
    if kind == "list":
        return [Compare(name, "=", "x"), Contains(name, "x"), OneOf(name, ("x", "y"))]
    operators = get_args(Comparison) if kind in ("number", "money") else ("=", "!=")
    found: list[Condition] = [Compare(name, op, value) for op in operators]
    if kind in ("number", "money"):
        found += [Between(name, 1, 5), OneOf(name, (3, 4))]
    if kind == "text":
        found += [Contains(name, "x"), OneOf(name, ("x", "y"))]
    return found


#: What is never missing: counts begin at 0, and nobody has consented who never said so.
NEVER_MISSING = {
    "customer.outside_id",
    "customer.zone",
    "orders.count",
    "orders.revenue",
    "returns.count",
    "tickets.count",
    "tickets.open",
    "reviews.count",
    "consent.email",
    "consent.sms",
    "loyalty.points",
    "loyalty.expiring",
}
MISSING = [(name, field.kind) for name, field in FIELDS.items() if name not in NEVER_MISSING]
ATOMS = [atom for name, kind in MISSING for atom in [*atoms_of(name, kind), Known(name, known=True)]]


def holding(world: World, conditions: list[Condition], customer: int, source: str = "dated") -> list[object]:
    """What the database says of each condition about the customer; None would be its null."""
    moment = Moment(NOON, world.settings.shop, ("Europe/Istanbul",), source)
    scope = customer_scope(moment, customers.c.id, customers.c.zone)
    found: list[object] = []
    with reading(world.database) as connection:
        for start in range(0, len(conditions), 40):
            columns = [compile_condition(c, scope).label(f"c{n}") for n, c in enumerate(conditions[start : start + 40])]
            found += connection.execute(sa.select(*columns).where(customers.c.id == customer)).one()
    return [value if value is None else bool(value) for value in found]


@pytest.mark.rule(12)
def test_every_atom_over_a_missing_value_is_false(world: World) -> None:
    nobody = world.customer(email=False, first_name=None, language=None)

    told = holding(world, ATOMS, nobody)

    assert [atom for atom, value in zip(ATOMS, told, strict=True) if value is not False] == []


@pytest.mark.rule(12)
@pytest.mark.parametrize("negate", [Not, lambda atom: Nothing((atom,))], ids=["not", "none"])
def test_not_and_none_are_the_true_complement_over_a_missing_value(world: World, negate: type[Not]) -> None:
    nobody = world.customer(email=False, first_name=None, language=None)
    negated: list[Condition] = [negate(atom) for atom in ATOMS]

    told = holding(world, negated, nobody)

    assert [one for one, value in zip(negated, told, strict=True) if value is not True] == []


@pytest.mark.rule(12)
def test_is_empty_holds_for_everything_that_is_missing(world: World) -> None:
    nobody = world.customer(email=False, first_name=None, language=None)

    told = holding(world, [Known(name, known=False) for name, _ in MISSING], nobody)

    assert set(told) == {True}


@pytest.mark.rule(12)
def test_an_atom_and_its_negation_never_agree_over_values_that_are_there(world: World) -> None:
    ada = world.customer(
        birth_date=date(1990, 3, 10),
        language="tr",
        country="TR",
        city="İzmir",
        gender="female",
        created_at=NOON - 9 * DAY,
        preferred_channel="sms",
        last_name="Yıldız",
    )
    world.order(ada, NOON - 5 * DAY)
    conditions = [atom for name, field in FIELDS.items() for atom in atoms_of(name, field.kind)]

    plain = holding(world, conditions, ada)
    negated = holding(world, [Not(one) for one in conditions], ada)

    assert [a is (not b) for a, b in zip(plain, negated, strict=True)] == [True] * len(conditions)


@pytest.mark.rule(12)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Everything(()), True),
        (Anything(()), False),
        (Nothing(()), True),
        (Happened(anywhere("order.placed")), False),
        (Not(Happened(anywhere("order.placed"))), True),
        (Happened(anywhere("order.placed"), op="=", times=0), True),
        (Reacted("hello", "opened"), False),
        (Not(Reacted("hello", "opened")), True),
        (InSegment("rich", Compare("orders.revenue", ">", 5)), False),
        (Not(InSegment("french", Compare("customer.country", "=", "FR"))), True),
    ],
)
def test_wholes_are_true_or_false_too(world: World, condition: Condition, expected: bool) -> None:
    assert holding(world, [condition], world.customer()) == [expected]


@pytest.mark.rule(12)
def test_unequal_over_a_missing_value_is_false_and_not_equal_is_true(world: World) -> None:
    conditions = [Compare("customer.country", "!=", "TR"), Not(Compare("customer.country", "=", "TR"))]

    assert holding(world, conditions, world.customer(country=None)) == [False, True]


@pytest.mark.rule(12)
@pytest.mark.parametrize("source", ["dated", "rolled"])
def test_who_never_bought_has_no_orders_whatever_they_are_read_from(world: World, source: str) -> None:
    conditions = [
        Compare("orders.count", "=", 0),
        Compare("orders.revenue", "=", 0),
        Known("orders.last_at", known=False),
    ]

    assert holding(world, conditions, world.customer(), source) == [True, True, True]


@pytest.mark.rule(12)
@pytest.mark.parametrize("city", ["İzmir", "IĞDIR", "100%_x", "München"])
def test_a_text_contains_itself_whatever_its_letters(world: World, city: str) -> None:
    ada = world.customer(city=f"({city})")

    assert holding(world, [Contains("customer.city", city), Contains("customer.city", city + "?")], ada) == [
        True,
        False,
    ]
