"""Rows of another database, read only: SQLite, PostgreSQL, and whatever SQLAlchemy has a driver for."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from vefa.crm.importers.chunks import Chunk, as_text, check_columns, cut_rows
from vefa.crm.importers.maps import Input
from vefa.errors import ImportMapError

#: A colon in the words of a query is a colon there, never a value to be filled in.
_COLON = re.compile(r"(?<!:):(?=\w)")


def database_chunks(wanted: Input, input_name: str, url: str, needed: set[str], rows: int) -> Iterator[Chunk]:
    """The rows of a table or query; raises ImportMapError with what the database says."""
    if wanted.file is not None:
        raise ImportMapError(f"input {input_name} is a file, so give the folder that it is in, not a database")
    place = wanted.table or input_name
    try:
        engine = _engine(url)
        with engine.connect() as connection:
            result = connection.execution_options(yield_per=rows).execute(_question(wanted, engine))
            header = list(result.keys())
            check_columns(header, needed, place)
            numbered = ((number, [as_text(cell) for cell in row]) for number, row in enumerate(result, start=1))
            yield from cut_rows(numbered, header, needed, place, rows)
        engine.dispose()
    except (ImportError, sa.exc.NoSuchModuleError) as error:
        raise ImportMapError(f"{place}: no driver for this kind of database is installed: {error}") from None
    except sa.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise ImportMapError(f"{place}: the database says: {cause}") from None


def _engine(url: str) -> sa.Engine:
    """Not opened as our own database is: nothing of it may be changed, not even its journal."""
    known = sa.make_url(url)
    if known.get_backend_name() == "sqlite":
        file = Path(known.database or "").absolute()
        if not known.database or not file.is_file():
            raise ImportMapError(f"{file}: there is no such SQLite database")
        address = f"{file.as_uri()}?mode=ro"
        return sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=sa.NullPool)
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    read_only = engine.dialect.name == "postgresql"
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


def _question(wanted: Input, engine: sa.Engine) -> sa.Executable:
    if wanted.query is not None:
        return sa.text(_COLON.sub(r"\:", wanted.query))
    schema, _, name = (wanted.table or "").rpartition(".")
    quoted = engine.dialect.identifier_preparer.quote
    return sa.text(f"SELECT * FROM {quoted(schema) + '.' if schema else ''}{quoted(name)}")
