"""The demo shop as a whole: made group by group, so that its size costs time and not memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm import tables
from vefa.crm.demo_shop.aftersales import AfterSales, FirstNumbers, draw_after_sales
from vefa.crm.demo_shop.catalogue import ARTICLES
from vefa.crm.demo_shop.draws import Draws
from vefa.crm.demo_shop.lives import Span, draw_lives
from vefa.crm.demo_shop.loading import Columns, continue_numbers, load
from vefa.crm.demo_shop.people import People, draw_people
from vefa.crm.demo_shop.purchases import Purchases, draw_purchases
from vefa.crm.happenings import FACT_TABLES, Kind, mark_stale_of, record_events_of
from vefa.crm.states import object_states
from vefa.crm.ticket_messages import ticket_messages
from vefa.database import DAY, reading, to_micros, writing
from vefa.errors import UserError
from vefa.settings import Settings

#: Customers per group and transaction: a whole number of people.ROW.
GROUP = 4_000
MONTH = 30.4375
#: What a euro is worth where the settings do not say.
EURO = 45.0


@dataclass(frozen=True)
class DemoShopSummary:
    """How many rows the demo shop has."""

    customers: int = 0
    contacts: int = 0
    consents: int = 0
    products: int = 0
    orders: int = 0
    order_lines: int = 0
    deliveries: int = 0
    returns: int = 0
    tickets: int = 0
    ticket_messages: int = 0
    reviews: int = 0
    survey_answers: int = 0
    events: int = 0


def make_demo_shop(
    engine: Engine,
    customers: int,
    months: int,
    seed: int,
    settings: Settings,
    end: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> DemoShopSummary:
    """Fill an empty store with a shop of that many customers and months of history up to `end`.

    The same arguments make the same rows, on both databases. `progress` hears of customers done and of all.
    """
    if customers < 1 or months < 1:
        raise UserError("A demo shop needs at least one customer and one month.")
    _refuse_a_store_in_use(engine)
    last = to_micros(end)
    span = Span(last - int(months * MONTH * DAY), last)
    euro = float(settings.shop.exchange_rates.get("EUR", EURO))
    counts = {field.name: 0 for field in fields(DemoShopSummary)}
    with writing(engine) as connection:
        counts["products"] = load(connection, tables.products, _product_columns())
    for group, low in enumerate(range(1, customers + 1, GROUP)):
        high = min(low + GROUP, customers + 1)
        draws = Draws(seed, group)
        rows = _draw_group(draws, low, high, span, counts, euro)
        with writing(engine) as connection:
            _store(connection, rows, counts)
        if progress:
            progress(high - 1, customers)
    with writing(engine) as connection:
        continue_numbers(connection, [table for table in _ORDER if "id" in table.c] + [tables.products])
    return DemoShopSummary(**counts)


def _refuse_a_store_in_use(engine: Engine) -> None:
    with reading(engine) as connection:
        used = (
            connection.execute(sa.select(tables.customers.c.id).limit(1)).first()
            or connection.execute(sa.select(tables.products.c.id).limit(1)).first()
        )
    if used:
        raise UserError(
            f"The store {engine.url.render_as_string()} already has customers or products. The demo shop needs one "
            "of its own: name another database_url, or remove this one."
        )


def _product_columns() -> Columns:
    count = len(ARTICLES)
    return {
        "id": list(range(1, count + 1)),
        "source": ["demo"] * count,
        "outside_id": [article.outside_id for article in ARTICLES],
        "name": [article.name for article in ARTICLES],
        "category": [article.category for article in ARTICLES],
        "brand": [article.brand for article in ARTICLES],
        "price": [int(article.price * 10_000) for article in ARTICLES],
        "currency": ["TRY"] * count,
        "url": [article.url for article in ARTICLES],
        "image_url": [article.image_url for article in ARTICLES],
        "guide_url": [article.guide_url for article in ARTICLES],
        "in_stock": [number % 17 != 16 for number in range(count)],
    }


#: Parents before children.
_ORDER = (
    tables.customers,
    tables.contacts,
    tables.consents,
    tables.orders,
    tables.order_lines,
    tables.deliveries,
    tables.returns,
    tables.tickets,
    ticket_messages,
    tables.reviews,
    tables.survey_answers,
)


def _draw_group(
    draws: Draws, low: int, high: int, span: Span, counts: Mapping[str, int], euro: float
) -> dict[sa.Table, Columns]:
    """The rows of the customers low to high - 1, numbered on from what there is."""
    numbers = np.arange(low, high, dtype=np.int64)
    lives = draw_lives(draws, numbers, span)
    people = draw_people(draws, numbers, lives.created, span)
    bought = draw_purchases(draws, people, lives, span, counts["orders"] + 1, counts["deliveries"] + 1, euro)
    first = FirstNumbers(
        returns=counts["returns"] + 1,
        tickets=counts["tickets"] + 1,
        reviews=counts["reviews"] + 1,
        answers=counts["survey_answers"] + 1,
        messages=counts["ticket_messages"] + 1,
    )
    return _rows(people, bought, draw_after_sales(draws, people, bought, span, first))


def _rows(people: People, bought: Purchases, after: AfterSales) -> dict[sa.Table, Columns]:
    return dict(
        zip(
            (*_ORDER, object_states),
            (
                people.customers,
                people.contacts,
                people.consents,
                bought.orders,
                bought.lines,
                bought.deliveries,
                after.returns,
                after.tickets,
                after.messages,
                after.reviews,
                after.answers,
                after.stages,
            ),
            strict=True,
        )
    )


def _store(connection: Connection, rows: Mapping[sa.Table, Columns], counts: dict[str, int]) -> None:
    """One group's rows, the events they make, and the note that its customers' roll-ups are to be made."""
    for table in _ORDER:
        counts[table.name] += load(connection, table, rows[table])
    load(connection, object_states, rows[object_states])
    for kind, fact in FACT_TABLES.items():
        if fact.table in rows:
            counts["events"] += _record(connection, kind, rows[fact.table])
    bought = tables.orders.c.id.between(*_range(rows[tables.orders])) if rows[tables.orders]["id"] else sa.false()
    mark_stale_of(connection, sa.select(tables.orders.c.customer_id).where(bought))


def _record(connection: Connection, kind: Kind, columns: Columns) -> int:
    if not columns["id"]:
        return 0
    ids = FACT_TABLES[kind].table.c.id
    return record_events_of(connection, kind, sa.select(ids).where(ids.between(*_range(columns))))


def _range(columns: Columns) -> tuple[int, int]:
    """A group's ids follow each other."""
    return columns["id"][0], columns["id"][-1]
