"""Opening the database and bringing its tables to the form that the code knows."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from vefa.crm.tables import products
from vefa.database import metadata, open_database, reading, writing
from vefa.errors import StoreError
from vefa.settings import Settings
from vefa.store import migrating, migration_config, open_store, version_of, versions

BOTH = pytest.mark.parametrize("empty_database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def empty(settings: Settings, empty_database_url: str) -> Settings:
    return settings.model_copy(update={"database_url": empty_database_url})


def shape(engine: sa.Engine) -> set[tuple[str, ...]]:
    """Every table and index, in the database's own words; the order of constraints is free."""
    if engine.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    else:
        query = (
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' "
            "UNION ALL SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid <> 0 AND conrelid <> 'alembic_version'::regclass "
            "UNION ALL SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) "
            "FROM information_schema.columns WHERE table_schema = 'public'"
        )
    with reading(engine) as connection:
        # SQLite writes the name of a table that was made anew in quotation marks.
        words = [
            " ".join(row[0].replace('"', "").split()).removesuffix(" )") for row in connection.exec_driver_sql(query)
        ]
    return {tuple(sorted(re.split(r", (?=CONSTRAINT)", text))) for text in words}


@BOTH
def test_an_empty_database_gets_the_tables_of_the_code(empty: Settings) -> None:
    engine = open_store(empty)

    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        version = version_of(connection)
    engine.dispose()

    assert differences == []
    assert version == versions()[-1]


def test_migrated_tables_are_made_in_the_same_words_as_new_ones(
    settings: Settings, engine: sa.Engine, new_empty_like: Callable[[sa.Engine], str]
) -> None:
    migrated = open_store(settings.model_copy(update={"database_url": new_empty_like(engine)}))

    assert shape(migrated) == shape(engine)
    migrated.dispose()


@BOTH
def test_all_migrations_can_be_taken_back_and_made_again(empty: Settings) -> None:
    engine = open_store(empty)
    before = shape(engine)

    with migrating(engine) as connection:
        command.downgrade(migration_config(connection), "base")
    with reading(engine) as connection:
        left = sa.inspect(connection).get_table_names()
    engine.dispose()
    again = open_store(empty)

    assert left == ["alembic_version"]
    assert shape(again) == before
    again.dispose()


@BOTH
def test_data_survive_the_next_opening(empty: Settings) -> None:
    engine = open_store(empty)
    with writing(engine) as connection:
        connection.execute(products.insert(), {"source": "shop", "outside_id": "1", "name": "Çay bardağı"})
    engine.dispose()

    again = open_store(empty)
    with reading(again) as connection:
        names = connection.scalars(sa.select(products.c.name)).all()
    again.dispose()

    assert names == ["Çay bardağı"]


@BOTH
def test_a_migration_that_fails_leaves_nothing_behind(empty: Settings) -> None:
    engine = open_database(empty.database)

    with pytest.raises(RuntimeError), migrating(engine) as connection:
        command.upgrade(migration_config(connection), "head")
        raise RuntimeError("the lights went out")

    with reading(engine) as connection:
        assert sa.inspect(connection).get_table_names() == []
    engine.dispose()


@BOTH
def test_a_newer_database_is_refused_with_a_sentence(empty: Settings) -> None:
    engine = open_store(empty)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(StoreError, match=r"at version 9999; .* A newer vefa has been here: upgrade this one\.$"):
        open_store(empty)


@BOTH
def test_tables_stay_as_they_are_where_migrating_is_not_allowed(empty: Settings) -> None:
    with pytest.raises(StoreError, match=r"at version none, .*Let vefa migrate them first\.$"):
        open_store(empty, migrate=False)


def test_an_unreachable_server_is_named_without_its_password(settings: Settings) -> None:
    away = "postgresql://shop:very-secret@127.0.0.1:1/shop"

    with pytest.raises(StoreError, match="cannot be used") as caught:
        open_store(settings.model_copy(update={"database_url": away}))

    assert "127.0.0.1:1" in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("not a database at all, but long enough to be taken for one by its size" * 20)

    with pytest.raises(StoreError, match="file is not a database"):
        open_store(settings.model_copy(update={"database_url": f"sqlite:///{path}"}))


def test_foreign_keys_hold_again_after_a_migration(settings: Settings) -> None:
    engine = open_store(settings)
    with reading(engine) as connection:
        enforced = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
    engine.dispose()

    assert enforced == 1


def test_an_up_to_date_database_opens_without_alembic(settings: Settings) -> None:
    open_store(settings).dispose()
    opening = (
        "import sys, pathlib, vefa.settings, vefa.store\n"
        "vefa.store.open_store(vefa.settings.Settings(root=pathlib.Path(sys.argv[1])))\n"
        "assert 'alembic' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", opening, str(settings.root)], check=True)


def test_opening_an_up_to_date_database_costs_milliseconds(settings: Settings) -> None:
    open_store(settings).dispose()
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        open_store(settings).dispose()
        times.append(time.perf_counter() - begun)

    assert min(times) < 0.05


@BOTH
def test_four_first_starts_at_once_make_one_store(empty: Settings) -> None:
    starting = (
        "import sys, pathlib, vefa.settings, vefa.store\n"
        "settings = vefa.settings.Settings(root=pathlib.Path(sys.argv[1]), database_url=sys.argv[2])\n"
        "import alembic.command\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "vefa.store.open_store(settings).dispose()"
    )
    starts = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", starting, str(empty.root), empty.database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for start in starts:
        assert start.stdout and start.stdout.readline() == "ready\n"
    for start in starts:
        assert start.stdin
        start.stdin.write("go\n")
        start.stdin.flush()

    assert [start.communicate(timeout=60)[1] for start in starts] == [""] * 4
    assert [start.returncode for start in starts] == [0] * 4


@pytest.fixture
def new_empty_like(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[sa.Engine], str]:
    def make(engine: sa.Engine) -> str:
        if engine.dialect.name == "sqlite":
            return f"sqlite:///{tmp_path / 'other.db'}"
        url: str = request.getfixturevalue("new_postgresql")(None)
        return url

    return make
