"""Rows in chunks: texts by column, each row with its real place; bounded memory, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from vefa.crm.importers.maps import unknown
from vefa.errors import ImportMapError

#: Rows that are in memory at one time.
CHUNK_ROWS = 20_000


class Typed(str):
    """A number or moment that its source knows as one, in the one form that computers read: 1234.5, ISO 8601.

    What a map says of marks and formats is about texts, so it does not apply to it.
    """

    __slots__ = ()


@dataclass(frozen=True)
class Stray:
    """A row that does not even have the columns of its file."""

    line: int
    detail: str


@dataclass(frozen=True)
class Chunk:
    """Some rows of one place: texts by column, and the line at which each row begins.

    `typed` marks, for columns that have any, the cells that hold a `Typed`.
    """

    place: str
    frame: pd.DataFrame
    lines: Sequence[int]
    strays: tuple[Stray, ...] = ()
    typed: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)


Row = tuple[int, Sequence[str]]


def cut_rows(rows: Iterable[Row], header: Sequence[str], needed: set[str], place: str, size: int) -> Iterator[Chunk]:
    """The rows in chunks of `size`; those of another width than the header are strays."""
    rows = iter(rows)
    wanted = [(index, name) for index, name in enumerate(header) if name in needed]
    while taken := list(islice(rows, size)):
        whole = [(line, row) for line, row in taken if len(row) == len(header)]
        strays = tuple(
            Stray(line, f"{len(row)} columns, not {len(header)}")
            for line, row in taken
            if row and len(row) != len(header)
        )
        cells = {name: [row[index] for _, row in whole] for index, name in wanted}
        yield make_chunk(place, cells, [line for line, _ in whole], strays)


def make_chunk(
    place: str, cells: Mapping[str, list[str]], lines: Sequence[int], strays: tuple[Stray, ...] = ()
) -> Chunk:
    """A chunk of these columns."""
    masks = {name: np.array([type(cell) is Typed for cell in values], dtype=bool) for name, values in cells.items()}
    columns = {name: pd.Series([str(cell) for cell in values], dtype=object) for name, values in cells.items()}
    typed = {name: mask for name, mask in masks.items() if mask.any()}
    return Chunk(place, pd.DataFrame(columns, index=range(len(lines))), lines, strays, typed)


def check_columns(header: Sequence[str], needed: set[str], place: str) -> None:
    """Raise ImportMapError with a line for each needed column that is not there."""
    missing = sorted(needed - set(header))
    if missing:
        raise ImportMapError("\n".join(f"{place}: {unknown('column', name, header)}" for name in missing))


def as_text(cell: object) -> str:
    """What a database, an Excel sheet or JSON holds, as the text that a reader takes."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case int() | Decimal():
            return Typed(format(cell, "f") if _is_plain(cell) else str(cell))
        case float():
            return Typed(_of_float(cell))
        case datetime() | date() | time():
            return Typed(cell.isoformat())
        case timedelta():
            return str(cell)
        case bytes() | memoryview():
            return bytes(cell).decode(errors="replace")
    return str(cell)


def _is_plain(number: int | Decimal) -> bool:
    return isinstance(number, Decimal) and number.is_finite() and abs(number.adjusted()) < 40


def _of_float(number: float) -> str:
    """A whole number without its .0: ids and phone numbers become floats in many tools."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
