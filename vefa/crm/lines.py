"""An order's lines as a sender tells them with the order: all of them, with products that may be new."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.readings import Habits
from vefa.crm.parts import Parts
from vefa.crm.tables import order_lines, products
from vefa.database import Money, among, inserting

LINES = Parts(
    "line",
    "lines",
    {"product": "line", "name": "line", "quantity": "whole", "unit_price": "money"},
    needed=("product", "quantity", "unit_price"),
    most=1000,
    longest=500,
    meant={"quantity": 1},
)


@dataclass(frozen=True)
class Line:
    """One line."""

    product: str
    name: str | None
    quantity: int
    unit_price: Decimal


def read_lines(given: Any, habits: Habits) -> tuple[list[Line], str | None]:
    """The lines, or what is wrong with the first that is wrong."""
    parts, problem = LINES.read(given, habits)
    return [_line(part) for part in parts], problem


def _line(said: dict[str, Any]) -> Line:
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
