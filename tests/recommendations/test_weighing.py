"""What goes with what: counted as pandas would, and not drowned by what everybody buys."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vefa.crm.recommendations.counting import MOST_LINES, Counting, Page, Pairs
from vefa.crm.recommendations.weighing import KEPT, strongest, surprise
from vefa.database import DAY

Basket = tuple[int, int, frozenset[int]]


def page(baskets: list[Basket]) -> Page:
    """(customer, day, products) as lines, by customer and day."""
    ordered = sorted(enumerate(baskets, 1), key=lambda each: (each[1][0], each[1][1], each[0]))
    rows = [(customer, order, day * DAY, product) for order, (customer, day, bought) in ordered for product in bought]
    columns = np.array(rows or np.zeros((0, 4)), dtype=np.int64).reshape(-1, 4).T
    return Page(*columns)


def counts(pairs: Pairs) -> dict[tuple[int, int], tuple[int, int, int]]:
    keys = zip(pairs.product.tolist(), pairs.other.tolist(), strict=True)
    values = zip(pairs.both.tolist(), pairs.one.tolist(), pairs.two.tolist(), strict=True)
    return dict(zip(keys, values, strict=True))


def together(baskets: list[Basket]) -> dict[tuple[int, int], tuple[int, int, int]]:
    """The same by plain loops."""
    sets = [bought for _, _, bought in baskets]
    held = {product: sum(product in each for each in sets) for each in sets for product in each}
    pairs = {pair for each in sets for pair in permutations(each, 2)}
    return {(a, b): (sum({a, b} <= each for each in sets), held[a], held[b]) for a, b in pairs}


def followed(baskets: list[Basket]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for customer in {each[0] for each in baskets}:
        mine = sorted((each for each in enumerate(baskets) if each[1][0] == customer), key=lambda x: (x[1][1], x[0]))
        had: set[int] = set()
        for (_, before), (_, after) in pairwise(mine):
            had |= before[2]
            for pair in ((a, b) for a in before[2] for b in after[2] - had if after[1] - before[1] <= 180):
                found[pair] = found.get(pair, 0) + 1
    return found


BASKETS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 400), st.frozensets(st.integers(1, 6), min_size=1, max_size=4)),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(BASKETS)
def test_pairs_are_counted_as_loops_would(baskets: list[Basket]) -> None:
    counting = Counting(7)

    counting.add(page(baskets))

    assert counts(counting.together()) == together(baskets)
    assert {pair: both for pair, (both, _, _) in counts(counting.next()).items()} == followed(baskets)


def test_pages_add_up_to_the_same_as_one_page() -> None:
    baskets: list[Basket] = [(c, d, frozenset({c, d % 5 + 3, 9})) for c in range(1, 7) for d in range(0, 90, 30)]
    whole, parts = Counting(10), Counting(10)

    whole.add(page(baskets))
    for customer in range(1, 7):
        parts.add(page([each for each in baskets if each[0] == customer]))

    assert counts(parts.together()) == counts(whole.together())
    assert counts(parts.next()) == counts(whole.next())
    assert parts.orders == whole.orders == len(baskets)


def test_orders_of_more_lines_than_anybody_buys_for_themselves_make_no_pairs() -> None:
    large = frozenset(range(1, MOST_LINES + 2))
    counting = Counting(100)

    counting.add(page([(1, 0, large), (1, 5, large), (2, 0, frozenset({1, 2}))]))

    assert set(counts(counting.together())) == {(1, 2), (2, 1)}
    assert counting.orders == 3


def test_buyers_without_an_account_have_no_next_order() -> None:
    counting = Counting(10)

    counting.add(page([(-1, 0, frozenset({1})), (-1, 1, frozenset({2}))]))

    assert counts(counting.next()) == {}


def test_where_there_are_too_many_pairs_the_rarest_go() -> None:
    often: list[Basket] = [(n, 0, frozenset({1, 2})) for n in range(1, 20)]
    rare: list[Basket] = [(100 + n, 0, frozenset({3 + n, 40})) for n in range(30)]
    counting = Counting(100, most_pairs=10)

    for each in (*often, *rare):
        counting.add(page([each]))

    found = counts(counting.together())
    assert found[1, 2][0] >= 18
    assert len(found) <= 20


def test_the_log_likelihood_ratio_is_dunnings() -> None:
    """Both 110 times, 2442 and 111 times beside, of 31,777: the first row of the table in his paper says 270.72."""
    words = Pairs(*(np.array([n]) for n in (1, 2, 110, 2552, 221)), total=31_777)

    assert surprise(words)[0] ** 2 == pytest.approx(270.72, abs=0.01)


def test_what_comes_together_as_often_as_by_chance_is_no_link() -> None:
    by_chance = Pairs(*(np.array([n]) for n in (1, 2, 100, 1_000, 1_000)), total=10_000)

    assert surprise(by_chance)[0] == 0


def test_a_best_seller_does_not_drown_what_goes_with_a_product() -> None:
    """Everybody buys the bag. The filter is bought by few, nearly all of whom buy the coffee maker."""
    bag, maker, filter_, tea = 1, 2, 3, 4
    baskets = [
        *[frozenset({bag, maker})] * 60,
        *[frozenset({filter_, maker})] * 12,
        *[frozenset({bag, tea})] * 300,
        *[frozenset({bag})] * 600,
        *[frozenset({tea})] * 100,
    ]
    counting = Counting(5)
    counting.add(page([(n, 0, basket) for n, basket in enumerate(baskets, 1)]))
    pairs = counting.together()

    by_count = strongest(pairs, lambda each: each.both.astype(np.float64))
    ours = strongest(pairs)

    assert by_count.other[by_count.product == maker][0] == bag
    assert ours.other[ours.product == maker].tolist() == [filter_]


def test_only_the_strongest_of_each_product_are_kept() -> None:
    baskets: list[Basket] = [
        (100 * n + k, 0, frozenset({1, 1 + n})) for n in range(1, KEPT + 6) for k in range(n + 3)
    ] + [(9_000 + n, 0, frozenset({60})) for n in range(3_000)]
    counting = Counting(100)
    counting.add(page(baskets))

    links = strongest(counting.together())

    mine = links.product == 1
    assert links.place[mine].tolist() == list(range(1, KEPT + 1))
    assert links.other[mine].tolist() == list(range(KEPT + 6, 6, -1))
