"""Guides to what customers bought: pages that show how a product is used, one statement for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted
from vefa.crm.tables import order_lines, orders, products
from vefa.database import among, other

Guide = dict[str, Any]


def read_guides(
    connection: Connection, customers: Sequence[int], order_ids: Sequence[int | None], now: datetime
) -> list[list[Guide]]:
    """For each customer the guides of the order at hand, else of their last one: name and url of each product that has
    one."""
    nobody = {customer for customer, order in zip(customers, order_ids, strict=True) if order is None}
    named = _guides(connection, orders.c.id, {order for order in order_ids if order is not None}, sa.true())
    last = _guides(connection, orders.c.customer_id, nobody, _is_last(now)) if nobody else {}
    return [
        last.get(customer, []) if order is None else named.get(order, [])
        for customer, order in zip(customers, order_ids, strict=True)
    ]


def _guides(connection: Connection, whose: Any, ids: set[int], which: Any) -> dict[int, list[Guide]]:
    line, product = order_lines.c, products.c
    query = (
        sa.select(whose, product.name, product.guide_url)
        .join_from(orders, order_lines, line.order_id == orders.c.id)
        .join(products, product.id == line.product_id)
        .where(among(whose, ids), which, product.guide_url.is_not(None))
        .order_by(whose, line.line)
    )
    found: dict[int, dict[str, Guide]] = {}
    for owner, name, url in connection.execute(query):
        found.setdefault(owner, {}).setdefault(url, {"name": name, "url": url})
    return {owner: list(guides.values()) for owner, guides in found.items()}


def _is_last(now: datetime) -> Any:
    """Of all orders of the customer that count as of `now`."""
    o = orders.c
    later = other(orders)
    last = (
        sa.select(later.c.id)
        .where(later.c.customer_id == o.customer_id, counted(now, later.c))
        .order_by(later.c.placed_at.desc(), later.c.id.desc())
        .limit(1)
    )
    return o.id == last.correlate_except(later).scalar_subquery()
