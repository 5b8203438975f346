"""A big shop made by SQL alone: no row of it passes through Python, so a million customers take minutes, not hours.

Everything is arithmetic over the row's number, so the same figures make the same shop, on both databases. The shop is
kept in its folder and used again by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.happenings import record_events
from vefa.crm.identity import PRIME
from vefa.crm.tables import (
    consents,
    contacts,
    customers,
    events,
    orders,
    stale_facts,
    survey_answers,
    tickets,
)
from vefa.database import DAY, EPOCH, open_database, to_micros, writing
from vefa.settings import Settings
from vefa.store import open_store

#: A Tuesday, 12:00 in Istanbul.
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
#: Orders lie within so many days before.
DAYS = 1_100
ZONE = "Europe/Istanbul"
_FILLED = (customers, contacts, consents, orders, tickets, survey_answers, events)


@dataclass(frozen=True)
class Size:
    """How big the shop is; tickets and answers follow from it."""

    customers: int
    orders: int


def open_big_shop(size: Size, folder: Path, database: str | None = None) -> Engine:
    """The shop in `folder` (or at the URL `database`), made first if it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    url = database or f"sqlite:///{folder / f'shop-{size.customers}-{size.orders}.db'}"
    engine = open_store(Settings(root=folder, database_url=url))
    with engine.connect() as connection:
        held = connection.scalar(sa.select(sa.func.max(orders.c.id)))
    if held != size.orders:
        _fill(engine, size)
        engine.dispose()
        engine = open_database(url)
    return engine


def _fill(engine: Engine, size: Size) -> None:
    with _without_indexes(engine):
        for make in (_customers, _contacts, _consents, _orders, _tickets, _answers):
            with _bulk(engine) as connection:
                make(connection, size)
        for kind in ("customer", "order", "ticket", "survey"):
            with _bulk(engine) as connection:
                record_events(connection, kind, None)
    with _bulk(engine) as connection:
        ids = sa.select(customers.c.id)
        connection.execute(sa.insert(stale_facts).from_select(["customer_id"], ids))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


@contextmanager
def _bulk(engine: Engine) -> Iterator[Connection]:
    """A long write transaction: nobody else is there yet."""
    with writing(engine) as connection:
        yield connection


@contextmanager
def _without_indexes(engine: Engine) -> Iterator[None]:
    """Secondary indexes are made after the rows, which is several times faster; unique keys stay."""
    indexes = [index for table in _FILLED for index in table.indexes]
    with writing(engine) as connection:
        for index in indexes:
            index.drop(connection)
    yield
    for index in indexes:
        with writing(engine) as connection:
            index.create(connection)


def numbers(count: int) -> Any:
    """1 to `count`, as a table with the column `n`."""
    first = sa.select(sa.literal(1, sa.BigInteger).label("n")).cte("numbers", recursive=True)
    return first.union_all(sa.select(first.c.n + 1).where(first.c.n < count))


def drawn(n: Any, salt: int, below: int) -> Any:
    """A number in [0, below) that looks like chance."""
    return (n * pow(48_271, 97 * salt, PRIME) + salt) % PRIME % below


def _put(connection: Connection, table: sa.Table, count: int, values: Callable[[Any], dict[str, Any]]) -> None:
    source = numbers(count)
    given = values(source.c.n)
    connection.execute(sa.insert(table).from_select(list(given), sa.select(*given.values())))


def _text(prefix: str, n: Any) -> Any:
    return sa.literal(prefix, sa.Text) + sa.cast(n, sa.Text)


def _one_of(number: Any, *words: str) -> Any:
    return sa.case(*((number == place, word) for place, word in enumerate(words[1:], 1)), else_=words[0])


def _ago(days: Any, n: Any, salt: int) -> Any:
    """A moment of the day that lies `days` before NOW."""
    return to_micros(NOW) - days * DAY - drawn(n, salt, 86_400) * 1_000_000


