"""The database tidied up: statistics made anew, and room that deleted rows have left given back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine

#: So much of an SQLite file may lie idle; new rows fill it again.
IDLE = 0.25
#: A larger file is shrunk on request only: while it is written anew, which takes seconds for each gigabyte, nobody
#: else writes.
SMALL = 1_000_000_000


def tidy(engine: Engine, tables: Sequence[str], vacuum: bool = False) -> tuple[str, ...]:
    """Sentences on what was done."""
    if engine.dialect.name == "sqlite":
        return _sqlite(engine, vacuum)
    return _postgresql(engine, tables)


def _postgresql(engine: Engine, tables: Sequence[str]) -> tuple[str, ...]:
    """Room becomes free for new rows, and the planner learns of what is there. It blocks nobody."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in sorted(tables):
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {connection.dialect.identifier_preparer.quote(name)}")
    return (f"vacuumed and analysed {len(tables)} tables",) if tables else ()


def _sqlite(engine: Engine, vacuum: bool) -> tuple[str, ...]:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA optimize")
        told = _shrunk(cursor, engine, vacuum)
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    finally:
        raw.close()
    return told


def _shrunk(cursor: Any, engine: Engine, vacuum: bool) -> tuple[str, ...]:
    """VACUUM writes the file anew: it takes as much room again, and the write lock until it is done."""
    pages, free, length = (
        int(cursor.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    idle, size = free * length, pages * length
    if idle <= IDLE * size:
        return ()
    told = f"{idle / 1e6:,.1f} MB of {size / 1e6:,.1f} MB lie idle"
    if size > SMALL and not vacuum:
        return (f"{told}; to shrink the file, run `vefa housekeeping --vacuum` when nothing is being sent",)
    folder = Path(engine.url.database or "").parent
    if shutil.disk_usage(folder).free < 2 * size:
        return (f"{told}; too little room on the disk to write the file anew",)
    try:
        cursor.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return (f"{told}; somebody was writing all the time, so the file is shrunk another night",)
    return (f"{told}; given back",)
