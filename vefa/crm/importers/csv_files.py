"""Rows of CSV files, plain or in gzip."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from vefa.crm.importers.chunks import Chunk, check_columns, cut_rows
from vefa.crm.importers.cleaning import without_text_mark
from vefa.crm.importers.guesses import guess_dialect, guess_encoding
from vefa.crm.importers.maps import Input
from vefa.errors import ImportMapError
from vefa.text import clean_line

#: A cell longer than this is a file with a quotation mark lost, not a cell.
_LONGEST_CELL = 4_000_000
#: How much of a file is looked at for a guess.
_SAMPLE = 200_000


def csv_chunks(wanted: Input, file: Path, needed: set[str], rows: int) -> Iterator[Chunk]:
    """The file's rows; raises ImportMapError if it cannot be read."""
    csv.field_size_limit(_LONGEST_CELL)
    with _opened(file, wanted.encoding) as text:
        reader = csv.reader(text, delimiter=wanted.delimiter)
        try:
            header = list(wanted.header) or [clean_line(name) for name in next(reader, [])]
            _check(header, needed, wanted, file)
            yield from cut_rows(_numbered(reader), header, needed, file.name, rows)
        except UnicodeError as error:
            raise ImportMapError(
                f"{file}: not written in {wanted.encoding} ({error}); {_encoding_hint(file)}"
            ) from None
        except (csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise ImportMapError(f"{file}:{reader.line_num}: cannot be read on: {error}") from None


def _check(header: list[str], needed: set[str], wanted: Input, file: Path) -> None:
    try:
        check_columns(header, needed, str(file))
    except ImportMapError:
        hint = guess_dialect(_sample(file), needed, wanted)
        if hint is None:
            raise
        seen = "has one column only" if len(header) == 1 else "does not have the map's columns"
        raise ImportMapError(
            f'{file}: {seen} with delimiter "{wanted.delimiter}" and encoding {wanted.encoding}; '
            f"try {hint} in the map's input"
        ) from None


def _encoding_hint(file: Path) -> str:
    guess = guess_encoding(_sample(file))
    return f"try encoding: {guess} in the map's input" if guess else "say the input's encoding"


def _sample(file: Path) -> bytes:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as opened:
            return opened.read(_SAMPLE)
    except (OSError, EOFError):
        return b""


def _opened(file: Path, encoding: str) -> IO[str]:
    if _sample(file)[:4] == b"PK\x03\x04":
        raise ImportMapError(f"{file}: is an Excel file by its content; call it .xlsx")
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
        yield last + 1, [without_text_mark(cell) for cell in row]
        last = reader.line_num
