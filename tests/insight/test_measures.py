"""Measures over a stretch of time, as it was known at its end."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.engine.worlds import DAY, HOUR, NOON, World
from vefa.crm.tables import customers
from vefa.database import reading
from vefa.insight.measures import Measures, measures
from vefa.insight.proportions import Share


def measured(world: World, begin: datetime = NOON - 30 * DAY, end: datetime = NOON) -> Measures:
    with reading(world.database) as connection:
        return measures(connection, begin, end, world.shop.settings.shop)


def test_who_stays_and_who_comes_again(world: World) -> None:
    for orders in (0, 0, 1, 2, 3):
        number = world.customer()
        for n in range(orders):
            world.order(number, NOON - (40 + n) * DAY)
    gone = world.customer(forgotten_at=NOON)
    world.order(gone, NOON - DAY)

    found = measured(world)

    assert found.customers == 5
    assert found.retention == Share(2, 5)
    assert found.repeat == Share(2, 3)


def test_what_an_order_is_worth(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON - 5 * DAY, total=Decimal(100))
    world.order(ada, NOON - 4 * DAY, total=Decimal(51))
    world.order(ada, NOON - 3 * DAY, total=Decimal(900), cancelled_at=NOON - DAY)
    world.order(ada, NOON - 31 * DAY, total=Decimal(900))

    found = measured(world)

    assert (found.orders, found.revenue) == (2, Decimal(151))
    assert found.average_order == Decimal("75.50")
    assert measured(world, NOON - 20 * DAY, NOON - 10 * DAY).average_order is None


def test_it_is_told_as_it_was_known_then(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON - 5 * DAY, total=Decimal(100), cancelled_at=NOON + DAY)
    world.order(ada, NOON - 4 * DAY, known=NOON + DAY)

    assert (measured(world).orders, measured(world).repeat) == (1, Share(0, 1))
    assert measured(world, end=NOON + DAY).orders == 1
    assert measured(world, end=NOON + DAY).revenue == Decimal(100)


def test_newcomers_who_have_ordered(world: World) -> None:
    early = world.customer(created_at=NOON - 50 * DAY)
    new = [world.customer(created_at=NOON - 10 * DAY) for _ in range(3)]
    for who in (early, new[0]):
        world.order(who, NOON - DAY)

    assert measured(world).conversion == Share(1, 3)


def test_baskets_that_were_come_back_to(world: World) -> None:
    ada, grace, edsger = (world.customer() for _ in range(3))
    for who in (ada, grace, edsger):
        world.happen("basket.abandoned", who, NOON - 10 * DAY)
    world.order(ada, NOON - 10 * DAY + HOUR)
    world.order(grace, NOON - 2 * DAY)
    world.order(edsger, NOON - 11 * DAY)

    assert measured(world).baskets == Share(1, 3)


def test_a_shop_of_nobody_has_no_rates(world: World) -> None:
    assert world.rows(customers) == []

    found = measured(world)

    assert [found.retention.rate, found.repeat.rate, found.conversion.rate, found.average_order] == [None] * 4
