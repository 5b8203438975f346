"""What is suggested: what goes with what they bought, never what they have or sent back or what is not there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recommendations.goods import DAY, NOON, Goods
from vefa.crm.recommendations.choosing import Recommender
from vefa.crm.recommendations.making import make_links
from vefa.database import reading


@pytest.fixture
def linked(goods: Goods) -> Goods:
    """Cups go with saucers and spoons, pans with lids, teas with honeys; everybody buys bags."""
    goods.products("cup saucer spoon pan lid", "Mutfak")
    goods.products("tea honey", "Kahvaltılık")
    goods.products("bag purse", "Çanta")
    goods.orders(12, "cup saucer spoon")
    goods.orders(10, "cup saucer")
    goods.orders(12, "pan lid")
    goods.orders(12, "tea honey")
    goods.orders(60, "bag")
    make_links(goods.engine, NOON - DAY)
    return goods


def test_who_bought_a_cup_is_shown_what_goes_with_cups(linked: Goods) -> None:
    customer = linked.customer()
    order = linked.order(customer, "cup")

    (row,) = linked.chosen([customer], orders=[order])

    assert [(words["name"], words["because"]) for _, words in row[:2]] == [("saucer", "cup"), ("spoon", "cup")]
    assert row[0][0].times == 22


def test_the_order_at_hand_counts_before_what_was_bought_earlier(linked: Goods) -> None:
    customer = linked.customer()
    linked.order(customer, "cup", days_ago=3)
    order = linked.order(customer, "tea", days_ago=1)

    assert linked.names(customer, order, count=1) == ["honey"]
    assert linked.names(customer, order) == ["honey", "saucer", "spoon"]


def test_what_was_bought_of_late_counts_more_than_what_was_bought_long_ago(linked: Goods) -> None:
    customer = linked.customer()
    linked.order(customer, "pan", days_ago=5)
    linked.order(customer, "tea", days_ago=400)
    other = linked.customer()
    linked.order(other, "pan", days_ago=400)
    linked.order(other, "tea", days_ago=5)

    assert linked.names(customer, count=1) == ["lid"]
    assert linked.names(other, count=1) == ["honey"]


def test_without_links_the_best_sellers_of_their_categories_come_and_then_the_shops(linked: Goods) -> None:
    customer = linked.customer()
    linked.order(customer, "purse")

    (row,) = linked.chosen([customer])

    assert [words["name"] for _, words in row] == ["bag", "cup", "saucer"]
    assert {words["because"] for _, words in row} == {None}


def test_who_never_bought_anything_is_shown_the_best_sellers(linked: Goods) -> None:
    assert linked.names(linked.customer()) == ["bag", "cup", "saucer"]


def test_before_any_links_were_made_there_are_best_sellers(linked: Goods) -> None:
    customer = linked.customer()
    linked.order(customer, "tea", days_ago=9)

    before, after = linked.names(customer, now=NOON - 2 * DAY, count=1), linked.names(customer, count=1)

    assert (before, after) == (["honey"], ["honey"])
    assert linked.chosen([customer], now=NOON - 2 * DAY)[0][0][0].kind is None


def test_what_was_sent_back_is_not_shown_and_nothing_that_goes_with_it(linked: Goods) -> None:
    customer = linked.customer()
    order = linked.order(customer, "cup saucer")
    linked.send_back(customer, order)

    (row,) = linked.chosen([customer], count=9)

    names = [words["name"] for _, words in row]
    assert not {"cup", "saucer"} & set(names)
    assert all(chosen.because is None for chosen, _ in row)


def test_a_return_that_is_not_known_yet_changes_nothing(linked: Goods) -> None:
    customer = linked.customer()
    order = linked.order(customer, "cup")
    linked.send_back(customer, order, known=NOON + DAY)

    assert linked.names(customer, count=1) == ["saucer"]


def test_what_is_in_an_order_that_was_cancelled_may_be_suggested(linked: Goods) -> None:
    customer = linked.customer()
    gone = {"cancelled_at": NOON - DAY, "cancelled_known_at": NOON - DAY}
    order = linked.order(customer, "bag", **gone)
    other = linked.customer()
    linked.send_back(other, linked.order(other, "bag", **gone))

    assert "bag" in linked.names(customer, order)
    assert "bag" not in linked.names(other)


def test_what_is_sold_out_since_is_left_out_at_once(linked: Goods) -> None:
    customer = linked.customer()
    linked.order(customer, "cup")
    recommender = Recommender()
    before = linked.names(customer, recommender=recommender)

    for name in ("saucer", "bag"):
        linked.sell_out(name)

    assert before == ["saucer", "spoon", "pan"]
    assert linked.names(customer, recommender=recommender) == ["spoon", "pan", "lid"]


def test_new_links_are_read_as_soon_as_they_are_there(linked: Goods) -> None:
    customer = linked.customer()
    linked.order(customer, "cup")
    recommender = Recommender()
    before = linked.names(customer, recommender=recommender, count=1)
    linked.orders(80, "cup tea")
    make_links(linked.engine, NOON)

    assert before == ["saucer"]
    assert linked.names(customer, recommender=recommender, count=1) == ["tea"]


def test_a_batch_costs_as_many_statements_as_one_customer(linked: Goods) -> None:
    said: list[str] = []
    people = [linked.customer() for _ in range(30)]
    for n, customer in enumerate(people):
        linked.order(customer, ("cup", "pan", "tea", "cup tea")[n % 4])
    recommender = Recommender()
    linked.chosen(people[:1], recommender=recommender)

    sa.event.listen(linked.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    linked.chosen(people, recommender=recommender)

    # What they bought; which links are the newest; those that are not known yet; the words of what was chosen.
    assert len([each for each in said if each.startswith("SELECT")]) == 4


LETTERS = "abcdefghij"
SETS = st.lists(st.sets(st.sampled_from(LETTERS), min_size=1, max_size=4), max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_never_what_they_have_or_sent_back_and_never_what_is_out_of_stock(sqlite_goods: Goods, data: Any) -> None:
    goods = sqlite_goods
    if not goods.ids:
        goods.products(" ".join(LETTERS[:5]), "Ev")
        goods.products(" ".join(LETTERS[5:]), "Giyim")
    stock = data.draw(st.sets(st.sampled_from(LETTERS)))
    with goods.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE products SET in_stock = 0")
        for name in stock:
            connection.exec_driver_sql("UPDATE products SET in_stock = 1 WHERE name = ?", (name,))
    people, bad = [], []
    for bought in data.draw(st.lists(SETS, min_size=1, max_size=4)):
        customer = goods.customer()
        for days, names in enumerate(bought):
            order = goods.order(customer, " ".join(sorted(names)), days_ago=days)
            if data.draw(st.booleans()):
                goods.send_back(customer, order)
        people.append(customer)
        bad.append(set().union(*bought))
    make_links(goods.engine, NOON)

    rows = goods.chosen(people, count=5)

    for never, row in zip(bad, rows, strict=True):
        names = [words["name"] for _, words in row]
        assert not set(names) & never
        assert set(names) <= stock
        assert len(set(names)) == len(names) == min(5, len(stock - never))


def test_the_same_customer_is_shown_the_same_in_any_batch(linked: Goods) -> None:
    people = [linked.customer() for _ in range(12)]
    for n, customer in enumerate(people):
        linked.order(customer, ("cup", "pan tea", "bag")[n % 3], days_ago=n)

    together = [[words["name"] for _, words in row] for row in linked.chosen(people)]

    assert together == [linked.names(customer) for customer in people]


def test_best_sellers_are_read_once_an_hour(linked: Goods) -> None:
    recommender = Recommender()
    with reading(linked.engine) as connection:
        first = recommender.best.read(connection, NOON)

        assert recommender.best.read(connection, NOON + timedelta(minutes=59)) is first
        assert recommender.best.read(connection, NOON + timedelta(hours=1)) is not first
