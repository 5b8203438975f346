"""What an order holds, as shops tell it: several codes, parts of pieces, variants, gift cards, two currencies, tags."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.gifts import codes, gift
from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan
from vefa.crm import facts
from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.contexts import read_order_lines
from vefa.crm.coupon_uses import codes_of
from vefa.crm.lines import line_price, price_of
from vefa.crm.tables import customers, order_lines, orders, products, tags
from vefa.crm.tables import facts as facts_table
from vefa.crm.tags import JOURNEY, TagChange, TagList, borne, replace_tags, set_tags, untag
from vefa.database import reading, writing
from vefa.foresight.order_contents import lint_stored_data
from vefa.foresight.status import status
from vefa.insight.measures import measures
from vefa.rewards.codes import key_of
from vefa.rewards.redemptions import find_redemptions
from vefa.rewards.tables import redemptions

MINUTE = timedelta(minutes=1)


def tell(world: World, key: str, at: Any = NOON, **data: Any) -> None:
    """An order placed, as a shop tells it."""
    given = {"total": "90", "currency": "TRY", **data}
    arrival = Arrival(f"e-{key}", "order.placed", Person("c-1"), at, given, "order", key)
    receipt = Receipt("web", NOON + 2 * HOUR, True, world.settings)
    with writing(world.database) as connection:
        (outcome,) = take(connection, [arrival], receipt)
    assert outcome.problem is None


def used(world: World) -> list[tuple[int, str, bool, bool]]:
    """Uses as they stand: order, code, whether it counts, whether it had been used before."""
    return sorted((row.order_id, row.code_key, row.counts, row.again) for row in world.rows(redemptions))


def test_a_coupon_is_used_in_any_place_and_free_again_when_an_edit_takes_it_out(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(), email()))
    for name in ("Ada", "Can", "Eda"):
        world.order(world.customer(name), NOON)
    world.tick(NOON)
    first, second, third = codes(world)
    tell(world, "a", coupon_codes=[first, "WELCOME"])
    tell(world, "b", coupon_codes=["FREESHIP", second.lower()])
    tell(world, "c", coupon_codes=["X", "WELCOME", f"{third[:4]} {third[4:]}"])
    tell(world, "d", coupon_codes=["WELCOME", first], at=NOON + HOUR)
    find_redemptions(world.database, NOON + DAY)
    before = {(key, counts, again) for _, key, counts, again in used(world)}
    tell(world, "a", coupon_codes=["WELCOME"])
    find_redemptions(world.database, NOON + DAY)
    after = {(key, counts, again) for _, key, counts, again in used(world)}

    others = {(second, True, False), (third, True, False)}
    assert before == {(first, True, False), (first, False, True), *others}
    assert after == {(first, True, False), *others}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_uses_are_those_of_a_plain_model_over_edits_cancellations_and_repeats(world: World, seed: int) -> None:
    """The model: of each code, orders by time; the first that stands counts, later ones that stand use it again."""
    chance = Random(seed)
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(), email()))
    for number in range(3):
        world.order(world.customer(f"C{number}"), NOON)
    world.tick(NOON)
    ours = codes(world)
    model: dict[str, tuple[Any, list[str], bool]] = {}
    for _ in range(30):
        key = f"o{chance.randrange(8)}"
        named = chance.sample([*ours, "WELCOME", "KARGO"], chance.randrange(4))
        at = NOON + chance.randrange(50) * MINUTE
        tell(world, key, at, coupon_codes=named)
        gone = model[key][2] if key in model else False
        first_at = model[key][0] if key in model else at
        model[key] = (first_at, named, gone)
        if chance.random() < 0.2 and not gone:
            row = world.rows(orders, orders.c.outside_id == key)[0]
            world.change(orders, "order", row.id, cancelled_at=NOON + HOUR)
            model[key] = (first_at, named, True)
        if chance.random() < 0.5:
            find_redemptions(world.database, NOON + DAY)
    find_redemptions(world.database, NOON + DAY)

    rows = {row.outside_id: row for row in world.rows(orders) if row.source == "web"}
    wanted = []
    for code in ours:
        naming = sorted(
            (rows[key].placed_at, rows[key].id, gone) for key, (_, those, gone) in model.items() if code in those
        )
        standing = [number for _, number, gone in naming if not gone]
        wanted += [(number, key_of(code), number in standing[:1], number in standing[1:]) for _, number, _ in naming]
    assert used(world) == sorted(wanted)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("hosgeldin, GIFT-1", ("hosgeldin", "GIFT-1")),
        ("A;B|C\nD", ("A", "B", "C", "D")),
        (" A , A ,, ", ("A",)),
        ("code:HELLO|amount:5.00;code:X1|amount:1", ("HELLO", "X1")),
        ("TWO WORDS", ("TWO WORDS",)),
        (",;|", ()),
    ],
)
def test_a_cell_of_several_codes_is_read_as_several(cell: str, found: tuple[str, ...]) -> None:
    assert codes_of(cell) == found


def test_where_a_space_stands_between_two_codes_the_one_that_is_ours_is_used(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(), email()))
    world.order(world.customer("Ada"), NOON)
    world.tick(NOON)
    (code,) = codes(world)
    tell(world, "a", coupon_code=f"hosgeldin {code}")
    find_redemptions(world.database, NOON + DAY)

    assert [(key, counts) for _, key, counts, _ in used(world)] == [(code, True)]


def test_what_lines_cost_is_decimal_arithmetic_on_both_databases(world: World) -> None:
    chance = Random(7)
    product = world.insert(products, source="shop", outside_id="p", name="Kumaş")
    order = world.order(None, NOON)
    wanted = []
    for line in range(1, 201):
        quantity = Decimal(chance.randint(-30_000, 90_000_000)) / 10_000
        price = Decimal(chance.randint(-(10**5), 10 ** chance.randint(1, 13))) / 10_000
        world.insert(order_lines, order_id=order, line=line, product_id=product, quantity=quantity, unit_price=price)
        exact = (quantity * price).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        assert price_of(quantity, price) == exact
        wanted.append(int(exact * 10_000))
    with reading(world.database) as connection:
        query = sa.select(line_price(order_lines.c), order_lines.c.quantity).order_by(order_lines.c.line)
        found = list(connection.execute(query))

    assert [row[0] for row in found] == wanted
    assert all(isinstance(row.quantity, Decimal) for row in found)


def test_parts_variants_and_gift_cards_come_into_letters(world: World) -> None:
    lines: list[dict[str, Any]] = [
        {"product": "690", "name": "Kuru kayısı", "quantity": "0.5", "unit_price": "300"},
        {"product": "680", "name": "Tişört", "variant": "L", "quantity": 2, "unit_price": "20"},
        {"product": "1", "name": "Hediye kartı", "quantity": 1, "unit_price": "100", "gift_card": True},
    ]
    tell(world, "a", lines=lines)
    tell(world, "b", lines=lines[2:])
    tell(world, "c", lines=[], lines_incomplete=True)
    numbers = {row.outside_id: row.id for row in world.rows(orders)}
    with reading(world.database) as connection:
        read = read_order_lines(connection, list(numbers.values()))
        seen = status(connection, NOON + 3 * HOUR, NOON + 3 * HOUR)

    told = [(each["name"], each["quantity"], each["price"].amount, each["gift_card"]) for each in read[numbers["a"]]]
    assert told == [
        ("Kuru kayısı", Decimal("0.5"), 150, False),
        ("Tişört, L", 2, 40, False),
        ("Hediye kartı", 1, 100, True),
    ]
    assert type(told[1][1]) is int
    assert [row.name for row in world.rows(products)] == ["Hediye kartı", "Tişört", "Kuru kayısı"]
    assert [each.says for each in seen.troubles if each.kind == "incomplete orders"] == [
        "1 of the orders of the last days came with lines that could not be read"
    ]


def test_the_customers_currency_is_shown_the_shops_is_added_up_and_one_without_a_rate_is_told(world: World) -> None:
    shop = world.settings.shop.model_copy(update={"exchange_rates": {"EUR": Decimal(50)}})
    tell(world, "a", total="10", currency="USD", shop_total="400", shop_currency="TRY")
    tell(world, "b", total="100", currency="EUR")
    tell(world, "c", total="50", currency="AZN")
    facts.refresh(world.database, NOON + DAY, shop)
    (row,) = world.rows(facts_table)
    with reading(world.database) as connection:
        found = measures(connection, NOON - DAY, NOON + DAY, shop)
        seen = status(connection, NOON + DAY, NOON + DAY, shop=shop)
    settings = world.settings.model_copy(update={"shop": shop})
    warned = [] if world.database.dialect.name != "sqlite" else list(lint_stored_data(settings, NOON + DAY))

    assert (row.orders_count, row.orders_revenue, row.orders_unpriced) == (3, 5_400, 1)
    assert (found.orders, found.revenue, found.unpriced, found.average_order) == (3, 5_400, 1, 2_700)
    (trouble,) = (each for each in seen.troubles if each.kind == "no rate")
    assert "1 order is in AZN" in trouble.says and "exchange_rates: { AZN:" in trouble.do
    assert all("AZN" in finding.says for finding in warned)


# --- tags


def test_tags_are_those_of_a_plain_model_in_whatever_order_changes_and_lists_come(world: World) -> None:
    """The model: the latest list of an origin, then its changes from that moment on; at one moment a yes counts."""
    chance = Random(3)
    for round_ in range(12):
        customer = world.customer(f"T{round_}")
        given: list[TagChange | TagList] = []
        for _ in range(10):
            at = NOON + chance.randrange(6) * MINUTE
            if chance.random() < 0.3:
                given.append(TagList(customer, tuple(chance.sample("abcd", chance.randrange(4))), at))
            else:
                given.append(TagChange(customer, chance.choice("abcd"), chance.random() < 0.5, at))
        for each in chance.sample([*given, *chance.sample(given, 4)], len(given) + 4):
            with writing(world.database) as connection:
                replace_tags(connection, [each]) if isinstance(each, TagList) else set_tags(connection, [each])

        assert bears(world, customer) == modelled(given), given


def modelled(given: list[TagChange | TagList]) -> list[str]:
    lists = [each for each in given if isinstance(each, TagList)]
    last = max((each.at for each in lists), default=NOON - DAY)
    found: dict[str, tuple[Any, bool]] = {}
    for each in given:
        told = [(tag, True) for tag in each.tags] if isinstance(each, TagList) else [(each.tag, each.added)]
        for tag, added in told if each.at >= last else ():
            found[tag] = max(found.get(tag, (last, False)), (each.at, added))
    return sorted(tag for tag, (_, added) in found.items() if added)


def bears(world: World, customer: int) -> list[str]:
    with reading(world.database) as connection:
        query = sa.select(tags.c.tag).where(tags.c.customer_id == customer, *borne(tags.c, NOON + DAY)).distinct()
        return sorted(connection.scalars(query))


def test_a_shops_list_leaves_a_journeys_tags_alone_and_an_untag_takes_off_whoevers(world: World) -> None:
    ada = world.customer("Ada")
    person = Person(world.rows(customers)[0].outside_id)
    with writing(world.database) as connection:
        set_tags(connection, [TagChange(ada, "fan", True, NOON, JOURNEY)])
    receipts = [Receipt("web", NOON + hours * HOUR, True, world.settings) for hours in (1, 2)]
    for receipt, named in zip(receipts, (["vip", "fan"], "toptan, yeni"), strict=True):
        arrival = Arrival("e", "customer.created", person, NOON - DAY, {"tags": named})
        with writing(world.database) as connection:
            take(connection, [arrival], receipt)
    before = bears(world, ada)
    with writing(world.database) as connection:
        untag(connection, [ada], "toptan", NOON + 3 * HOUR)

    assert before == ["fan", "toptan", "yeni"]
    assert bears(world, ada) == ["fan", "yeni"]
