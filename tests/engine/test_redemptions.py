"""Which orders used a coupon of ours, whatever brings them in; and what journeys make of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.engine.gifts import codes, fill, gift, pooled
from tests.engine.worlds import DAY, HOUR, NOON, World, anywhere, email, here, make_plan, wait
from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.importers.map_files import find_map
from vefa.crm.importers.runs import run_import
from vefa.crm.tables import events, orders
from vefa.database import reading, writing
from vefa.language.conditions import Compare, Duration
from vefa.plan.plans import Exits, Goal
from vefa.plan.steps import WaitUntilEvent
from vefa.plan.ways_in import EventTrigger, Reentry
from vefa.rewards.codes import key_of
from vefa.rewards.pools import stocks
from vefa.rewards.redemptions import discount, find_redemptions
from vefa.rewards.tables import coupons, redemptions

#: The order that uses the coupon brings nobody in again.
ONCE = Reentry(once=True)
FLAGS = ("counts", "again", "late", "small", "not_theirs", "other_currency")


MAP = """
about: Orders
source: shop
inputs: {orders: {file: orders.csv}}
targets:
  - into: orders
    input: orders
    columns:
      outside_id: no
      customer: customer
      total: total
      currency: currency
      coupon_code: coupon
      placed_at: placed
"""


def given(world: World, step: Any = None) -> tuple[int, str]:
    """A customer with a coupon in hand: their number, and the code."""
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(step or gift(), email()))
    ada = world.customer("Ada")
    world.order(ada, NOON)
    world.tick(NOON)
    return ada, codes(world)[-1]


def flags(world: World) -> list[set[str]]:
    """What is said of each order that used a coupon, in the order of the orders."""
    return [{name for name in FLAGS if getattr(row, name)} for row in world.rows(redemptions)]


def look(world: World, hours: int = 2) -> None:
    find_redemptions(world.database, NOON + hours * HOUR)


def test_the_first_order_that_names_the_code_has_used_it_however_it_was_typed(world: World) -> None:
    ada, code = given(world)
    first = world.order(ada, NOON + HOUR, coupon_code=f" {code.lower()[:4]} {code.lower()[4:]} ")
    world.order(ada, NOON + 2 * HOUR, coupon_code=code)
    world.order(ada, NOON + 2 * HOUR, coupon_code="HOSGELDIN10")
    look(world)

    assert [row.order_id for row in world.rows(redemptions)] == [first, first + 1]
    assert flags(world) == [{"counts"}, {"again"}]


@pytest.mark.parametrize("typed", ["dogum-ıi7", "DOĞUM-II7".replace("Ğ", "G"), " Dogum-Iİ7\t"])
def test_the_turkish_i_is_an_i_as_any_other(typed: str) -> None:
    assert key_of(typed) == "DOGUM-II7"


def test_what_a_checkout_let_through_is_written_down_and_not_hidden(world: World) -> None:
    minimum = {"minimum": Decimal(200), "minimum_currency": "TRY"}
    ada, code = given(world, gift(valid=Duration(days=2), **minimum))
    can = world.customer("Can")
    world.order(ada, NOON + HOUR, coupon_code=code, total=Decimal(170))  # 200 before the 15 per cent
    world.order(ada, NOON + HOUR, coupon_code=code, total=Decimal("169.99"))
    world.order(can, NOON + 4 * DAY, coupon_code=code, total=Decimal(500), currency="EUR")
    look(world, 100)

    assert flags(world) == [{"counts"}, {"again", "small"}, {"again", "late", "not_theirs", "other_currency"}]


def test_a_cancelled_order_gives_the_coupon_back(world: World) -> None:
    ada, code = given(world)
    order = world.order(ada, NOON + HOUR, coupon_code=code)
    look(world)
    before = flags(world)
    world.change(orders, "order", order, cancelled_at=NOON + 3 * HOUR)
    look(world, 2)
    early = flags(world)
    look(world, 3)
    freed = flags(world)
    world.order(ada, NOON + 4 * HOUR, coupon_code=code)
    look(world, 5)

    assert before == early == [{"counts"}]  # as of then, nobody knew of the cancellation
    assert freed == [set()]
    assert flags(world) == [set(), {"counts"}]


def test_the_same_again_changes_nothing_and_an_order_that_loses_its_code_has_used_none(world: World) -> None:
    ada, code = given(world)
    order = world.order(ada, NOON + HOUR, coupon_code=code)
    look(world)
    rows, told = world.rows(redemptions), world.rows(events)
    world.change(orders, "order", order, shipped_at=NOON + HOUR)
    look(world)
    again = world.rows(redemptions)
    world.change(orders, "order", order, coupon_code=None)
    look(world)

    assert again == rows and len(world.rows(events)) == len(told) + 1  # the shipping
    assert world.rows(redemptions) == []


def test_a_code_of_a_pool_that_somebody_used_before_it_was_given_is_given_to_nobody(world: World) -> None:
    world.deploy(make_plan(pooled(), email()))
    ada = world.customer()
    world.order(ada, NOON - DAY, coupon_code="spring-001")
    fill(world, 2)
    world.order(ada, NOON)
    world.tick(NOON)
    with reading(world.database) as connection:
        (stock,) = stocks(connection)

    assert codes(world) == ["SPRING-002"]
    assert (stock.free, stock.given, stock.aside) == (0, 1, 1)
    (row,) = world.rows(redemptions)
    assert row.coupon_id is None and row.pool_code_id is not None


def test_orders_of_files_and_of_events_are_the_same_to_it(world: World, tmp_path: Path) -> None:
    """Both ways in, through the code that shops use."""
    ada, code = given(world)
    _by_file(world, tmp_path, code)
    _by_event(world, code)
    look(world)

    assert sorted(map(sorted, flags(world))) == [["again"], ["counts"]]
    assert ada


def _by_file(world: World, folder: Path, code: str) -> None:
    (folder / "orders.csv").write_text(
        f"no,customer,total,currency,coupon,placed\n7,{_outside(world)},120,TRY,{code.lower()},2026-03-10 13:00\n"
    )
    column_map = Path(world.settings.root) / "config" / "importers" / "small.yaml"
    column_map.parent.mkdir(parents=True, exist_ok=True)
    column_map.write_text(MAP, encoding="utf-8")
    found = find_map(world.settings, "small")
    run_import(world.database, found, str(folder), NOON + HOUR, False, world.settings, lambda *_: None)


def _by_event(world: World, code: str) -> None:
    arrival = Arrival(
        id="e1",
        type="order.placed",
        person=Person(outside_id=_outside(world)),
        occurred_at=NOON + HOUR + timedelta(minutes=30),
        data={"total": "90", "currency": "TRY", "coupon_code": f"{code} "},
        object_kind="order",
        object_id="web-7",
    )
    with writing(world.database) as connection:
        take(connection, [arrival], Receipt("web", NOON + 2 * HOUR, False, world.settings))


def _outside(world: World) -> str:
    from vefa.crm.tables import customers

    return str(world.rows(customers)[0].outside_id)


# --- what journeys make of it


def second(world: World, **more: Any) -> None:
    """A gift, and a reminder three days later."""
    steps = (gift(), email(next="rest"), wait("rest", "again", days=3), email("again"))
    world.deploy(make_plan(*steps, reentry=ONCE, **more))


def test_who_has_used_their_coupon_leaves(world: World) -> None:
    second(world, exits=Exits((here("coupon.redeemed"),)))
    ada, can = world.customer("Ada"), world.customer("Can")
    for number in (ada, can):
        world.order(number, NOON)
    world.tick(NOON)
    code = next(row.code for row in world.rows(coupons) if row.customer_id == ada)
    world.order(None, NOON + HOUR, coupon_code=code)  # bought without an account
    world.tick(NOON + 2 * HOUR)

    states = {row.customer_id: (row.state, row.reason) for row in world.enrolments()}
    assert states == {ada: ("left", "exit: coupon.redeemed"), can: ("active", None)}


def test_only_this_enrolments_own_coupon_counts_unless_any_of_the_customers_is_meant(world: World) -> None:
    world.deploy(make_plan(gift(next=None), journey="other"))
    second(world, exits=Exits((here("coupon.redeemed"),)))
    wide = Exits((anywhere("coupon.redeemed"),))
    steps = (gift(), email(next="rest"), wait("rest", None, days=3))
    world.deploy(make_plan(*steps, journey="wide", exits=wide, reentry=ONCE))
    ada = world.customer()
    world.order(ada, NOON)
    for journey in ("other", "thanks", "wide"):
        world.tick(NOON, journey)
    world.order(ada, NOON + HOUR, coupon_code=codes(world)[0])
    for journey in ("thanks", "wide"):
        world.tick(NOON + 2 * HOUR, journey)

    assert world.enrolment("thanks").state == "active"
    assert world.enrolment("wide").state == "left"


def test_a_wait_ends_and_a_goal_is_reached_with_the_use(world: World) -> None:
    waiting = WaitUntilEvent("rest", "rest", "again", here("coupon.redeemed"), Duration(days=7), None)
    goal = Goal(here("coupon.redeemed"), Duration(days=30))
    world.deploy(make_plan(gift(), email(next="rest"), waiting, email("again"), goal=goal, reentry=ONCE))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    world.order(ada, NOON + HOUR, coupon_code=codes(world)[0])
    world.tick(NOON + 2 * HOUR)

    assert len(world.email.got) == 2
    assert world.enrolment().goal_at == NOON + HOUR


def test_the_use_of_a_coupon_can_begin_a_journey(world: World) -> None:
    ada, code = given(world)
    world.deploy(make_plan(email(), journey="bravo", trigger=EventTrigger("coupon.redeemed", "coupon")))
    world.order(ada, NOON + HOUR, coupon_code=code)
    world.tick(NOON + 2 * HOUR, "bravo")
    world.tick(NOON + 3 * HOUR, "bravo")

    assert world.enrolment("bravo").customer_id == ada


def test_who_uses_it_while_a_message_waits_is_not_reminded(world: World) -> None:
    """`unless: {coupon.used: yes}` is asked of what became known since the walk began, too."""
    steps = (gift(), email(next="rest"), wait("rest", "again", days=1))
    unless = Compare("coupon.used", "=", value=True)
    world.deploy(make_plan(*steps, email("again", unless=unless), reentry=ONCE))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    tick = world.begin(NOON + 2 * DAY)
    world.order(ada, NOON + DAY, coupon_code=codes(world)[0])
    world.walk(tick)

    assert [row.state for row in world.sends()] == ["sent", "skipped"]


def test_what_a_coupon_took_off() -> None:
    percent, amount = {"percent": "20"}, {"amount": "100", "currency": "TRY"}

    assert discount(percent, Decimal(80), "TRY") == 20
    assert discount(amount, Decimal(80), "TRY") == 100
    assert discount(amount, Decimal(80), "EUR") == 0
    assert discount({"percent": "100"}, Decimal(0), "TRY") == 0
    assert discount({"free_shipping": True}, Decimal(80), "TRY") == 0
