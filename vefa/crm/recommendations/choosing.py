"""What is suggested to each customer of a batch, in a fixed number of statements for all of them.

What goes with the order at hand comes first, then what goes with their last orders, then the best-sellers of the
categories they bought from, then the shop's. Nothing is suggested that they have, that they sent back, or that is
out of stock at this moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.recommendations.best_sellers import DEPTH, BestSellers, Shelves
from vefa.crm.recommendations.history import Histories, History
from vefa.crm.recommendations.linked import Kind, Link, Linked
from vefa.crm.tables import products
from vefa.crm.values import MoneyAmount
from vefa.database import among

#: As templates see it: name, price, url, image_url, category, because.
Suggestion = dict[str, Any]
#: So many more than asked for are chosen, for those that are out of stock.
SPARE = 6


@dataclass(frozen=True)
class Chosen:
    """A product for a customer. `because` is the product it goes with, and how; None for a best-seller."""

    product: int
    because: int | None = None
    kind: Kind | None = None
    times: int = 0


@dataclass(frozen=True)
class Recommender:
    """What the shop's suggestions are made of, kept from batch to batch."""

    best: BestSellers = field(default_factory=BestSellers)
    linked: Linked = field(default_factory=Linked)
    histories: Histories = field(default_factory=Histories)

    def recommend(
        self, connection: Connection, customers: Sequence[int], orders: Sequence[int | None], count: int, now: datetime
    ) -> list[list[Suggestion]]:
        """`count` suggestions for each, or as many as there are; row n is customer n with the order at hand, if any."""
        return [
            [suggestion for _, suggestion in row] for row in self.explain(connection, customers, orders, count, now)
        ]

    def explain(
        self, connection: Connection, customers: Sequence[int], orders: Sequence[int | None], count: int, now: datetime
    ) -> list[list[tuple[Chosen, Suggestion]]]:
        """The same, each with how it was chosen."""
        shelves = self.best.read(connection, now)
        histories = self.histories.read(connection, customers, now)
        theirs = [histories.get(customer, History()) for customer in customers]
        bases = [(one.of_order(order), one.recent(now)) for one, order in zip(theirs, orders, strict=True)]
        links = self.linked.read(connection, {each for pair in bases for basis in pair for each in basis}, now)
        rows = [
            _chosen(history, basis, links, shelves, count + SPARE) for history, basis in zip(theirs, bases, strict=True)
        ]
        return _in_words(connection, rows, count)


def _chosen(
    history: History,
    bases: tuple[Mapping[int, float], ...],
    links: Mapping[int, tuple[Link, ...]],
    shelves: Shelves,
    count: int,
) -> list[Chosen]:
    chosen: dict[int, Chosen] = {}
    for one in _candidates(history, bases, links, shelves):
        if one.product not in history.has:
            chosen.setdefault(one.product, one)
        if len(chosen) == count:
            break
    return list(chosen.values())


def _candidates(
    history: History,
    bases: tuple[Mapping[int, float], ...],
    links: Mapping[int, tuple[Link, ...]],
    shelves: Shelves,
) -> Iterator[Chosen]:
    """The best first; some of them several times."""
    for basis in bases:
        yield from _going_with(basis, links)
    queues = [shelves.get(name, []) for name in history.likes]
    for depth in range(DEPTH):
        for queue in queues:
            if depth < len(queue):
                yield Chosen(queue[depth])
    yield from map(Chosen, shelves[""])


def _going_with(basis: Mapping[int, float], links: Mapping[int, tuple[Link, ...]]) -> Iterator[Chosen]:
    """What goes with these products: the weights of all links to it together, the strongest link as its reason."""
    totals: dict[int, float] = {}
    reasons: dict[int, tuple[float, int, Kind, int]] = {}
    for product, share in basis.items():
        for other, kind, weight, times in links.get(product, ()):
            strength = share * weight
            totals[other] = totals.get(other, 0.0) + strength
            if other not in reasons or strength > reasons[other][0]:
                reasons[other] = strength, product, kind, times
    for other in sorted(totals, key=lambda each: (-totals[each], each)):
        yield Chosen(other, *reasons[other][1:])


def _in_words(
    connection: Connection, rows: Sequence[Sequence[Chosen]], count: int
) -> list[list[tuple[Chosen, Suggestion]]]:
    """The first `count` of each that are in stock now, with their words."""
    ids = {product for row in rows for one in row for product in (one.product, one.because) if product is not None}
    p = products.c
    goods = sa.and_(p.in_stock, sa.not_(p.gift_card)).label("in_stock")
    query = sa.select(p.id, p.name, p.price, p.currency, p.url, p.image_url, p.category, goods)
    found = {row.id: row for row in connection.execute(query.where(among(p.id, ids)))}
    told: dict[tuple[int, int | None], Suggestion] = {}
    words = []
    for row in rows:
        there = [one for one in row if found[one.product].in_stock][:count]
        for one in there:
            if (one.product, one.because) not in told:
                told[one.product, one.because] = _words(found, one)
        words.append([(one, told[one.product, one.because]) for one in there])
    return words


def _words(found: Mapping[int, Any], one: Chosen) -> Suggestion:
    row = found[one.product]
    price = MoneyAmount(row.price, row.currency) if row.price is not None and row.currency else None
    because = found[one.because].name if one.because is not None else None
    words = {"name": row.name, "price": price, "url": row.url, "image_url": row.image_url, "category": row.category}
    return {**words, "because": because}
