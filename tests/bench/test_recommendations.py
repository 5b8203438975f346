"""The evaluation finds what was put there: who comes back, what they bought next, and which way knew it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bench.recommendations import BASES, Score, evaluate, give_categories, held_out, table
from tests.recommendations.goods import DAY, NOON, Goods
from vefa.crm.tables import products
from vefa.database import reading

CUT = NOON - 20 * DAY


@pytest.fixture
def shop(sqlite_engine: sa.Engine) -> Goods:
    """Whoever buys a pan comes back for a lid; everybody buys bags, and nobody needs a second one."""
    goods = Goods(sqlite_engine)
    goods.products("pan lid bag cup tea honey")
    for name in ("bag", "cup", "tea"):
        goods.orders(30, name, days_ago=40)
    for n in range(20):
        customer = goods.customer()
        goods.order(customer, "pan", days_ago=60)
        goods.order(customer, "lid", days_ago=30 if n < 14 else 10)
        customer = goods.customer()
        goods.order(customer, "bag", days_ago=60)
        goods.order(customer, "cup", days_ago=35)
    return goods


def test_only_what_comes_soon_after_the_moment_and_is_new_to_them_is_held_out(shop: Goods) -> None:
    early, late = shop.customer(), shop.customer()
    shop.order(early, "tea", days_ago=25)
    shop.order(early, "tea honey", days_ago=5)
    shop.order(early, "bag", days_ago=2)
    shop.order(late, "tea", days_ago=5)

    held, sold = held_out(shop.engine, CUT)

    found = {one.customer: one.next for one in held}
    assert found[early] == {shop.ids["honey"]}
    assert late not in found
    assert len(held) == 7
    assert sold == 5


def test_what_follows_is_found_by_links_and_not_by_best_sellers(shop: Goods) -> None:
    scores = {(each.way, each.basis): each for each in evaluate(shop.engine, [CUT])}

    for basis in BASES:
        ours, best = (
            scores[way, basis] for way in ("log-likelihood ratio, its root (vefa)", "best-sellers of the shop")
        )
        assert (ours.customers, ours.hit_rate) == (6, 1.0)
        assert (best.customers, best.hit_rate) == (6, 0.0)


def test_nobody_held_out_is_no_hit_and_no_fault(sqlite_engine: sa.Engine) -> None:
    scores = evaluate(sqlite_engine, [NOON])

    assert {(each.customers, each.hit_rate, each.coverage) for each in scores} == {(0, 0.0, 0.0)}


def test_the_last_word_of_a_name_is_its_category(shop: Goods) -> None:
    shop.product("RED CLOCK", "")

    give_categories(shop.engine)

    with reading(shop.engine) as connection:
        assert connection.scalar(sa.select(products.c.category).where(products.c.name == "RED CLOCK")) == "CLOCK"


def test_the_table_names_every_way() -> None:
    text = table([Score("a way", BASES[0], 200, 30, 0.125), Score("a way", BASES[1], 200, 31, 0.25)])

    assert "| a way | 200 | 15.0% | 12.5% |" in text
    assert "| a way | 200 | 15.5% | 25.0% |" in text
