"""What the terminal shows: facts on standard output, progress and troubles on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

#: Lines of a file or a pipe; a terminal says its own width.
WIDTH = 100

Progress = Callable[[int, int], None]


def out() -> Console:
    """Where facts go."""
    return _console(stderr=False)


def err() -> Console:
    """Where progress and troubles go."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, soft_wrap=False, width=None if stream.isatty() else _width())


def _width() -> int:
    import os

    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else WIDTH


def print_json(facts: Any) -> None:
    """The facts as JSON, and nothing else on standard output."""
    sys.stdout.write(json.dumps(plain(facts), ensure_ascii=False, indent=2) + "\n")


def plain(value: Any) -> Any:
    """Dataclasses, moments and amounts as what JSON has. Moments are ISO 8601 in UTC."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    match value:
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | Path():
            return str(value)
        case Enum():
            return value.value
    return value


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A quiet table: no frame, a line under the head, numbers to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        right = column in numbers
        made.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return made


def percent(rate: float | None, digits: int = 1, sign: str = "") -> str:
    """A share from 0 to 1 in hundredths; a dot where there is none."""
    return "·" if rate is None else f"{100 * rate:{sign}.{digits}f} %"


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere. Call it with how much is done and how much there is (0: unknown)."""
    console = err()
    if not console.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)
