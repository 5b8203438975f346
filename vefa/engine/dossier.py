"""What is known of one customer, as they may ask to see it, and as JSON for them to take along."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.holdings import HOLDINGS, Holding

#: A row as it is told: values by name.
Row = dict[str, Any]
#: The order of reading: who it is first, then what they said, bought and got.
ORDER = (
    *(
        "customer",
        "addresses",
        "former_addresses",
        "consents",
        "consents_passed_on",
        "told_to_iys",
        "wishes",
        "refused_topics",
        "refused_tracking",
        "stops",
        "lifted_stops",
        "orders",
    ),
    *(
        "order_lines",
        "codes",
        "deliveries",
        "returns",
        "refunds",
        "tickets",
        "ticket_messages",
        "states",
        "reviews",
        "survey_answers",
        "tags",
        "answers",
        "coupons",
        "coupons_used",
        "points",
        "point_redemptions",
        "tiers",
        "journeys",
        "messages",
        "message_history",
        "errands",
    ),
    "events",
)


def dossier(connection: Connection, customer_id: int) -> dict[str, list[Row]]:
    """All that is told, by the name of its table, in the order of reading. Tables without a row are not there."""
    told = {holding.name: holding for holding in HOLDINGS if holding.told}
    found = {name: _rows(connection, told[name], customer_id) for name in ORDER}
    return {name: rows for name, rows in found.items() if rows}


def as_json(found: dict[str, list[Row]]) -> bytes:
    """For a person to take along, and for other programs to read: moments in UTC, amounts as text."""
    return orjson.dumps(found, default=_plain, option=orjson.OPT_INDENT_2)


def _rows(connection: Connection, holding: Holding, customer_id: int) -> list[Row]:
    columns = [*(value.label(name) for name, value in holding.more.items())]
    columns += [holding.table.c[name] for name in holding.told]
    key = next(iter(holding.table.primary_key))
    query = sa.select(*columns).where(holding.whose(customer_id)).order_by(key)
    return [_said(row._mapping) for row in connection.execute(query)]


def _said(row: Any) -> Row:
    """What is empty is not told."""
    return {
        str(name): _pieces(value) if name == "quantity" else value for name, value in row.items() if value is not None
    }


def _pieces(value: Decimal) -> int | str:
    """How much of something: 2, or "0.5"."""
    return int(value) if value == value.to_integral_value() else f"{value.normalize():f}"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
