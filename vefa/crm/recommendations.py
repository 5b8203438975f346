"""What else a customer may like: best-sellers of their categories that they do not have yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted
from vefa.crm.tables import order_lines, orders, products
from vefa.crm.values import MoneyAmount
from vefa.database import among

Suggestion = dict[str, Any]
#: By category, "" for the whole shop: (product id, its words), the most bought first.
Shelves = dict[str, list[tuple[int, Suggestion]]]
#: Best-sellers of this long.
PERIOD = timedelta(days=90)
#: They are taken for the same for so long.
FRESH = timedelta(hours=1)
#: So many of each category are looked at.
DEPTH = 24


def best_sellers(connection: Connection, now: datetime) -> Shelves:
    """Per category its products in stock, most bought of late first: (product id, words). "" holds the whole shop's."""
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
        sa.select(p.id, p.name, p.price, p.currency, p.url, p.image_url, p.category)
        .outerjoin_from(products, recent, recent.c.product_id == p.id)
        .where(p.in_stock)
        .order_by(pieces.desc(), p.id)
    )
    shelves: Shelves = {"": []}
    for row in connection.execute(query):
        price = MoneyAmount(row.price, row.currency) if row.price is not None and row.currency else None
        item = {"name": row.name, "price": price, "url": row.url, "image_url": row.image_url, "category": row.category}
        for shelf in ("", row.category or ""):
            held = shelves.setdefault(shelf, [])
            if len(held) < DEPTH and (not held or held[-1][0] != row.id):
                held.append((row.id, item))
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


def recommend(
    connection: Connection, shelves: Shelves, customer_ids: Sequence[int], count: int, now: datetime
) -> dict[int, list[Suggestion]]:
    """`count` suggestions for each customer, of the categories they bought from last, else of the whole shop."""
    query = (
        sa.select(orders.c.customer_id, products.c.id, products.c.category)
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .join(products, products.c.id == order_lines.c.product_id)
        .where(among(orders.c.customer_id, set(customer_ids)), counted(now))
        .order_by(orders.c.placed_at.desc(), order_lines.c.line)
    )
    has: dict[int, set[int]] = {}
    likes: dict[int, dict[str, None]] = {}
    for customer_id, product_id, category in connection.execute(query):
        has.setdefault(customer_id, set()).add(product_id)
        likes.setdefault(customer_id, {})[category or ""] = None
    return {
        customer: _pick(shelves, list(likes.get(customer, {})), has.get(customer, set()), count)
        for customer in set(customer_ids)
    }


def _pick(shelves: Shelves, likes: list[str], has: set[int], count: int) -> list[Suggestion]:
    """One of each liked category in turn, then the next; the whole shop's best where these run out."""
    chosen: dict[int, Suggestion] = {}
    queues = [[item for item in shelves.get(name, ()) if item[0] not in has] for name in likes]
    for depth in range(DEPTH):
        for queue in queues:
            if depth < len(queue) and len(chosen) < count:
                chosen.setdefault(*queue[depth])
    for product_id, item in shelves[""]:
        if len(chosen) < count and product_id not in has:
            chosen.setdefault(product_id, item)
    return list(chosen.values())
