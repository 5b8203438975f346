"""What a database keeps of rows that were changed or removed: written over, or said to be there still.

SQLite writes zeros over what is removed (`secure_delete`), but older pages stand in the write-ahead log until that is
played in and cut; somebody who reads at the moment can hold it. PostgreSQL keeps dead rows until they are vacuumed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine

#: How often the log is tried again while somebody reads, and the seconds between.
TRIES, PAUSE = 20, 0.1
#: A larger file is not written anew for one erasure; the nightly housekeeping does, when much of it lies idle.
SMALL = 200_000_000

HELD = (
    "a program that reads the database holds its log, in which older pages stand: vefa housekeeping cuts it, or "
    "stop that program and do it again"
)


def scrub(engine: Engine, tables: Sequence[str], wait: Callable[[float], None] = time.sleep) -> str | None:
    """Leave nothing of removed rows in the database's files; else a sentence on what is still there."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            quote = connection.dialect.identifier_preparer.quote
            for name in sorted(set(tables)):
                connection.exec_driver_sql(f"VACUUM {quote(name)}")
        return None
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA busy_timeout=1000")
        path = engine.url.database
        if path and Path(path).exists() and Path(path).stat().st_size <= SMALL:
            _rewrite(cursor)
        for attempt in range(TRIES):
            if cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0:
                return None
            if attempt + 1 < TRIES:
                wait(PAUSE)
        return HELD
    finally:
        raw.cursor().execute("PRAGMA busy_timeout=30000")
        raw.close()


def _rewrite(cursor: Any) -> None:
    import sqlite3

    try:
        cursor.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise
