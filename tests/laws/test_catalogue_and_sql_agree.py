"""The language's catalogue and the questions to the store name the same fields, and every one of them can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.laws.shop_of_one import LOYALTY, make_shop_of_one
from vefa.crm import facts
from vefa.crm.conditions import compile_condition
from vefa.crm.contexts import FieldColumns
from vefa.crm.fields import FIELDS
from vefa.database import reading
from vefa.engine.plans import Pinned
from vefa.engine.scopes import customer_scope, enrolment_scope, whole_world
from vefa.engine.tables import enrolments
from vefa.language.catalogue import EVENTS
from vefa.language.catalogue import FIELDS as CATALOGUE
from vefa.language.conditions import (
    Ago,
    Before,
    Between,
    Compare,
    Condition,
    Contains,
    Duration,
    EventScope,
    Happened,
    Known,
    Not,
    OneOf,
    Reacted,
    Today,
    Within,
)
from vefa.statements import Prepared

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
VALUES: dict[str, Any] = {"text": "x", "number": 3, "money": Decimal("12.50"), "bool": True, "list": "x"}
DAY = date(2026, 3, 1)


def test_both_name_the_same_fields() -> None:
    assert set(FIELDS) == {name for name, field in CATALOGUE.items() if field.sql}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_both_say_the_same_of_a_field(name: str) -> None:
    assert FIELDS[name].kind == CATALOGUE[name].type


def conditions_on(name: str) -> Iterator[Condition]:
    """Every kind of condition that the language lets one write about the field."""
    kind = CATALOGUE[name].type
    yield from (Known(name, True), Known(name, False))
    if kind in {"time", "date"}:
        yield from (Ago(name, more, Duration(3)) for more in (True, False))
        yield from (Within(name, more, Duration(3)) for more in (True, False))
        yield from (Before(name, DAY), Before(name, DAY, after=True), Today(name))
        return
    yield from (Compare(name, op, VALUES[kind]) for op in ("=", "!="))
    if kind in {"text", "list"}:
        yield from (Contains(name, "x"), OneOf(name, ("x", "y%_")))
    if kind in {"number", "money"}:
        yield from (Compare(name, op, VALUES[kind]) for op in ("<", "<=", ">", ">="))
        yield from (Between(name, 1, 5), OneOf(name, (1, 2)), Compare(name, ">", Decimal("2.5")))


TRIGGERS = ("order.placed", "delivery.delivered", "return.requested", "ticket.opened", "review.posted", "date")


@pytest.fixture
def stood(engine: sa.Engine) -> dict[str, Any]:
    """A customer with one of everything, inside a journey of every kind of trigger."""
    return make_shop_of_one(engine, NOW, TRIGGERS)


def own_fields(trigger: str) -> list[str]:
    """What the journey's own object has; all fields where that is an order."""
    kind = trigger.partition(".")[0]
    return [name for name in FIELDS if kind == "order" or CATALOGUE[name].home in {kind, "trigger"}]


@pytest.mark.parametrize("source", ["rolled", "dated"])
def test_every_field_can_be_asked_in_a_condition_and_its_opposite_is_the_opposite(
    engine: sa.Engine, stood: dict[str, Any], source: facts.Source
) -> None:
    with reading(engine) as connection:
        world = whole_world(connection, NOW, stood["shop"], source, LOYALTY)
        for trigger, pin in stood["pins"].items():
            scope = enrolment_scope(world, pin)
            names = (
                own_fields(trigger) if source == "rolled" else [n for n in FIELDS if n.startswith(("orders", "rfm"))]
            )
            asked = [condition for name in names for condition in conditions_on(name)]
            for start in range(0, len(asked), 40):
                some = asked[start : start + 40]
                both = [compile_condition(c, scope) for one in some for c in (one, Not(one))]
                row = connection.execute(sa.select(*both).where(enrolments.c.plan_id == pin.id)).one()
                for condition, yes, no in zip(some, row[::2], row[1::2], strict=True):
                    assert {bool(yes), bool(no)} == {True, False}, condition
            if source == "dated":
                break


def test_every_field_of_the_customer_can_be_asked_outside_any_journey(engine: sa.Engine, stood: dict[str, Any]) -> None:
    from vefa.crm.tables import customers

    with reading(engine) as connection:
        world = whole_world(connection, NOW, stood["shop"], "rolled", LOYALTY)
        scope = customer_scope(world, customers.c.id, customers.c.zone)
        names = [name for name in FIELDS if CATALOGUE[name].home in {"customer", "shop"}]
        for name in names:
            for condition in conditions_on(name):
                query = sa.select(customers.c.id).where(compile_condition(condition, scope))
                assert set(connection.scalars(query)) <= {stood["customer"]}


def test_every_event_and_reaction_can_be_asked(engine: sa.Engine, stood: dict[str, Any]) -> None:
    with reading(engine) as connection:
        world = whole_world(connection, NOW, stood["shop"], "rolled", LOYALTY)
        for pin in list(stood["pins"].values())[:2]:
            scope = enrolment_scope(world, pin)
            asked: list[Condition] = [Reacted("hello", "opened"), Reacted("hello", "clicked")]
            for name in EVENTS:
                for of_customer in (True, False):
                    asked += [
                        Happened(EventScope(name, of_customer)),
                        Happened(EventScope(name, of_customer), Duration(300), "=", 0),
                    ]
            columns = [compile_condition(one, scope) for one in asked]
            row = connection.execute(sa.select(*columns).where(enrolments.c.plan_id == pin.id)).one()
            assert None not in tuple(row)


def test_every_field_can_be_put_into_words(engine: sa.Engine, stood: dict[str, Any]) -> None:
    seen: set[str] = set()
    with reading(engine) as connection:
        world = whole_world(connection, NOW, stood["shop"], "rolled", LOYALTY)
        for kind, pin in stood["pins"].items():
            words, row = FieldColumns.of(FIELDS, stood["shop"].currency), stood["enrolments"][kind]

            def build(now: datetime, pin: Pinned = pin, words: FieldColumns = words, row: int = row) -> Any:
                columns = words.select(enrolment_scope(replace(world, now=now), pin))
                labelled = [column.label(f"x{n}") for n, column in enumerate(columns)]
                return sa.select(*labelled).select_from(enrolments).where(enrolments.c.id == row)

            found = list(zip(*Prepared(build).rows(connection, NOW), strict=True))
            for name, (value,) in words.read(found, ["Europe/Istanbul"]).items():
                if value is not None and value != []:
                    seen.add(name)
                    check_kind(value, FIELDS[name].kind)
    assert seen == set(FIELDS), "each has a value in at least one journey"


def check_kind(value: Any, kind: str) -> None:
    from vefa.crm.values import MoneyAmount

    kinds: dict[str, Any] = {
        "text": str,
        "number": (int, float, Decimal),
        "money": MoneyAmount,
        "time": datetime,
        "date": date,
        "bool": bool,
        "list": list,
    }
    assert isinstance(value, kinds[kind])
    if kind == "time":
        assert value.utcoffset() == timedelta(hours=3), "in the customer's own zone"
