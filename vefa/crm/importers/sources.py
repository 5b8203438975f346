"""Rows from files and databases, in chunks, each row with its real place: bounded memory, nothing guessed."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pandas as pd
import sqlalchemy as sa

from vefa.crm.importers.cleaning import without_text_mark
from vefa.crm.importers.maps import ImportMap, Input, unknown
from vefa.errors import ImportMapError
from vefa.text import clean_line

#: Rows that are in memory at one time.
CHUNK_ROWS = 20_000
#: A cell longer than this is a file with a quotation mark lost, not a cell.
_LONGEST_CELL = 1_000_000


@dataclass(frozen=True)
class Stray:
    """A row that does not even have the columns of its file."""

    line: int
    detail: str


@dataclass(frozen=True)
class Chunk:
    """Some rows of one place: texts by column, and the line at which each row begins."""

    place: str
    frame: pd.DataFrame
    lines: Sequence[int]
    strays: tuple[Stray, ...] = ()


def chunks_of(
    given: ImportMap, input_name: str, path: str, needed: set[str], rows: int = CHUNK_ROWS
) -> Iterator[Chunk]:
    """The rows of one input, with the needed columns only; raises ImportMapError if it cannot be read."""
    wanted = given.inputs[input_name]
    if "://" in path:
        yield from _from_database(wanted, input_name, path, needed, rows)
        return
    if wanted.file is None:
        raise ImportMapError(f"{path}: input {input_name} is a table or query, so give a database URL instead")
    for file in _files(wanted, input_name, Path(path), alone=len(given.inputs) == 1):
        yield from _from_file(wanted, file, needed, rows)


def _files(wanted: Input, input_name: str, path: Path, *, alone: bool) -> list[Path]:
    if path.is_file():
        if alone:
            return [path]
        raise ImportMapError(f"{path}: this map reads several files; give the folder that they are in")
    if not path.is_dir():
        raise ImportMapError(f"{path}: there is no such file or folder")
    pattern = str(wanted.file)
    found = sorted(path.glob(pattern)) or sorted(path.glob(pattern + ".gz"))
    if not found and not wanted.optional:
        raise ImportMapError(f"{path}: holds no {wanted.file}, which input {input_name} needs")
    return found


def _from_file(wanted: Input, file: Path, needed: set[str], rows: int) -> Iterator[Chunk]:
    csv.field_size_limit(_LONGEST_CELL)
    with _opened(file, wanted.encoding) as text:
        reader = csv.reader(text, delimiter=wanted.delimiter)
        try:
            header = [clean_line(name) for name in next(reader, [])]
            _check_columns(header, needed, str(file), wanted.delimiter)
            unmarked = ((line, [without_text_mark(cell) for cell in row]) for line, row in _numbered(reader))
            yield from _chunked(unmarked, header, needed, file.name, rows)
        except UnicodeError as error:
            raise ImportMapError(
                f"{file}: not written in {wanted.encoding} ({error}); say the input's encoding"
            ) from None
        except (csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise ImportMapError(f"{file}:{reader.line_num}: cannot be read on: {error}") from None


def _opened(file: Path, encoding: str) -> IO[str]:
    try:
        if file.suffix == ".gz":
            return gzip.open(file, "rt", encoding=encoding, newline="")
        return file.open(encoding=encoding, newline="")
    except LookupError:
        raise ImportMapError(f'{file}: there is no encoding "{encoding}"') from None
    except OSError as error:
        raise ImportMapError(f"{file}: cannot be opened: {error.strerror}") from None


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line at which it begins: a cell may hold several lines."""
    last = reader.line_num
    for row in reader:
        yield last + 1, row
        last = reader.line_num


def _chunked(
    rows: Iterable[tuple[int, list[str]]], header: list[str], needed: set[str], place: str, size: int
) -> Iterator[Chunk]:
    rows = iter(rows)
    wanted = [(index, name) for index, name in enumerate(header) if name in needed]
    while taken := list(islice(rows, size)):
        whole = [(line, row) for line, row in taken if len(row) == len(header)]
        strays = tuple(
            Stray(line, f"{len(row)} columns, not {len(header)}")
            for line, row in taken
            if row and len(row) != len(header)
        )
        columns = {name: pd.Series([row[i] for _, row in whole], dtype=object) for i, name in wanted}
        yield Chunk(place, pd.DataFrame(columns, index=range(len(whole))), [line for line, _ in whole], strays)


def _check_columns(header: Sequence[str], needed: set[str], place: str, delimiter: str | None = None) -> None:
    missing = sorted(needed - set(header))
    if not missing:
        return
    if delimiter is not None and len(header) == 1 and len(needed) > 1:
        raise ImportMapError(f'{place}: has one column only; is the delimiter "{delimiter}"?')
    raise ImportMapError("\n".join(f"{place}: {unknown('column', name, header)}" for name in missing))


def _from_database(wanted: Input, input_name: str, url: str, needed: set[str], rows: int) -> Iterator[Chunk]:
    if wanted.file is not None:
        raise ImportMapError(f"input {input_name} is a file, so give the folder that it is in, not a database")
    place = wanted.table or input_name
    try:
        # Not opened as our own database is: nothing of it may be changed, not even its journal.
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        with engine.connect() as connection:
            result = connection.execution_options(yield_per=rows).execute(_question(wanted, engine))
            header = list(result.keys())
            _check_columns(header, needed, place)
            numbered = ((number, [_text(cell) for cell in row]) for number, row in enumerate(result, start=1))
            yield from _chunked(numbered, header, needed, place, rows)
        engine.dispose()
    except sa.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise ImportMapError(f"{place}: the database says: {cause}") from None


def _question(wanted: Input, engine: sa.Engine) -> sa.Executable:
    if wanted.query is not None:
        return sa.text(wanted.query)
    schema, _, name = (wanted.table or "").rpartition(".")
    quoted = engine.dialect.identifier_preparer.quote
    return sa.text(f"SELECT * FROM {quoted(schema) + '.' if schema else ''}{quoted(name)}")


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, date | datetime) else str(cell)
