"""What orders, returns and spendings are due in points."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.engine.worlds import DAY, HOUR, NOON, World
from tests.rewards.programmes import PROGRAMME, balance, moves, settle, settled
from vefa.crm.happenings import mark_stale
from vefa.crm.points import points_due, redemptions, tier_changes
from vefa.crm.tables import events, order_lines, orders, products, returns
from vefa.database import writing
from vefa.language.conditions import Duration
from vefa.plan.loyalty import Earning, Expiry, Programme


def test_an_order_earns_a_point_for_each_whole_ten_once(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON, total=Decimal("259.90"))

    first, again = settle(world, NOON), settle(world, NOON + DAY)

    assert (first.customers, first.moves, again.moves) == (1, 1, 0)
    assert moves(world, ada) == [("earn", 25)]


def test_nothing_is_earned_before_the_programme_and_before_it_is_known(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON - 100 * DAY)
    world.order(ada, NOON, known=NOON + DAY)

    early = settled(world, ada, NOON)
    settle(world, NOON + DAY)

    assert (early, balance(world, ada)) == (0, 10)


def test_points_for_delivered_orders_come_with_the_delivery(world: World) -> None:
    programme = replace(PROGRAMME, earn=Earning(1, Decimal(10), "delivered"))
    ada = world.customer()
    order = world.order(ada, NOON)

    before = settled(world, ada, NOON, programme)
    world.change(orders, "order", order, delivered_at=NOON + DAY)
    settle(world, NOON + DAY, programme)

    assert (before, balance(world, ada)) == (0, 10)


def test_another_currency_counts_by_its_rate_and_an_unknown_one_not_at_all(world: World) -> None:
    ada, bea = world.customer(), world.customer("Bea")
    world.order(ada, NOON, total=Decimal(3), currency="EUR")
    world.order(bea, NOON, total=Decimal(300), currency="CHF")

    settle(world, NOON)

    assert (balance(world, ada), balance(world, bea)) == (15, 0)


def test_categories_count_more_often_and_discounts_are_spread_over_the_lines(world: World) -> None:
    earn = Earning(1, Decimal(10), categories={"Kahve": Decimal(3), "Hediye kartı": Decimal(0)})
    ada = world.customer()
    order = world.order(ada, NOON, total=Decimal(150))
    for number, (category, price) in enumerate((("Kahve", 100), ("Hediye kartı", 100)), 1):
        product = world.insert(products, source="shop", outside_id=f"p{number}", name="X", category=category)
        world.insert(order_lines, order_id=order, line=number, product_id=product, quantity=1, unit_price=price)

    settle(world, NOON, replace(PROGRAMME, earn=earn))

    assert balance(world, ada) == 22  # (75 × 3 + 75 × 0) / 10


def test_the_first_order_brings_more_and_a_cancelled_one_is_no_first_order(world: World) -> None:
    programme = replace(PROGRAMME, earn=Earning(1, Decimal(10), first_order=100))
    ada = world.customer()
    first = world.order(ada, NOON)
    with_bonus = settled(world, ada, NOON, programme)

    world.change(orders, "order", first, cancelled_at=NOON + HOUR)
    cancelled = settled(world, ada, NOON + HOUR, programme)
    world.order(ada, NOON + DAY)
    world.order(ada, NOON + 2 * DAY)
    settle(world, NOON + 3 * DAY, programme)

    assert (with_bonus, cancelled, balance(world, ada)) == (110, 0, 120)


def test_what_comes_back_takes_its_part_of_the_points_and_a_cancellation_the_rest(world: World) -> None:
    ada = world.customer()
    order = world.order(ada, NOON, total=Decimal(200))
    asked = world.fact(
        returns, "return", customer_id=ada, order_id=order, amount=Decimal(50), currency="TRY", requested_at=NOON + DAY
    )
    only_asked = settled(world, ada, NOON + DAY)

    world.change(returns, "return", asked, refunded_at=NOON + 3 * DAY)
    part = settled(world, ada, NOON + 3 * DAY)
    world.change(orders, "order", order, cancelled_at=NOON + 4 * DAY)
    settle(world, NOON + 4 * DAY)

    assert (only_asked, part, balance(world, ada)) == (20, 15, 0)


def test_points_that_are_spent_already_are_owed_and_paid_by_the_next(world: World) -> None:
    ada = world.customer()
    order = world.order(ada, NOON)
    world.fact(redemptions, "redemption", customer_id=ada, points=10, redeemed_at=NOON + HOUR)
    world.change(orders, "order", order, cancelled_at=NOON + DAY)
    owed = settled(world, ada, NOON + DAY)

    world.order(ada, NOON + 2 * DAY, total=Decimal(150))
    settle(world, NOON + 400 * DAY)

    assert owed == -10
    assert moves(world, ada) == [("earn", 10), ("redeem", -10), ("take_back", -10), ("earn", 15), ("expire", -5)]


def test_the_oldest_points_are_spent_first_and_the_rest_runs_out(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON)
    world.order(ada, NOON + 30 * DAY, total=Decimal(300))
    world.fact(redemptions, "redemption", customer_id=ada, points=15, redeemed_at=NOON + 60 * DAY)

    early = settled(world, ada, NOON + 380 * DAY)
    settle(world, NOON + 397 * DAY)

    assert early == 25
    assert moves(world, ada) == [("earn", 10), ("earn", 30), ("redeem", -15), ("expire", -25)]


def test_who_returns_what_has_run_out_unspent_owes_nothing(world: World) -> None:
    ada = world.customer()
    order = world.order(ada, NOON)
    settle(world, NOON + 370 * DAY)
    world.change(orders, "order", order, cancelled_at=NOON + 371 * DAY)

    settle(world, NOON + 371 * DAY)

    assert moves(world, ada) == [("earn", 10), ("expire", -10)]


def test_points_run_out_with_the_day_or_the_month_on_the_shops_clock() -> None:
    by_month = replace(PROGRAMME, expire=Expiry(Duration(365), "month"))

    day, month = (each.runs_out(NOON, "Europe/Istanbul") for each in (PROGRAMME, by_month))

    assert day and month
    assert day.isoformat() == "2027-03-10T20:59:59.999999+00:00"
    assert month.isoformat() == "2027-03-31T20:59:59.999999+00:00"
    assert Programme().runs_out(NOON, "Europe/Istanbul") is None


def test_a_corrected_total_and_a_corrected_spending_are_made_good(world: World) -> None:
    ada = world.customer()
    order = world.order(ada, NOON)
    spent = world.fact(redemptions, "redemption", customer_id=ada, points=8, redeemed_at=NOON)
    settle(world, NOON)

    world.change(orders, "order", order, total=Decimal(150))
    world.change(redemptions, "redemption", spent, points=3)
    settle(world, NOON + DAY)

    assert moves(world, ada) == [("earn", 10), ("redeem", -8), ("earn", 5), ("give_back", 5)]


def test_an_order_that_changes_hands_takes_its_points_along(world: World) -> None:
    ada, bea = world.customer(), world.customer("Bea")
    order = world.order(ada, NOON)
    settle(world, NOON)

    world.change(orders, "order", order, customer_id=bea)
    with writing(world.database) as connection:
        mark_stale(connection, [ada])  # as whoever writes the change does
    settle(world, NOON + DAY)

    assert (balance(world, ada), balance(world, bea)) == (0, 10)


def test_a_new_rule_counts_from_now_on_and_not_for_what_was_counted(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON)
    settle(world, NOON)

    dear = replace(PROGRAMME, earn=Earning(5, Decimal(10)))
    world.order(ada, NOON + DAY)
    settle(world, NOON + DAY, dear)

    assert moves(world, ada) == [("earn", 10), ("earn", 50)]


def test_tiers_go_up_with_points_and_down_when_these_are_too_old(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON, total=Decimal(600))
    settle(world, NOON + HOUR)
    world.order(ada, NOON + 10 * DAY, total=Decimal(2000))
    settle(world, NOON + 380 * DAY)

    changes = [(row.tier, row.before, row.since - NOON) for row in world.rows(tier_changes)]
    assert changes == [
        ("silver", None, timedelta(0)),
        ("gold", "silver", 10 * DAY),
        ("bronze", "gold", 375 * DAY),
    ]
    assert [row.type for row in world.rows(events, events.c.source == "loyalty", events.c.type.like("loyalty%"))] == [
        "loyalty.tier_changed",
        "loyalty.tier_raised",
        "loyalty.tier_changed",
        "loyalty.tier_raised",
        "loyalty.tier_changed",
    ]


def test_it_is_told_once_that_points_run_out_soon_and_never_of_none(world: World) -> None:
    ada, bea = world.customer(), world.customer("Bea")
    for customer in (ada, bea):
        world.order(customer, NOON)
    world.fact(redemptions, "redemption", customer_id=bea, points=10, redeemed_at=NOON + DAY)
    settle(world, NOON + DAY)
    for day in (330, 336, 337, 350):
        settle(world, NOON + day * DAY)

    told = world.rows(events, events.c.type == "points.expiring")
    assert [(row.customer_id, row.data) for row in told] == [(ada, {"points": 10, "until": "2027-03-10"})]
    assert told[0].known_at == NOON + 336 * DAY


def test_who_has_nothing_to_come_costs_nothing_more(world: World) -> None:
    ada = world.customer()
    world.order(ada, NOON)
    settle(world, NOON)

    assert [row.at - NOON for row in world.rows(points_due)] == [335 * DAY + 12 * HOUR - timedelta(microseconds=1)]
    assert settle(world, NOON + DAY).customers == 0


def test_looking_at_the_past_posts_nothing(world: World) -> None:
    ada = world.customer()
    order = world.order(ada, NOON)
    world.change(orders, "order", order, cancelled_at=NOON + 2 * DAY)
    settle(world, NOON + 3 * DAY)
    world.change(orders, "order", order, coupon_code="X")

    assert settle(world, NOON + DAY).customers == 0
    assert balance(world, ada) == 0
    assert balance(world, ada, NOON + DAY) == 10


def test_the_level_of_so_many_points() -> None:
    levels = [getattr(PROGRAMME.level(points), "name", None) for points in (-5, 0, 49, 50, 500)]

    assert levels == [None, "bronze", "bronze", "silver", "gold"]
