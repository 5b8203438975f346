"""An order's lines as a sender tells them with the order: all of them, with products that may be new."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.maps import Column, unknown
from vefa.crm.importers.readings import Habits, Misfit, reader, written
from vefa.crm.people import inserting
from vefa.crm.tables import order_lines, products
from vefa.database import Money, among

#: Lines that an order may have here, and the keys of one.
MOST = 1000
#: Letters in a product's number or name.
LONGEST = 500
KEYS = {"product": "text", "name": "text", "quantity": "whole", "unit_price": "money"}


@dataclass(frozen=True)
class Line:
    """One line."""

    product: str
    name: str | None
    quantity: int
    unit_price: Decimal


def read_lines(given: Any, habits: Habits) -> tuple[list[Line], str | None]:
    """The lines, or what is wrong with the first that is wrong."""
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return [], "data: lines must be a list of lines, each with product, quantity and unit_price"
    if len(given) > MOST:
        return [], f"data: {len(given)} lines are more than the {MOST} that an order may have"
    lines = []
    for number, each in enumerate(given, start=1):
        line = _line(each, habits)
        if isinstance(line, str):
            return [], f"data: line {number}: {line}"
        lines.append(line)
    return lines, None


def _line(given: dict[str, Any], habits: Habits) -> Line | str:
    said: dict[str, Any] = {"quantity": 1}
    for key, value in given.items():
        if key not in KEYS:
            return unknown("key", key[:80], KEYS)
        if isinstance(value, dict | list):
            return f"{key} must be one value, not several"
        if len(written(value)) > LONGEST:
            return f"{key}: longer than anybody would write"
        read = reader(KEYS[key], Column(column=key), habits)(written(value))
        if isinstance(read, Misfit):
            return f"{key}: {read.reason}"
        said[key] = read
    lacking = [key for key in ("product", "quantity", "unit_price") if said.get(key) is None]
    if lacking:
        return f"needs {', '.join(lacking)}"
    price = Decimal(said["unit_price"]) / Money.scale
    return Line(said["product"], said.get("name"), said["quantity"], price)


def put_lines(connection: Connection, lines: dict[int, list[Line]], source: str) -> None:
    """Each order's lines, in the place of those it had. A product that nobody knows is made, by its name."""
    if not lines:
        return
    named = {line.product: line.name or line.product for those in lines.values() for line in those}
    rows = [{"source": source, "outside_id": product, "name": name} for product, name in sorted(named.items())]
    new = inserting(connection, products).on_conflict_do_nothing(index_elements=["source", "outside_id"])
    connection.execute(new, rows)
    query = sa.select(products.c.outside_id, products.c.id).where(products.c.source == source)
    ids = dict(connection.execute(query.where(products.c.outside_id.in_(sorted(named)))).tuples().all())
    connection.execute(sa.delete(order_lines).where(among(order_lines.c.order_id, sorted(lines))))
    told = [
        {
            "order_id": order,
            "line": number,
            "product_id": ids[line.product],
            "quantity": line.quantity,
            "unit_price": line.unit_price,
        }
        for order, those in lines.items()
        for number, line in enumerate(those, start=1)
    ]
    connection.execute(sa.insert(order_lines), told)
