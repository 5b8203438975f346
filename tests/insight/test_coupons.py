"""What coupons brought and cost, counted once more by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.engine.gifts import codes, fill, gift, pooled
from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan, wait
from vefa.crm.tables import orders
from vefa.database import reading
from vefa.insight.coupons import CouponReport, Given, coupon_report, totals
from vefa.language.conditions import Duration
from vefa.rewards.redemptions import find_redemptions
from vefa.settings import Settings, Shop


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings.model_copy(update={"shop": Shop(locales=("tr",))}))


def report(world: World, at: timedelta, journey: str | None = None) -> CouponReport:
    find_redemptions(world.database, NOON + at)
    with reading(world.database) as connection:
        return coupon_report(connection, NOON + at, journey)


def hand_out(world: World) -> list[str]:
    """Four coupons of 20 per cent for two days, three of them told; and four of a pool, a hundred off each."""
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(percent=Decimal(20), valid=Duration(days=2)), email()))
    hundred = {"percent": None, "amount": Decimal(100), "currency": "TRY", "valid": Duration(days=2)}
    world.deploy(make_plan(pooled(next="rest", **hundred), wait("rest", None, days=9), journey="more"))
    fill(world, 8)
    for number in range(4):
        world.order(world.customer(f"C{number}", consent=number < 3), NOON)
    world.tick(NOON)
    world.tick(NOON + HOUR, "more")
    return codes(world)


def test_each_step_has_its_numbers(world: World) -> None:
    made = hand_out(world)
    world.order(1, NOON + HOUR, coupon_code=made[0], total=Decimal(80))
    world.order(2, NOON + HOUR, coupon_code=made[1], total=Decimal("160.40"))
    world.order(None, NOON + HOUR, coupon_code=made[-1], total=Decimal(250))  # a guest's
    found = report(world, 4 * DAY)

    more, thanks = found.steps
    assert thanks == Given(
        "thanks", "gift", None, given=4, told=3, redeemed=2, expired=1,
        revenue={"TRY": Decimal("240.40")}, cost={"TRY": Decimal("60.10")},
    )  # fmt: skip
    assert (more.journey, more.pool, more.redeemed, more.expired) == ("more", "spring", 1, 0)
    assert (more.revenue, more.cost) == ({"TRY": Decimal(250)}, {"TRY": Decimal(100)})
    assert thanks.rate == pytest.approx(2 / 3)
    assert totals(found).cost == {"TRY": Decimal("160.10")}
    assert [one.journey for one in report(world, 4 * DAY, "more").steps] == ["more"]


def test_as_of_a_moment_only_what_was_known_then_counts(world: World) -> None:
    made = hand_out(world)
    order = world.order(1, NOON + HOUR, coupon_code=made[0])
    world.change(orders, "order", order, cancelled_at=NOON + DAY)

    used = [totals(report(world, at)).redeemed for at in (HOUR / 2, HOUR, DAY)]

    assert used == [0, 1, 0]


def test_what_the_checkout_let_through_is_told_by_kind(world: World) -> None:
    made = hand_out(world)
    world.order(2, NOON + HOUR, coupon_code=made[0])
    world.order(1, NOON + 5 * DAY, coupon_code=made[0])
    world.order(1, NOON + HOUR, coupon_code="spring -008")
    found = report(world, 6 * DAY)

    assert totals(found).anomalies == {"used twice": 1, "after its last day": 1, "another customer's": 1}
    assert found.strange == {"spring": 1}
