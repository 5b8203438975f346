"""What words are made of: the fields that a template names, for a batch of rows, in a handful of statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.fields import FIELDS
from vefa.crm.lines import price_of
from vefa.crm.scope import Scope
from vefa.crm.tables import order_lines, orders, products, returns
from vefa.crm.values import MoneyAmount
from vefa.database import Money, among, from_micros, other

Context = dict[str, Any]
SEPARATOR = "\x1f"

#: Fields of `order.lines`, which only words can name.
ORDER_LINES = "order.lines"


@dataclass(frozen=True)
class FieldColumns:
    """The fields that some words name: what to select for them, and how to read what the driver gave."""

    names: tuple[str, ...]
    currency: str

    @classmethod
    def of(cls, names: Iterable[str], currency: str) -> FieldColumns:
        """Names that are no fields are left to the caller. `currency` is the shop's own."""
        return cls(tuple(sorted({name for name in names if name in FIELDS})), currency)

    @property
    def _homes(self) -> tuple[str, ...]:
        """Homes of amounts whose currency stands beside them."""
        homes = {name.partition(".")[0] for name in self.names if FIELDS[name].kind == "money"}
        return tuple(sorted(homes & set(_CURRENCIES)))

    def select(self, scope: Scope) -> list[Any]:
        """The columns, in the order in which `read` wants them."""
        return [*(_column(name, scope) for name in self.names), *(_CURRENCIES[home](scope) for home in self._homes)]

    def read(self, columns: Sequence[Sequence[Any]], zones: Sequence[str]) -> dict[str, Sequence[Any]]:
        """Values by name, a row each, from the selected columns: instants in the customer's own zone, money with its
        currency."""
        currencies = dict(zip(self._homes, columns[len(self.names) :], strict=True))
        found: dict[str, Sequence[Any]] = {}
        for name, column in zip(self.names, columns, strict=False):
            kind, home = FIELDS[name].kind, name.partition(".")[0]
            if kind == "money":
                beside = currencies.get(home, (self.currency if home in ("orders", "loyalty") else None,) * len(column))
                found[name] = list(map(_money, column, beside))
            elif kind == "time":
                found[name] = list(map(_moment, column, zones))
            else:
                found[name] = list(map(_READERS[kind], column)) if kind in _READERS else column
        return found


def _money(value: int | None, currency: str | None) -> Any:
    if value is None:
        return None
    amount = Decimal(value) / Money.scale
    return MoneyAmount(amount, currency) if currency else amount


def _moment(value: int | None, zone: str) -> datetime | None:
    return None if value is None else from_micros(value).astimezone(ZoneInfo(zone))


def as_day(value: Any) -> date | None:
    """A date as the driver gives it: text on SQLite."""
    return date.fromisoformat(value) if isinstance(value, str) else value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "date": as_day,
    "bool": lambda value: None if value is None else bool(value),
    "list": lambda value: [] if value is None else list(dict.fromkeys(str(value).split(SEPARATOR))),
}


def _column(name: str, scope: Scope) -> Any:
    field = FIELDS[name]
    value = field.sql(scope)
    if field.kind != "list":
        return value
    # A list comes as one text, its values told apart by a character that no name has.
    joined = sa.func.aggregate_strings(value.selected_columns["value"].element, SEPARATOR)
    return value.with_only_columns(joined, maintain_column_froms=True).scalar_subquery()


def _currency_of_order(scope: Scope) -> Any:
    o = other(orders)
    if scope.order_id is None:
        return sa.null()
    return sa.select(o.c.currency).where(o.c.id == scope.order_id).correlate_except(o).scalar_subquery()


def _currency_of_return(scope: Scope) -> Any:
    r = other(returns)
    if scope.object_kind not in (None, "return") or (scope.object_kind is None and scope.kind_at is None):
        return sa.null()
    mine = sa.true() if scope.kind_at is None else scope.kind_at == "return"
    return sa.select(r.c.currency).where(r.c.id == scope.object_id, mine).correlate_except(r).scalar_subquery()


_CURRENCIES: Mapping[str, Callable[[Scope], Any]] = {"order": _currency_of_order, "return": _currency_of_return}


def nested(columns: Mapping[str, Sequence[Any]], row: int) -> Context:
    """One row's values as templates see them: a group for each part before the dot."""
    context: Context = {}
    for name, column in columns.items():
        home, _, field = name.partition(".")
        if field:
            context.setdefault(home, {})[field] = column[row]
        else:
            context[home] = column[row]
    return context


def _pieces(quantity: Decimal) -> int | Decimal:
    """Whole pieces as a whole number: templates compare them with 1."""
    return int(quantity) if quantity == quantity.to_integral_value() else quantity


def read_order_lines(connection: Connection, order_ids: Sequence[int]) -> dict[int, list[Context]]:
    """The lines of each order as a customer reads them; the price is the whole line's."""
    query = (
        sa.select(
            order_lines.c.order_id,
            products.c.name,
            order_lines.c.quantity,
            order_lines.c.unit_price,
            order_lines.c.variant,
            orders.c.currency,
            products.c.image_url,
            products.c.url,
            products.c.guide_url,
            products.c.category,
            products.c.gift_card,
        )
        .join_from(order_lines, products, products.c.id == order_lines.c.product_id)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(among(order_lines.c.order_id, order_ids))
        .order_by(order_lines.c.order_id, order_lines.c.line)
    )
    found: dict[int, list[Context]] = {}
    for row in connection.execute(query):
        line = {
            "name": f"{row.name}, {row.variant}" if row.variant else row.name,
            "product": row.name,
            "variant": row.variant,
            "quantity": _pieces(row.quantity),
            "price": MoneyAmount(price_of(row.quantity, row.unit_price), row.currency),
            "image_url": row.image_url,
            "url": row.url,
            "guide_url": row.guide_url,
            "category": row.category,
            "gift_card": row.gift_card,
        }
        found.setdefault(row.order_id, []).append(line)
    return found
