"""Rows of Excel workbooks (.xlsx), read one after the other: numbers and dates as they are typed in the cell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from vefa.crm.importers.chunks import Chunk, Typed, as_text, check_columns, cut_rows
from vefa.crm.importers.cleaning import without_text_mark
from vefa.crm.importers.maps import Input, unknown
from vefa.errors import ImportMapError
from vefa.text import clean_line

_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"


def excel_chunks(wanted: Input, file: Path, needed: set[str], rows: int) -> Iterator[Chunk]:
    """The rows of one sheet; raises ImportMapError if it cannot be read."""
    book = _opened(file)
    try:
        sheet = _sheet(book, wanted, file)
        sheet.reset_dimensions()  # what the file says of its size is often wrong
        cells = enumerate(sheet.iter_rows(), start=1)
        header = list(wanted.header) or _header(cells)
        check_columns(header, needed, f"{file} ({sheet.title})")
        yield from cut_rows(_numbered(cells, len(header)), header, needed, file.name, rows)
    except (BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise ImportMapError(f"{file}: cannot be read as an Excel file: {error}") from None
    finally:
        book.close()


def _opened(file: Path) -> Any:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with file.open("rb") as opened:
            if opened.read(4) == _OLD_OR_LOCKED:
                raise ImportMapError(
                    f"{file}: an old Excel file (.xls), or one that is locked by a password. "
                    "Save it as .xlsx without a password, or as CSV UTF-8"
                )
        return load_workbook(file, read_only=True, data_only=True)
    except OSError as error:
        raise ImportMapError(f"{file}: cannot be opened: {error.strerror or error}") from None
    except (BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError):
        raise ImportMapError(f"{file}: no Excel file (.xlsx), or a damaged one; save it again, or as CSV") from None


def _sheet(book: Any, wanted: Input, file: Path) -> Any:
    names = [sheet.title for sheet in book.worksheets]
    if wanted.sheet is None and names:
        return book.worksheets[0]
    if wanted.sheet not in names:
        raise ImportMapError(f"{file}: {unknown('sheet', wanted.sheet or '', names)}")
    return book[wanted.sheet]


def _header(cells: Iterator[tuple[int, Any]]) -> list[str]:
    """The first row that holds anything."""
    for _, row in cells:
        names = [clean_line(str(cell.value)) if cell.value is not None else "" for cell in row]
        while names and not names[-1]:
            names.pop()
        if names:
            return names
    return []


def _numbered(cells: Iterator[tuple[int, Any]], width: int) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number, as wide as the head: empty cells at the end are not kept in the file."""
    for number, row in cells:
        texts = [_text(cell) for cell in row]
        while len(texts) > width and not texts[-1]:
            texts.pop()
        if any(texts):
            yield number, texts + [""] * (width - len(texts))


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, str):
        return without_text_mark(value)
    if isinstance(value, datetime) and value.time() == time() and not _shows_a_clock(cell.number_format):
        return Typed(value.date().isoformat())
    return as_text(value)


def _shows_a_clock(number_format: Any) -> bool:
    return any(letter in str(number_format).lower() for letter in "hs")
