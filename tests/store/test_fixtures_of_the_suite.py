"""The databases that other tests stand on."""

from __future__ import annotations

import socket

import pytest
import sqlalchemy as sa

from vefa.crm.tables import customers
from vefa.database import metadata, open_database, reading
from vefa.settings import Settings


def test_a_database_has_all_tables_and_no_rows(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        counts = {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in metadata.sorted_tables
        }
    assert set(counts.values()) == {0}
    assert customers.name in counts


def test_the_sqlite_database_is_the_one_of_the_settings(sqlite_engine: sa.Engine, settings: Settings) -> None:
    named = open_database(settings.database)
    assert named.url.database == sqlite_engine.url.database
    named.dispose()


def test_nothing_leaves_the_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as far, pytest.raises(PermissionError):
        far.connect(("192.0.2.1", 80))
