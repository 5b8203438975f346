"""Backups made while a writer works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread

import sqlalchemy as sa

from tests.store.backups import Backup, backup, vacuumed
from vefa.crm.tables import products
from vefa.database import reading, writing
from vefa.store import version_of, versions

__all__ = ["backup"]  # a fixture


@contextmanager
def a_busy_writer(engine: sa.Engine) -> Iterator[None]:
    """Writes two rows in each transaction, as fast as it can, from before the block until after it."""
    begun, stop = Event(), Event()

    def work() -> None:
        for number in count():
            with writing(engine) as connection:
                for half in ("a", "b"):
                    row = {"source": "shop", "outside_id": f"{number}{half}", "name": "Çay bardağı" * 20}
                    connection.execute(sa.insert(products).values(row))
            if number == 20:
                begun.set()
            if stop.is_set():
                return

    writer = Thread(target=work)
    writer.start()
    begun.wait()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def halves(engine: sa.Engine) -> Counter[str]:
    """How many rows each transaction of the writer has left."""
    with reading(engine) as connection:
        return Counter(key[:-1] for key in connection.scalars(sa.select(products.c.outside_id)))


def test_a_backup_made_while_a_writer_works_holds_whole_transactions_only(engine: sa.Engine, backup: Backup) -> None:
    with a_busy_writer(engine):
        restore = backup(engine)

    restored = restore()
    found = halves(restored)
    with reading(restored) as connection:
        version = version_of(connection)
    restored.dispose()

    assert len(found) > 20
    assert set(found.values()) == {2}
    assert found.keys() <= halves(engine).keys()
    assert version == versions()[-1]


def test_vacuum_into_while_a_writer_works_does_so_too(sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    with a_busy_writer(sqlite_engine):
        restore = vacuumed(sqlite_engine, tmp_path / "vacuumed.db")

    restored = restore()
    found = halves(restored)
    with closing(restored.raw_connection()) as connection:
        sound = connection.cursor().execute("PRAGMA integrity_check").fetchone()
    restored.dispose()

    assert set(found.values()) == {2}
    assert sound == ("ok",)
