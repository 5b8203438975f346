"""The two databases, and how each can refuse, lock and vanish under a running process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from tests.chaos.postgres import Server
from vefa.database import open_database

#: Milliseconds that a process waits for a lock where one is held against it.
SHORT = 200
#: Bytes of the index that SQLite keeps beside its log, and of a little log.
INDEX = 64 * 1024


class Database(Protocol):
    """What the chaos does to one."""

    name: str
    url: str
    hasty_url: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody else holds what every write needs."""

    def vanish(self) -> None:
        """It is gone."""

    def come_back(self) -> None:
        """It is there again, as it was."""


@dataclass
class Sqlite:
    """A file in a folder that can be carried away."""

    folder: Path
    name: str = "sqlite"

    @property
    def file(self) -> Path:
        return self.folder / "vefa.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    hasty_url = url

    @contextmanager
    def locked(self) -> Iterator[None]:
        holder = sqlite3.connect(self.file, timeout=10, isolation_level=None)
        try:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.execute("ROLLBACK")
        finally:
            holder.close()

    def vanish(self) -> None:
        """The whole folder goes, the log with it, and something stands in its place."""
        self.folder.rename(self._away)
        self.folder.touch()

    def come_back(self) -> None:
        self.folder.unlink()
        self._away.rename(self.folder)

    @property
    def _away(self) -> Path:
        return self.folder.with_name("away")

    def shortest_log(self, engine: sa.Engine) -> int:
        """How large a file must be allowed to be for anything at all; the log begins anew."""
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        return INDEX

    def pages(self, engine: sa.Engine) -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


@dataclass
class Postgresql:
    """A database on a server of its own."""

    server: Server
    url: str
    name: str = "postgresql"

    @property
    def hasty_url(self) -> str:
        return f"{self.url}&options=-c%20lock_timeout%3D{SHORT}"

    @property
    def _database(self) -> str:
        return str(sa.make_url(self.url).database)

    @contextmanager
    def locked(self) -> Iterator[None]:
        engine = open_database(self.url)
        with engine.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE sends, enrolments, journeys IN ACCESS EXCLUSIVE MODE")
            yield
        engine.dispose()

    def vanish(self) -> None:
        self.server.crash()

    def come_back(self) -> None:
        self.server.start()

    def cut_off(self) -> None:
        """Every connection but the one that says so ends."""
        self.server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self._database}' AND pid <> pg_backend_pid()"
        )

    def refuse(self, writes: bool) -> None:
        """New connections may read only, as on a stand-by or a full disk; or as always."""
        word = f"SET default_transaction_read_only = {'on' if writes else 'off'}"
        self.server.execute(f"ALTER DATABASE {self._database} {word}")


Either = Sqlite | Postgresql
