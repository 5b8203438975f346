"""Links are made as a whole and put in place in one moment; whoever reads meanwhile reads the ones before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.recommendations.goods import DAY, NOON, Goods
from vefa.crm.recommendations import making
from vefa.crm.recommendations.linked import Linked
from vefa.crm.recommendations.making import STAY, Overtaken, make_links
from vefa.crm.recommendations.tables import link_makings, product_links
from vefa.database import reading


@pytest.fixture
def pairs(goods: Goods) -> Goods:
    """Cups go with saucers and pans with lids; everybody buys bags."""
    goods.products("cup saucer pan lid bag")
    goods.orders(12, "cup saucer")
    goods.orders(12, "pan lid")
    goods.orders(3, "pan bag")
    goods.orders(40, "bag")
    return goods


def links(goods: Goods, now: Any = NOON) -> dict[str, list[str]]:
    """What goes with each product, as a message of that moment reads it."""
    names = {number: name for name, number in goods.ids.items()}
    with reading(goods.engine) as connection:
        found = Linked().read(connection, names, now)
    return {names[one]: [names[link.other] for link in each] for one, each in found.items() if each}


def rows(goods: Goods) -> list[Any]:
    p = product_links.c
    with reading(goods.engine) as connection:
        query = sa.select(p.product_id, p.kind, p.place, p.other_id, p.weight, p.times)
        return list(connection.execute(query.order_by(p.making_id, p.product_id, p.kind, p.place)))


def states(goods: Goods) -> list[str]:
    with reading(goods.engine) as connection:
        return list(connection.scalars(sa.select(link_makings.c.state).order_by(link_makings.c.id)))


def test_what_was_bought_together_goes_together(pairs: Goods) -> None:
    made = make_links(pairs.engine, NOON)

    assert links(pairs) == {"cup": ["saucer"], "saucer": ["cup"], "pan": ["lid"], "lid": ["pan"]}
    assert (made.orders, made.together, made.next) == (67, 4, 0)


def test_what_was_bought_next_follows_and_not_the_other_way(goods: Goods) -> None:
    goods.products("maker filter bag")
    for _ in range(8):
        customer = goods.customer()
        goods.order(customer, "maker", days_ago=40)
        goods.order(customer, "filter", days_ago=10)
    for _ in range(30):
        customer = goods.customer()
        goods.order(customer, "bag", days_ago=40)
        goods.order(customer, "bag", days_ago=10)
    make_links(goods.engine, NOON)

    assert links(goods) == {"maker": ["filter"]}


def test_orders_without_an_account_count_as_well(goods: Goods) -> None:
    goods.products("cup saucer bag")
    for _ in range(9):
        goods.order(None, "cup saucer")
        goods.order(None, "bag")
    make_links(goods.engine, NOON)

    assert links(goods)["cup"] == ["saucer"]


def test_orders_of_several_pages_are_all_read(pairs: Goods, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        pairs.order(None, "cup saucer")
    once = make_links(pairs.engine, NOON)
    whole = rows(pairs)
    monkeypatch.setattr(making, "PAGE", 3)
    monkeypatch.setattr(making, "PART", 1)

    again = make_links(pairs.engine, NOON)

    assert (again.orders, rows(pairs)) == (once.orders, whole)


def test_the_same_orders_make_the_same_links_and_no_more_rows(pairs: Goods) -> None:
    make_links(pairs.engine, NOON)
    first = rows(pairs)

    make_links(pairs.engine, NOON)

    assert rows(pairs) == first
    assert states(pairs) == ["ready"]


def test_cancelled_orders_and_what_is_not_known_yet_say_nothing(pairs: Goods) -> None:
    for _ in range(9):
        pairs.order(pairs.customer(), "cup lid", cancelled_at=NOON - DAY, cancelled_known_at=NOON - DAY)
        pairs.order(pairs.customer(), "saucer pan", placed_known_at=NOON + DAY)
    make_links(pairs.engine, NOON)

    assert links(pairs)["cup"] == ["saucer"]
    assert links(pairs)["saucer"] == ["cup"]


def test_a_message_reads_the_newest_links_that_are_not_from_after_it(pairs: Goods) -> None:
    make_links(pairs.engine, NOON - 5 * DAY)
    pairs.orders(15, "cup lid", days_ago=2)
    make_links(pairs.engine, NOON)

    assert links(pairs, NOON - 6 * DAY) == {}
    assert set(links(pairs, NOON - 4 * DAY)["cup"]) == {"saucer"}
    assert set(links(pairs, NOON)["cup"]) == {"saucer", "lid"}


def test_whoever_reads_while_links_are_made_reads_the_ones_before(
    pairs: Goods, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_links(pairs.engine, NOON)
    before = links(pairs)
    pairs.orders(15, "cup lid")
    seen = []

    monkeypatch.setattr(making, "PART", 1)
    parts = making._parts

    def watched(*given: Any) -> Any:
        for part in parts(*given):
            seen.append(links(pairs, NOON + DAY))
            yield part

    monkeypatch.setattr(making, "_parts", watched)
    make_links(pairs.engine, NOON + DAY)

    assert len(seen) > 4
    assert all(each == before for each in seen)
    assert set(links(pairs, NOON + DAY)["cup"]) == {"saucer", "lid"}


def test_a_making_that_was_cut_off_is_never_read_and_is_cleared_away(
    pairs: Goods, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_links(pairs.engine, NOON)
    before = rows(pairs)

    def dies(*_: Any) -> Any:
        yield [{"making_id": 2, "kind": "next", "product_id": 1, "place": 1, "other_id": 2, "weight": 1, "times": 9}]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(making, "_parts", dies)
        make_links(pairs.engine, NOON + DAY)
    cut_off = (states(pairs), links(pairs, NOON + DAY))
    make_links(pairs.engine, NOON + 2 * DAY)

    assert cut_off == (["ready", "making"], links(pairs, NOON))
    assert states(pairs) == ["ready", "ready"]
    assert rows(pairs) == before * 2


def test_of_two_at_once_the_one_that_began_first_gives_up(pairs: Goods, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = making._parts

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(making, "_parts", parts)
        make_links(pairs.engine, NOON + DAY)
        yield from parts(*given)

    monkeypatch.setattr(making, "_parts", overtaken)
    with pytest.raises(Overtaken, match="Somebody else"):
        make_links(pairs.engine, NOON)

    assert states(pairs) == ["ready"]
    assert links(pairs, NOON + DAY)["cup"] == ["saucer"]


def test_only_the_newest_makings_stay(pairs: Goods) -> None:
    for days in range(STAY + 2):
        make_links(pairs.engine, NOON + timedelta(days=days))

    assert states(pairs) == ["ready"] * STAY
    assert links(pairs, NOON) == {}


def test_a_shop_without_orders_has_no_links(goods: Goods) -> None:
    made = make_links(goods.engine, NOON)

    assert (made.orders, made.together, made.next) == (0, 0, 0)
    assert states(goods) == ["ready"]
