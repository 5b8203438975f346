"""A shop of 300 customers, made once on each database and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.small_shop import Books, Runner, fill, write_files
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.database import open_database

PEOPLE = 300


@pytest.fixture(scope="session")
def _filled_sqlite(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "vefa.db"
    shutil.copyfile(_sqlite_template, path)
    engine = open_database(f"sqlite:///{path}")
    fill(engine, PEOPLE)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def _filled_postgresql(new_postgresql: Callable[[str | None], str], _postgresql_template: str) -> str:
    engine = open_database(new_postgresql(_postgresql_template))
    fill(engine, PEOPLE)
    engine.dispose()
    assert engine.url.database
    return engine.url.database


@pytest.fixture
def filled_url(request: pytest.FixtureRequest, shop_root: Path) -> str:
    """The URL of a copy of the filled shop's database; parametrise indirectly with "sqlite" and "postgresql"."""
    if request.param == "postgresql":
        template = request.getfixturevalue("_filled_postgresql")
        url: str = request.getfixturevalue("new_postgresql")(template)
        return url
    (shop_root / "var").mkdir()
    shutil.copyfile(request.getfixturevalue("_filled_sqlite"), shop_root / "var" / "vefa.db")
    return f"sqlite:///{shop_root / 'var' / 'vefa.db'}"


@pytest.fixture
def provider() -> Iterator[FakeSendGrid]:
    """A SendGrid that keeps the id of everything that it took."""
    with FakeSendGrid() as fake:
        yield fake


@pytest.fixture
def runner(shop_root: Path, filled_url: str, provider: FakeSendGrid) -> Runner:
    """`vefa run` over the filled shop."""
    write_files(shop_root)
    return Runner(shop_root, filled_url, provider)


@pytest.fixture
def books(filled_url: str, provider: FakeSendGrid) -> Iterator[Books]:
    """The shop's ledger and the provider's log."""
    engine = open_database(filled_url)
    yield Books(engine, provider)
    engine.dispose()
