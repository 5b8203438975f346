"""What the terminal shows: facts on standard output, progress and troubles on standard error."""

from __future__ import annotations

import json
import re
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
from rich.text import Text

from vefa.text import without_escapes

#: Lines of a file or a pipe; a terminal says its own width.
WIDTH = 100

#: What a terminal obeys, or what turns the reading around: C0 and C1 controls, bidirectional overrides and isolates.
_COMMANDS = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
#: Of these JSON writes the first thirty-two as \\u001b by itself.
_JSON_ESCAPED = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Progress = Callable[[int, int], None]


def out() -> Console:
    """Where facts go."""
    return _console(stderr=False)


def err() -> Console:
    """Where progress and troubles go."""
    return _console(stderr=True)


class SafeConsole(Console):
    """A console that no text of a customer's or a shop's can command: its colours come from our styles alone."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make text of a string, without what a terminal would obey or what turns the reading around."""
        return super().render_str(displayable(text), **options)


def displayable(text: str) -> str:
    """The text without escapes, controls and changes of direction; lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    plain = without_escapes(text)
    return "".join(each for each in plain if each in "\n\t" or each not in _COMMANDS)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return SafeConsole(stderr=stderr, highlight=False, soft_wrap=False, width=None if stream.isatty() else _width())


def _width() -> int:
    import os

    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else WIDTH


def print_json(facts: Any) -> None:
    """The facts as JSON, and nothing else on standard output."""
    text = json.dumps(plain(facts), ensure_ascii=False, indent=2)
    sys.stdout.write(_JSON_ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


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
