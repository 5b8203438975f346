"""The database with its tables as this code knows them.

`vefa/migrations/versions/NNNN_words.py` are the steps from one form of the tables to the next. The number
is the version, so whether a database is up to date is known from file names and one row, without Alembic.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import open_database
from vefa.errors import StoreError
from vefa.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"

#: Any number; all processes that migrate one PostgreSQL database wait for each other on it.
_ADVISORY_LOCK = 7_633_661

#: Half a minute, as any other wait for SQLite's lock.
_FIRST_TRIES, _FIRST_PAUSE = 600, 0.05


def open_store(settings: Settings, migrate: bool = True) -> Engine:
    """The shop's database, with its tables at this code's version.

    An older or empty database is brought up to date first, or refused where `migrate` is false. Several
    processes may come at once: one migrates, the others wait. Raises StoreError where the database is newer
    than the code or cannot be reached.
    """
    engine = open_database(settings.database)
    try:
        _bring_up_to_date(engine, migrate)
    except sa.exc.DBAPIError as error:
        engine.dispose()
        raise StoreError(f"The database {_name(engine)} cannot be used: {error.orig}") from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def versions() -> tuple[str, ...]:
    """All versions of the tables that this code knows, the oldest first."""
    return tuple(sorted(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*_*.py")))


def version_of(connection: Connection) -> str | None:
    """The version of the tables in a database; None where there are none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).one_or_none()
    return None if row is None else str(row[0])


def migration_config(connection: Connection) -> Config:
    """What Alembic's commands need to work on this connection, inside its transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """One transaction in which nobody else migrates; all of it comes to stand, or nothing.

    On SQLite a changed table is made anew and its rows are copied over, so foreign keys rest until the end
    and are then looked at as a whole.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(vefa_write=True) as connection:
        if sqlite:
            _enforce_foreign_keys(connection, False)
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield connection
                if sqlite:
                    _refuse_orphans(connection)
        finally:
            if sqlite:
                _enforce_foreign_keys(connection, True)


def _enforce_foreign_keys(connection: Connection, on: bool) -> None:
    # Past SQLAlchemy, which would begin a transaction first: inside one SQLite ignores this pragma.
    connection.connection.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _refuse_orphans(connection: Connection) -> None:
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise StoreError(f"The migration left rows of {broken[0]} that name missing rows of {broken[2]}.")


def _bring_up_to_date(engine: Engine, migrate: bool) -> None:
    with _connected(engine) as connection:
        found = version_of(connection)
    if _is_current(engine, found):
        return
    if not migrate:
        raise StoreError(
            f"The tables of {_name(engine)} are at version {found or 'none'}, and this vefa needs "
            f"{versions()[-1]}. Let vefa migrate them first."
        )
    with migrating(engine) as connection:
        # Looked at again under the lock: somebody else may have migrated while this process waited.
        if not _is_current(engine, version_of(connection)):
            _upgrade(connection)


def _connected(engine: Engine) -> Connection:
    """A connection, waited for as long as SQLite's own time-out.

    Several processes that open a new SQLite file at once all switch it to WAL; SQLite answers "locked" to all
    but one without the wait that it otherwise keeps.
    """
    for _ in range(_FIRST_TRIES):
        try:
            return engine.connect()
        except sa.exc.OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            time.sleep(_FIRST_PAUSE)
    return engine.connect()


def _is_current(engine: Engine, found: str | None) -> bool:
    known = versions()
    if found is not None and found not in known:
        raise StoreError(
            f"The tables of {_name(engine)} are at version {found}; this vefa knows them up to {known[-1]}. "
            "A newer vefa has been here: upgrade this one."
        )
    return found == known[-1]


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(migration_config(connection), "head")


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
