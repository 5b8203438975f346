"""Rule 24: roll-ups agree with the dated rows, and serve no moment before they were made."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World
from vefa.crm import facts
from vefa.crm.tables import facts as facts_table
from vefa.crm.tables import orders
from vefa.database import reading, writing
from vefa.settings import Shop

MEASURES = ("orders_count", "orders_revenue", "orders_unpriced", "orders_first_at", "orders_last_at")


def rolled(world: World) -> dict[int, tuple[object, ...]]:
    columns = [facts_table.c[name] for name in MEASURES]
    with reading(world.database) as connection:
        rows = connection.execute(sa.select(facts_table.c.customer_id, *columns)).all()
    return {row[0]: tuple(row[1:]) for row in rows if row[1]}


def dated(world: World, now: object, shop: Shop) -> dict[int, tuple[object, ...]]:
    with reading(world.database) as connection:
        rows = connection.execute(facts.dated(now, shop)).all()
    return {row[0]: tuple(row[1:]) for row in rows if row[1]}


def some_orders(world: World, chance: Random, people: list[int], n: int) -> list[int]:
    made = []
    for _ in range(n):
        placed = NOON + timedelta(hours=chance.randint(-2000, 200))
        columns = {}
        if chance.random() < 0.3:
            cancelled = placed + timedelta(hours=chance.randint(0, 300))
            columns = {"cancelled_at": cancelled, "cancelled_known_at": cancelled + HOUR * chance.randint(0, 9)}
        made.append(
            world.order(
                chance.choice(people),
                placed,
                known=placed + timedelta(hours=chance.choice([0, 0, 1, 400])),
                total=Decimal(chance.randint(0, 99_999)) / 100,
                currency=chance.choice(["TRY", "TRY", "EUR", "USD"]),
                **columns,
            )
        )
    return made


@pytest.mark.rule(24)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_roll_ups_agree_with_the_dated_rows_at_every_moment_on_the_way(world: World, seed: int) -> None:
    chance = Random(seed)
    shop = world.settings.shop.model_copy(update={"exchange_rates": {"EUR": Decimal("48.1234")}})
    people = [world.customer() for _ in range(6)]
    made = some_orders(world, chance, people, 30)
    for hours in (-500, -20, 0, 1, 300, 900):
        now = NOON + hours * HOUR
        made += some_orders(world, chance, people, 3)
        world.change(orders, "order", chance.choice(made), total=Decimal(chance.randint(1, 99)))

        assert facts.refresh(world.database, now, shop) == "rolled"
        assert rolled(world) == dated(world, now, shop)


@pytest.mark.rule(24)
def test_an_order_that_turns_out_to_be_somebody_elses_leaves_the_first_ones_roll_up(world: World) -> None:
    shop = world.settings.shop
    ada, can = world.customer("Ada"), world.customer("Can")
    order = world.order(ada, NOON)
    facts.refresh(world.database, NOON, shop)
    with writing(world.database) as connection:
        connection.execute(sa.update(orders).values(customer_id=can))
        facts_of_both = sa.select(sa.literal(ada)).union(sa.select(sa.literal(can)))
        from vefa.crm.happenings import mark_stale_of

        mark_stale_of(connection, facts_of_both)

    facts.refresh(world.database, NOON + HOUR, shop)

    assert order
    assert set(rolled(world)) == {can}


@pytest.mark.rule(24)
def test_an_earlier_moment_is_served_by_the_dated_rows_and_leaves_the_roll_ups_alone(world: World) -> None:
    shop = world.settings.shop
    ada = world.customer()
    world.order(ada, NOON - DAY)
    world.order(ada, NOON)
    facts.refresh(world.database, NOON, shop)

    source = facts.refresh(world.database, NOON - HOUR, shop)

    assert (source, rolled(world)[ada][0]) == ("dated", 2)
    assert dated(world, NOON - HOUR, shop)[ada][0] == 1


@pytest.mark.rule(24)
def test_an_order_known_later_counts_from_then_on_without_a_mark(world: World) -> None:
    shop = world.settings.shop
    ada = world.customer()
    world.order(ada, NOON, known=NOON + DAY)
    facts.refresh(world.database, NOON, shop)

    facts.refresh(world.database, NOON + DAY, shop)

    assert rolled(world)[ada][0] == 1


@pytest.mark.rule(24)
def test_foreign_money_is_worth_the_same_on_both_databases(world: World) -> None:
    shop = world.settings.shop.model_copy(update={"exchange_rates": {"EUR": Decimal("48.12345")}})
    world.order(world.customer(), NOON, total=Decimal("10.0001"), currency="EUR")

    facts.refresh(world.database, NOON, shop)

    assert next(iter(rolled(world).values()))[1] == Decimal("481.2393")
