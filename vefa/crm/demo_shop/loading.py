"""Many rows at once into one table, past SQLAlchemy's types: the fastest way that each database has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

#: A table's columns by name, all of one length, in what stands in the database: instants as microseconds, money
#: as ten-thousandths, dates as ISO text.
Columns = Mapping[str, Sequence[Any]]


def load(connection: Connection, table: sa.Table, columns: Columns) -> int:
    """Put the rows in; how many there were."""
    rows = list(zip(*columns.values(), strict=True))
    put = _copy if connection.dialect.name == "postgresql" else _insert
    put(connection, table.name, list(columns), rows)
    return len(rows)


def _copy(connection: Connection, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.dbapi_connection  # psycopg's own COPY, which SQLAlchemy does not know
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _insert(connection: Connection, table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
    connection.connection.cursor().executemany(statement, rows)


def continue_numbers(connection: Connection, tables: Sequence[sa.Table]) -> None:
    """Rows that came with their own ids do not move PostgreSQL's sequences; the next row would collide."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        highest = f"SELECT coalesce(max(id), 0) + 1 FROM {table.name}"
        connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), ({highest}), false)")
