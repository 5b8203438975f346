"""How often products were bought together and one after the other, counted over pages of orders.

Memory does not grow with the shop: a page holds so many orders, and of the pairs only so many are kept. Where there are
more, the rarest go (lossy counting, Manku and Motwani 2002); what is rare gives no link anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vefa.database import DAY

Ints = npt.NDArray[np.int64]

#: Larger orders are a trader's or a whole school's: they say little, and make pairs by the thousand.
MOST_LINES = 50
#: Pairs kept at once; with those that come in, about 200 MB.
MOST_PAIRS = 4_000_000
#: An order later than this after the last one does not follow from it.
FOLLOWS = 180 * DAY

_HALF = 32
_LOW = (1 << _HALF) - 1


@dataclass(frozen=True)
class Page:
    """Order lines, one row each, by customer, time and order; `customer` is -1 where nobody knows whose it was."""

    customer: Ints
    order: Ints
    placed: Ints
    product: Ints

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True)
class Pairs:
    """What was counted: product and other, how often both, and how often each; `total` is how often there was a
    chance of it."""

    product: Ints
    other: Ints
    both: Ints
    one: Ints
    two: Ints
    total: int


@dataclass
class _Tally:
    """Pairs of numbers, and how often each came."""

    most: int
    keys: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    times: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _waiting: list[Ints] = field(default_factory=list)
    _size: int = 0

    def add(self, first: Ints, second: Ints) -> None:
        """Count each of these pairs once more."""
        self._waiting.append((first << _HALF) | second)
        self._size += len(first)
        if self._size > self.most:
            self.settle()

    def settle(self) -> None:
        """Bring what came in together with what there is; let the rarest go where there is too much."""
        keys, times = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self._waiting]), return_counts=True)
        self._waiting, self._size = [], 0
        keys, times = np.concatenate([self.keys, keys]), np.concatenate([self.times, times])
        order = np.argsort(keys, kind="stable")
        keys, times = keys[order], times[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self.keys, self.times = keys[starts], np.add.reduceat(times, starts) if len(starts) else times
        floor = 0
        while len(self.keys) > self.most:
            floor += 1
            kept = self.times > floor
            self.keys, self.times = self.keys[kept], self.times[kept]


class Counting:
    """Counts page after page. No page may end amid a customer."""

    def __init__(self, products: int, most_pairs: int = MOST_PAIRS) -> None:
        #: ids below this are counted
        self._products = products
        self._together, self._next = _Tally(most_pairs), _Tally(most_pairs)
        self._held, self._before, self._after = (np.zeros(products, dtype=np.int64) for _ in range(3))
        self.orders, self._baskets, self._steps = 0, 0, 0

    def add(self, page: Page) -> None:
        """Count the page."""
        basket, product, customer, placed = _baskets(page, self._products)
        self.orders += len(customer)
        size = np.bincount(basket, minlength=len(customer))
        fits = size <= MOST_LINES
        self._count_together(basket[fits[basket]], product[fits[basket]])
        self._baskets += int((fits & (size > 0)).sum())
        follows = (customer[1:] == customer[:-1]) & (customer[1:] >= 0) & (placed[1:] - placed[:-1] <= FOLLOWS)
        steps = np.flatnonzero(follows & fits[1:] & fits[:-1])
        self._steps += len(steps)
        self._count_next(basket, product, _is_new(customer[basket], product), steps, size)

    def together(self) -> Pairs:
        """Products of one order. Each pair stands there both ways."""
        self._together.settle()
        a, b, both = self._together.keys >> _HALF, self._together.keys & _LOW, self._together.times
        one, two, times = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([both, both])
        return Pairs(one, two, times, self._held[one], self._held[two], self._baskets)

    def next(self) -> Pairs:
        """What was bought for the first time in the order after the one with the product."""
        self._next.settle()
        a, b = self._next.keys >> _HALF, self._next.keys & _LOW
        return Pairs(a, b, self._next.times, self._before[a], self._after[b], self._steps)

    def _count_together(self, basket: Ints, product: Ints) -> None:
        self._held += np.bincount(product, minlength=self._products)
        for distance in range(1, MOST_LINES):
            same = basket[:-distance] == basket[distance:]
            if not same.any():
                return
            self._together.add(product[:-distance][same], product[distance:][same])

    def _count_next(self, basket: Ints, product: Ints, new: npt.NDArray[np.bool_], steps: Ints, size: Ints) -> None:
        """Each product of the order before with each new one of the order after."""
        fresh, news = product[new], np.bincount(basket[new], minlength=len(size))
        starts, new_starts = np.cumsum(size) - size, np.cumsum(news) - news
        for part in _parts(steps, size[steps] * news[steps + 1]):
            before, after = size[part], news[part + 1]
            lines = _runs(starts[part], before)
            self._before += np.bincount(product[lines], minlength=self._products)
            self._after += np.bincount(fresh[_runs(new_starts[part + 1], after)], minlength=self._products)
            width = np.repeat(after, before)
            self._next.add(
                np.repeat(product[lines], width), fresh[_runs(np.repeat(new_starts[part + 1], before), width)]
            )


def _baskets(page: Page, products: int) -> tuple[Ints, Ints, Ints, Ints]:
    """The lines as (order's place, product), no product twice in an order; and customer and time of each order."""
    first = np.flatnonzero(np.diff(page.order, prepend=-1))
    place = np.cumsum(np.diff(page.order, prepend=-1) != 0) - 1
    known = page.product < products
    lines = np.unique((place[known] << _HALF) | page.product[known])
    return lines >> _HALF, lines & _LOW, page.customer[first], page.placed[first]


def _is_new(customer: Ints, product: Ints) -> npt.NDArray[np.bool_]:
    """Whether it is the customer's first line with that product; lines are in the order of time."""
    _, place = np.unique(customer, return_inverse=True)
    _, first = np.unique((place.astype(np.int64) << _HALF) | product, return_index=True)
    new = np.zeros(len(product), dtype=np.bool_)
    new[first] = True
    return new


def _parts(steps: Ints, pairs: Ints, most: int = 1_000_000) -> Iterator[Ints]:
    """The steps in parts of about so many pairs."""
    if len(steps):
        yield from np.split(steps, np.flatnonzero(np.diff(np.cumsum(pairs) // most)) + 1)


def _runs(starts: Ints, lengths: Ints) -> Ints:
    """`start, start + 1, …` for each, so many of each, one after the other."""
    ends = np.cumsum(lengths)
    steps: Ints = np.arange(int(lengths.sum()), dtype=np.int64)
    steps += np.repeat(starts - (ends - lengths), lengths)
    return steps
