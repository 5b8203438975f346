"""A shop of products and orders alone, put in by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from vefa.crm.identity import bucket
from vefa.crm.recommendations.choosing import Chosen, Recommender
from vefa.crm.tables import customers, order_lines, orders, products, returns
from vefa.database import reading, writing

NOON = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)


class Goods:
    """What is sold, and who bought it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids: dict[str, int] = {}
        self._numbers = count(1)

    def product(self, name: str, category: str = "Ev", *, in_stock: bool = True, **columns: Any) -> int:
        given = {"name": name, "category": category, "in_stock": in_stock, "price": Decimal(100), "currency": "TRY"}
        (self.ids[name],) = self._insert(products, {"source": "shop", "outside_id": name, **given, **columns})
        return self.ids[name]

    def products(self, names: str, category: str = "Ev") -> None:
        for name in names.split():
            self.product(name, category)

    def customer(self) -> int:
        return self.customers(1)[0]

    def customers(self, times: int) -> list[int]:
        numbers = [f"G-{next(self._numbers)}" for _ in range(times)]
        known = {"zone": "Europe/Istanbul", "known_at": NOON - 900 * DAY}
        return self._insert(customers, *({"outside_id": each, "bucket": bucket(each), **known} for each in numbers))

    def order(self, customer: int | None, names: str, days_ago: float = 10, **columns: Any) -> int:
        """The products by name, as they were bought so many days before NOON."""
        return self._orders([customer], names, days_ago, columns)[0]

    def orders(self, times: int, names: str, days_ago: float = 10) -> None:
        """So many customers who bought the same."""
        self._orders(self.customers(times), names, days_ago, {})

    def _orders(self, whose: Sequence[int | None], names: str, days_ago: float, columns: dict[str, Any]) -> list[int]:
        placed = NOON - days_ago * DAY
        given = {
            "source": "shop",
            "total": Decimal(1),
            "currency": "TRY",
            "placed_at": placed,
            "placed_known_at": placed,
        }
        numbers = [f"o-{next(self._numbers)}" for _ in whose]
        rows = [
            {**given, "customer_id": customer, "outside_id": number, "number": number, **columns}
            for customer, number in zip(whose, numbers, strict=True)
        ]
        made = self._insert(orders, *rows)
        one = {"quantity": 1, "unit_price": Decimal(1)}
        lines = [
            {"order_id": order, "line": n, "product_id": self.ids[name], **one}
            for order in made
            for n, name in enumerate(names.split(), 1)
        ]
        with writing(self.engine) as connection:
            connection.execute(sa.insert(order_lines), lines)
        return made

    def send_back(self, customer: int, order: int | None, known: datetime = NOON - DAY) -> None:
        given = {"customer_id": customer, "order_id": order, "requested_at": known, "requested_known_at": known}
        self._insert(returns, {"source": "shop", "outside_id": f"r-{next(self._numbers)}", **given})

    def sell_out(self, name: str) -> None:
        with writing(self.engine) as connection:
            connection.execute(sa.update(products).where(products.c.id == self.ids[name]).values(in_stock=False))

    def chosen(
        self,
        customers: Sequence[int],
        *,
        orders: Sequence[int | None] | None = None,
        count: int = 3,
        now: datetime = NOON,
        recommender: Recommender | None = None,
    ) -> list[list[tuple[Chosen, dict[str, Any]]]]:
        with reading(self.engine) as connection:
            whole = recommender or Recommender()
            return whole.explain(connection, customers, orders or [None] * len(customers), count, now)

    def names(self, customer: int, order: int | None = None, **more: Any) -> list[str]:
        """What one customer would be shown."""
        (row,) = self.chosen([customer], orders=[order], **more)
        return [words["name"] for _, words in row]

    def _insert(self, table: sa.Table, *rows: dict[str, Any]) -> list[int]:
        with writing(self.engine) as connection:
            made = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
            return list(connection.scalars(made, list(rows)))
