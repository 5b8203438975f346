"""Roll-ups say what the dated rows say, whenever they serve (rule 24), in both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.stage import Theatre, empty
from vefa.crm import facts, tables
from vefa.crm.happenings import mark_stale
from vefa.database import reading, writing
from vefa.settings import Shop

START = datetime(2026, 3, 1, tzinfo=UTC)
SHOP = Shop(currency="TRY", exchange_rates={"EUR": Decimal("38.4275"), "USD": Decimal("0.07")})
HOUR = timedelta(hours=1)

hours = st.integers(-50, 100)
#: (row, customer or nobody, total, currency, placed, known later by, cancelled and known then)
writes = st.tuples(
    st.integers(1, 6),
    st.sampled_from((1, 1, 2, 3, None)),
    st.decimals(0, 5_000, places=2),
    st.sampled_from(("TRY", "EUR", "USD", "CHF")),
    hours,
    st.integers(0, 20),
    st.none() | hours,
)
rounds = st.lists(st.tuples(st.lists(writes, max_size=4), st.integers(-5, 30)), min_size=1, max_size=5)


def write(connection: sa.Connection, order: tuple[Any, ...]) -> None:
    """Put in the order, or change all of it; whose numbers may have changed is marked, as importers do."""
    row, customer, total, currency, placed, lag, cancelled = order
    before = connection.scalar(sa.select(tables.orders.c.customer_id).where(tables.orders.c.id == row))
    at = START + placed * HOUR
    gone = None if cancelled is None else START + cancelled * HOUR
    values = {
        "id": row, "source": "shop", "outside_id": str(row), "number": str(row), "customer_id": customer,
        "total": total, "currency": currency, "placed_at": at, "placed_known_at": at + lag * HOUR,
        "cancelled_at": gone, "cancelled_known_at": gone,
    }  # fmt: skip
    connection.execute(sa.delete(tables.orders).where(tables.orders.c.id == row))
    connection.execute(sa.insert(tables.orders).values(values))
    mark_stale(connection, [one for one in (before, customer) if one is not None])


def numbers(connection: sa.Connection, base: Any) -> dict[int, tuple[Any, ...]]:
    c = base.c
    query = sa.select(c.customer_id, c.orders_count, c.orders_revenue, c.orders_first_at, c.orders_last_at)
    return {row[0]: tuple(row[1:]) for row in connection.execute(query) if row[1]}


def replay(theatre: Theatre, story: list[tuple[list[Any], int]]) -> list[dict[int, tuple[Any, ...]]]:
    """The numbers after each round; rolled up and dated must agree on the way."""
    empty(theatre.engine)
    told = []
    with writing(theatre.engine) as connection:
        for number in (1, 2, 3):
            person = {"id": number, "outside_id": str(number), "zone": "UTC", "known_at": START, "bucket": number}
            connection.execute(sa.insert(tables.customers).values(person))
    now = START
    for orders, pause in story:
        now += pause * HOUR
        with writing(theatre.engine) as connection:
            for order in orders:
                write(connection, order)
        source = facts.refresh(theatre.engine, now, SHOP)
        with reading(theatre.engine) as connection:
            dated = numbers(connection, facts.dated(now, SHOP).subquery())
            if source == "rolled":
                assert numbers(connection, tables.facts) == dated
            assert facts.borders(connection, now, SHOP, source) == facts.borders(connection, now, SHOP, "dated")
        told.append(dated)
    return told


@settings(max_examples=max(40, settings().max_examples // 10))
@given(rounds)
def test_rolled_up_and_dated_numbers_agree(theatre: Theatre, story: list[tuple[list[Any], int]]) -> None:
    replay(theatre, story)


@settings(max_examples=max(15, settings().max_examples // 20))
@given(rounds)
def test_both_databases_count_alike(
    theatre: Theatre, postgresql_theatre: Theatre, story: list[tuple[list[Any], int]]
) -> None:
    assert replay(theatre, story) == replay(postgresql_theatre, story)
