"""Codes for the checkout as a CSV file. A file is whole or it is not there."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine

from vefa.clock import Clock
from vefa.database import reading
from vefa.errors import UserError
from vefa.files import open_private
from vefa.rewards import exports
from vefa.rewards.exports import CheckoutCode
from vefa.rewards.tables import coupons

COLUMNS = (
    *("code", "percent", "amount", "currency", "free_shipping", "minimum", "minimum_currency"),
    *("valid_from", "valid_until", "valid_days", "single_use"),
)
#: A file that is being written is another's for so long.
LEASE = timedelta(minutes=1)


@dataclass(frozen=True)
class Layout:
    """How the lines look: moments on the shop's clock, and whether customers' numbers stand in them."""

    zone: ZoneInfo
    customers: bool = False

    def lines(self, codes: Iterable[CheckoutCode]) -> Iterator[tuple[str, ...]]:
        """The first line, and one for each code."""
        yield (*COLUMNS, *(["customer"] if self.customers else []))
        for code in codes:
            values = (getattr(code, name) for name in COLUMNS)
            yield (*map(self._said, values), *([code.customer] if self.customers else []))

    def _said(self, value: object) -> str:
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else "no"
            case datetime():
                return value.astimezone(self.zone).isoformat(timespec="seconds")
            case Decimal():
                return f"{value.normalize():f}"
        return str(value)


@dataclass(frozen=True)
class Written:
    """What an export did. `finished`: an earlier one, cut off after its file was whole, is done with."""

    path: Path
    codes: int
    finished: int = 0


def write_some(engine: Engine, path: Path, since: datetime | None, layout: Layout) -> Written:
    """All codes, or those made since then. Nothing is marked: it is a look."""
    which = coupons.c.id > 0 if since is None else coupons.c.made_at >= since
    return Written(path, _write(path, layout.lines(exports.codes_of(engine, which))))


def write_new(engine: Engine, path: Path, layout: Layout, now: datetime, wall: Clock) -> Written:
    """What the checkout has not heard of yet; then it counts as heard. UserError where another is at it."""
    finished = _finish_earlier(engine, layout, now, wall)
    export = exports.begin(engine, "file", str(path.absolute()), now, wall() + LEASE)
    if not export.codes:
        return Written(path, 0, finished)
    try:
        _write(path, layout.lines(exports.codes_of(engine, coupons.c.export_id == export.id)))
    except OSError:
        exports.undo(engine, export.id, now)
        raise
    exports.end(engine, export.id, now)
    return Written(path, export.codes, finished)


def _finish_earlier(engine: Engine, layout: Layout, now: datetime, wall: Clock) -> int:
    """An export that was cut off: done where its file stands whole in its place, else as if it had never begun."""
    with reading(engine) as connection:
        earlier = exports.open_exports(connection, "file")
    finished = 0
    for row in earlier:
        if not exports.lease(engine, row.id, wall(), wall() + LEASE):
            raise UserError("Another export is at work, or was cut off just now. Try again in a minute.")
        if row.codes and _stands(engine, row, layout):
            exports.end(engine, row.id, now)
            finished += row.codes
        else:
            exports.undo(engine, row.id, now)
    return finished


def _stands(engine: Engine, row: Any, layout: Layout) -> bool:
    """Whether the file is there and holds exactly this export, with customers' numbers or without."""
    path, number = Path(row.target), row.id
    if not path.is_file():
        return False
    found = _codes(path.read_text(encoding="utf-8").splitlines())
    whole = layout.lines(exports.codes_of(engine, coupons.c.export_id == number))
    return found == _codes(line[0] for line in whole)


def _codes(lines: Iterable[str]) -> str:
    """A print of the codes that stand in a file, line by line."""
    return hashlib.sha256("\n".join(line.partition(",")[0] for line in lines).encode()).hexdigest()


def _write(path: Path, lines: Iterator[tuple[str, ...]]) -> int:
    """Into a file beside it, which takes its place when it is whole and on the disk. How many codes."""
    aside = path.with_name(f".{path.name}.part")
    count = -1
    with open_private(aside, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for line in lines:
            writer.writerow(line)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return count
