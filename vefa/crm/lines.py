"""An order's lines as a sender tells them with the order: all of them, with products that may be new."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.readings import Habits
from vefa.crm.parts import Parts
from vefa.crm.tables import order_lines, products
from vefa.database import Money, Quantity, among, inserting

LINES = Parts(
    "line",
    "lines",
    {
        "product": "line",
        "name": "line",
        "variant": "line",
        "quantity": "quantity",
        "unit_price": "money",
        "gift_card": "boolean",
    },
    needed=("product", "quantity", "unit_price"),
    most=1000,
    longest=500,
    meant={"quantity": Quantity.scale},
)


@dataclass(frozen=True)
class Line:
    """One line."""

    product: str
    name: str | None
    quantity: Decimal
    unit_price: Decimal
    variant: str | None = None
    gift_card: bool = False


def line_price(line: Any) -> sa.ColumnElement[int]:
    """Ten-thousandths that a line costs, over the columns of `order_lines`: quantity times price, rounded half up.

    In whole numbers, the same on both databases: casts from floating point round on one and cut on the other. Pieces
    and fractions apart, so that dear things by the thousand stay within 64 bits.
    """
    scale, half = sa.literal(Quantity.scale, sa.BigInteger), Quantity.scale // 2
    quantity = sa.type_coerce(line.quantity, sa.BigInteger)
    price = sa.type_coerce(line.unit_price, sa.BigInteger)
    part = sa.type_coerce(quantity.op("%", precedence=8)(scale), sa.BigInteger) * price
    rounded = sa.case((part < 0, part - half), else_=part + half)
    return quantity.op("/", precedence=8)(scale) * price + rounded.op("/", precedence=8)(scale)


def price_of(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """What a line costs: the same, outside the database."""
    return (quantity * unit_price).quantize(Decimal(1) / Money.scale, ROUND_HALF_UP)


def read_lines(given: Any, habits: Habits) -> tuple[list[Line], str | None]:
    """The lines, or what is wrong with the first that is wrong."""
    parts, problem = LINES.read(given, habits)
    return [_line(part) for part in parts], problem


def _line(said: dict[str, Any]) -> Line:
    price = Decimal(said["unit_price"]) / Money.scale
    quantity = Decimal(said["quantity"]) / Quantity.scale
    return Line(said["product"], said.get("name"), quantity, price, said.get("variant"), bool(said.get("gift_card")))


def put_lines(connection: Connection, lines: dict[int, list[Line]], source: str) -> None:
    """Each order's lines, in the place of those it had. A product that nobody knows is made, by its name."""
    if not lines:
        return
    connection.execute(sa.delete(order_lines).where(among(order_lines.c.order_id, sorted(lines))))
    if not any(lines.values()):
        return
    named = {line.product: line.name or line.product for those in lines.values() for line in those}
    rows = [{"source": source, "outside_id": product, "name": name} for product, name in sorted(named.items())]
    new = inserting(connection, products).on_conflict_do_nothing(index_elements=["source", "outside_id"])
    connection.execute(new, rows)
    query = sa.select(products.c.outside_id, products.c.id).where(products.c.source == source)
    ids = dict(connection.execute(query.where(products.c.outside_id.in_(sorted(named)))).tuples().all())
    _note_gift_cards(connection, {ids[line.product] for those in lines.values() for line in those if line.gift_card})
    told = [
        {
            "order_id": order,
            "line": number,
            "product_id": ids[line.product],
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "variant": line.variant,
        }
        for order, those in lines.items()
        for number, line in enumerate(those, start=1)
    ]
    connection.execute(sa.insert(order_lines), told)


def _note_gift_cards(connection: Connection, product_ids: set[int]) -> None:
    if product_ids:
        fresh = among(products.c.id, sorted(product_ids), sa.not_(products.c.gift_card))
        connection.execute(sa.update(products).where(fresh).values(gift_card=True))
