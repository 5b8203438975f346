"""What sells best, in the shop and in each category: for whom nothing goes with what they bought."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted
from vefa.crm.tables import order_lines, orders, products

#: Product ids by category, "" for the whole shop; the most bought first.
Shelves = dict[str, list[int]]
#: Best-sellers of this long.
PERIOD = timedelta(days=90)
#: They are taken for the same for so long.
FRESH = timedelta(hours=1)
#: So many of each category are looked at.
DEPTH = 24


def best_sellers(connection: Connection, now: datetime) -> Shelves:
    """Per category its products in stock, most bought of late first. "" holds the whole shop's."""
    bought = sa.func.coalesce(sa.func.sum(order_lines.c.quantity), 0)
    recent = (
        sa.select(order_lines.c.product_id, bought.label("pieces"))
        .join_from(order_lines, orders, orders.c.id == order_lines.c.order_id)
        .where(orders.c.placed_at > now - PERIOD, counted(now))
        .group_by(order_lines.c.product_id)
        .subquery()
    )
    pieces = sa.func.coalesce(recent.c.pieces, 0)
    p = products.c
    query = (
        sa.select(p.id, p.category)
        .outerjoin_from(products, recent, recent.c.product_id == p.id)
        .where(p.in_stock, sa.not_(p.gift_card))
        .order_by(pieces.desc(), p.id)
    )
    shelves: Shelves = {"": []}
    for product, category in connection.execute(query):
        for shelf in {"", category or ""}:
            held = shelves.setdefault(shelf, [])
            if len(held) < DEPTH:
                held.append(product)
    return shelves


class BestSellers:
    """The shop's best-sellers, read once for a step and not for each batch of it. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: tuple[datetime, Shelves] | None = None

    def read(self, connection: Connection, now: datetime) -> Shelves:
        """As of `now`, or of less than an hour before."""
        with self._lock:
            if self._found is None or not timedelta(0) <= now - self._found[0] < FRESH:
                self._found = now, best_sellers(connection, now)
            return self._found[1]