def _customers(connection: Connection, size: Size) -> None:
    oldest = (date(1960, 1, 1) - EPOCH.date()).days

    def values(n: Any) -> dict[str, Any]:
        joined = _ago(DAYS + 1 + drawn(n, 3, 400), n, 4)
        return {
            "id": n,
            "outside_id": _text("C", n),
            "first_name": _one_of(n % 4, "Ayşe", "İbrahim", "Gökçe", "Şükrü"),
            "birth_date": _date(connection, oldest + drawn(n, 2, 16_000)),
            "language": _one_of(n % 10, "tr", "en"),
            "country": sa.literal("TR"),
            "zone": _one_of(n % 50, ZONE, "Europe/Berlin"),
            "created_at": joined,
            "known_at": joined,
            "bucket": drawn(n, 1, PRIME),
        }

    _put(connection, customers, size.customers, values)


def _date(connection: Connection, days: Any) -> Any:
    """The date so many days after 1970-01-01."""
    if connection.dialect.name == "sqlite":
        return sa.func.date(days * 86_400, "unixepoch")
    return sa.literal(EPOCH.date(), sa.Date) + sa.cast(days, sa.Integer)


def _contacts(connection: Connection, size: Size) -> None:
    def values(n: Any) -> dict[str, Any]:
        address = sa.literal("kisi") + sa.cast(n, sa.Text) + "@posta.example"
        return {"customer_id": n, "channel": sa.literal("email"), "address": address, "address_key": _text("k", n)}

    _put(connection, contacts, size.customers, values)


def _consents(connection: Connection, size: Size) -> None:
    def values(n: Any) -> dict[str, Any]:
        said = _ago(DAYS, n, 5)
        return {
            "customer_id": n,
            "channel": sa.literal("email"),
            "purpose": sa.literal("commercial"),
            "granted": drawn(n, 6, 10) < 8,
            "source": sa.literal("bench"),
            "occurred_at": said,
            "known_at": said,
        }

    _put(connection, consents, size.customers, values)


def _orders(connection: Connection, size: Size) -> None:
    """In the order of time. A third of the customers buy most; one in nine has never bought."""

    def values(n: Any) -> dict[str, Any]:
        left = sa.literal(DAYS, sa.BigInteger) * (size.orders - n) // sa.literal(size.orders, sa.BigInteger)
        placed = to_micros(NOW) - left * DAY - drawn(n, 8, 80_000) * 1_000_000
        buyers = max(1, size.customers * 8 // 9)
        who = drawn(n, 9, buyers) * (drawn(n, 10, 1_000) + 1) // sa.literal(1_000, sa.BigInteger)
        arrived = placed + 3 * DAY
        delivered = sa.case((arrived <= to_micros(NOW), arrived))
        return {
            "id": n,
            "source": sa.literal("bench"),
            "outside_id": _text("O", n),
            "number": _text("O", n),
            "customer_id": who * 9 // sa.literal(8, sa.BigInteger) + 1,
            "total": (drawn(n, 11, 200_000) + 5_000) * 100,
            "currency": sa.literal("TRY"),
            "placed_at": placed,
            "placed_known_at": placed,
            "delivered_at": delivered,
            "delivered_known_at": delivered,
        }

    _put(connection, orders, size.orders, values)


def _tickets(connection: Connection, size: Size) -> None:
    """One customer in twenty has asked something once; every tenth question is open."""

    def values(n: Any) -> dict[str, Any]:
        opened = _ago(drawn(n, 12, 300) + 1, n, 13)
        resolved = sa.case((drawn(n, 14, 10) > 0, opened + DAY))
        return {
            "source": sa.literal("bench"),
            "outside_id": _text("T", n),
            "customer_id": drawn(n, 15, size.customers) + 1,
            "opened_at": opened,
            "opened_known_at": opened,
            "resolved_at": resolved,
            "resolved_known_at": resolved,
        }

    _put(connection, tickets, max(1, size.customers // 20), values)


def _answers(connection: Connection, size: Size) -> None:
    """One customer in ten has answered a survey."""

    def values(n: Any) -> dict[str, Any]:
        said = _ago(drawn(n, 16, 700) + 1, n, 17)
        return {
            "source": sa.literal("bench"),
            "outside_id": _text("S", n),
            "customer_id": drawn(n, 18, size.customers) + 1,
            "survey": _one_of(n % 3, "nps", "nps", "csat"),
            "score": sa.case((n % 3 == 2, drawn(n, 19, 5) + 1), else_=drawn(n, 19, 11)),
            "answered_at": said,
            "answered_known_at": said,
        }

    _put(connection, survey_answers, max(1, size.customers // 10), values)
