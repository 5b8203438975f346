"""What words are made of: the fields that a template names, for a batch of rows, in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.fields import FIELDS
from vefa.crm.scope import Scope
from vefa.crm.tables import order_lines, orders, products, returns
from vefa.crm.values import MoneyAmount
from vefa.database import among, other

Context = dict[str, Any]
SEPARATOR = "\x1f"

#: Fields of `order.lines`, which only words can name.
ORDER_LINES = "order.lines"


def read_contexts(
    connection: Connection, scope: Scope, key: Any, source: Any, ids: Sequence[int], names: Iterable[str]
) -> dict[int, Context]:
    """Nested dicts of the named fields by row key. `source` is what `key` and the scope's columns stand in.

    Instants come in the customer's own zone, money with its currency. Names that are no fields are left to the caller.
    """
    wanted = sorted({name for name in names if name in FIELDS} | {"customer.zone", "customer.language"})
    columns = [_column(name, scope).label(f"f{n}") for n, name in enumerate(wanted)]
    extras = [_currency_of_order(scope), _currency_of_return(scope)]
    order_id = sa.null() if scope.order_id is None else scope.order_id
    rows = connection.execute(sa.select(key, order_id, *extras, *columns).select_from(source).where(among(key, ids)))
    lines: Mapping[int, list[Context]] = {}
    found = rows.all()
    if ORDER_LINES in names:
        lines = read_order_lines(connection, [row[1] for row in found if row[1] is not None])
    contexts = {}
    for row in found:
        values = dict(zip(wanted, row[4:], strict=True))
        zone = ZoneInfo(values["customer.zone"])
        currencies = {"order": row[2], "return": row[3], "orders": scope.world.shop.currency}
        context = _nest(values, zone, currencies)
        if ORDER_LINES in names:
            context.setdefault("order", {})["lines"] = lines.get(row[1], [])
        contexts[row[0]] = context
    return contexts


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


def _nest(values: Mapping[str, Any], zone: ZoneInfo, currencies: Mapping[str, str | None]) -> Context:
    context: Context = {}
    for name, value in values.items():
        home, _, field = name.partition(".")
        context.setdefault(home, {})[field] = _readable(value, FIELDS[name].kind, zone, currencies.get(home))
    return context


def _readable(value: Any, kind: str, zone: ZoneInfo, currency: str | None) -> Any:
    if kind == "list":
        return [] if value is None else list(dict.fromkeys(str(value).split(SEPARATOR)))
    match value:
        case datetime():
            return value.astimezone(zone)
        case Decimal() if kind == "money" and currency:
            return MoneyAmount(value, currency)
        case int() if kind == "bool":
            return bool(value)
    return value


def read_order_lines(connection: Connection, order_ids: Sequence[int]) -> dict[int, list[Context]]:
    """The lines of each order as a customer reads them: name, quantity, price (of the line), image_url, url."""
    query = (
        sa.select(
            order_lines.c.order_id,
            products.c.name,
            order_lines.c.quantity,
            order_lines.c.unit_price,
            orders.c.currency,
            products.c.image_url,
            products.c.url,
            products.c.category,
        )
        .join_from(order_lines, products, products.c.id == order_lines.c.product_id)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(among(order_lines.c.order_id, order_ids))
        .order_by(order_lines.c.order_id, order_lines.c.line)
    )
    found: dict[int, list[Context]] = {}
    for order_id, name, quantity, price, currency, image_url, url, category in connection.execute(query):
        line = {
            "name": name,
            "quantity": quantity,
            "price": MoneyAmount(price * quantity, currency),
            "image_url": image_url,
            "url": url,
            "category": category,
        }
        found.setdefault(order_id, []).append(line)
    return found
