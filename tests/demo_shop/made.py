"""The made-up shop that is looked at: how long, how many, and everything in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from vefa.database import metadata, reading

END = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


START = END - timedelta(days=24 * 30.4375)


CUSTOMERS = 1000


Rows = dict[str, list[sa.RowMapping]]


def contents(engine: sa.Engine) -> Rows:
    """Everything that a store holds."""
    with reading(engine) as connection:
        return {
            table.name: list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings())
            for table in metadata.sorted_tables
        }
