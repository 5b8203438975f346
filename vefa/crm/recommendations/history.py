"""What customers of a batch bought, have and sent back: one statement for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted
from vefa.crm.tables import order_lines, orders, products, returns
from vefa.database import DAY, among, to_micros
from vefa.statements import Prepared

#: So many of their last orders, and products of these, say what they may like.
RECENT_ORDERS, RECENT_PRODUCTS = 5, 20
#: What was bought so long ago says half as much.
HALF_LIFE = 90 * DAY


@dataclass
class History:
    """One customer's: `has` are products never to be suggested; `likes` categories, the last bought first."""

    has: set[int] = field(default_factory=set)
    likes: dict[str, None] = field(default_factory=dict)
    #: by order: when, and its products
    _orders: dict[int, tuple[int, list[int]]] = field(default_factory=dict)

    def of_order(self, order: int | None) -> dict[int, float]:
        """The products of that order, all of the same weight."""
        found = self._orders.get(order) if order is not None else None
        return dict.fromkeys(found[1], 1.0) if found else {}

    def recent(self, now: datetime) -> dict[int, float]:
        """The products of the last orders; newer ones weigh more."""
        weights: dict[int, float] = {}
        newest = sorted(self._orders.items(), key=lambda each: (-each[1][0], -each[0]))
        for _, (placed, bought) in newest[:RECENT_ORDERS]:
            weight = 0.5 ** ((to_micros(now) - placed) / HALF_LIFE)
            for product in bought[: RECENT_PRODUCTS - len(weights)]:
                weights[product] = weights.get(product, 0.0) + weight
        return weights

    def add(self, order: int, placed: int, product: int, category: str | None, *, back: bool) -> None:
        """A line; of an order that came back, nothing is liked."""
        self.has.add(product)
        if not back:
            self.likes[category or ""] = None
            self._orders.setdefault(order, (placed, []))[1].append(product)


class Histories:
    """What customers bought, batch after batch."""

    def __init__(self) -> None:
        self._statement = Prepared(lambda now: sa.union_all(_bought(now), _sent_back(now)))

    def read(self, connection: Connection, customer_ids: Iterable[int], now: datetime) -> dict[int, History]:
        """By customer, for whoever bought or sent back anything that is known by `now`.

        A return names its order and not what was in the parcel: all of that order counts as sent back.
        """
        rows = list(self._statement.rows(connection, now, ids=set(customer_ids)))
        back = {(row[0], row[1]) for row in rows if row[-1]}
        # The newest order first, each in the order of its lines.
        rows.sort(key=itemgetter(3))
        rows.sort(key=itemgetter(2, 1), reverse=True)
        found: dict[int, History] = {}
        for customer, order, placed, _, product, category, _ in rows:
            if customer not in found:
                found[customer] = History()
            found[customer].add(order, placed, product, category, back=(customer, order) in back)
        return found


def _bought(now: datetime) -> sa.Select[Any]:
    o = orders.c
    return _lines(o.customer_id, 0).where(among(o.customer_id, "ids"), counted(now))


def _sent_back(now: datetime) -> sa.Select[Any]:
    r = returns.c
    lines = _lines(r.customer_id, 1).join(returns, r.order_id == orders.c.id)
    return lines.where(among(r.customer_id, "ids"), r.requested_known_at <= now)


def _lines(customer: Any, back: int) -> sa.Select[Any]:
    o, line, product = orders.c, order_lines.c, products.c
    placed = sa.type_coerce(o.placed_at, sa.BigInteger)
    columns = (customer, o.id, placed, line.line, line.product_id, product.category)
    source = sa.select(*columns, sa.literal(back, sa.Integer)).join_from(orders, order_lines, line.order_id == o.id)
    return source.join(products, product.id == line.product_id)
