"""How hard the laws are tried: quickly and the same way every time, or at length with HYPOTHESIS_PROFILE=thorough."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from pydantic import SecretStr

from tests.laws.stage import Theatre, write_words
from vefa.database import open_database
from vefa.settings import Settings

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("default", derandomize=True, deadline=None, database=None, suppress_health_check=_CHECKS)
settings.register_profile(
    "thorough",
    derandomize=False,
    deadline=None,
    database=None,
    suppress_health_check=_CHECKS,
    max_examples=2_000,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a shop that has two templates."""
    root = tmp_path_factory.mktemp("words") / "shop"
    write_words(root)
    return Settings(root=root, secret_key=SecretStr("a secret of tests only, long enough to sign with"))


@pytest.fixture(scope="session")
def theatre(words: Settings, _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """Histories on SQLite. One database is emptied again and again: a new one would compile every statement anew."""
    path = tmp_path_factory.mktemp("theatre") / "vefa.db"
    shutil.copyfile(_sqlite_template, path)
    engine = open_database(f"sqlite:///{path}")
    sa.event.listen(engine, "connect", _forget_durability)
    yield Theatre(words, engine)
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_theatre(
    words: Settings, _postgresql_template: str, new_postgresql: Callable[[str | None], str]
) -> Iterator[Theatre]:
    """The same on PostgreSQL."""
    engine = open_database(new_postgresql(_postgresql_template))
    yield Theatre(words, engine)
    engine.dispose()


def _forget_durability(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
