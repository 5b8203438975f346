"""The newest messages of the outbox, read from the lists that its page reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_ROW = re.compile(r"vefa\.row\((.*)\);\s*$")


@dataclass(frozen=True)
class Letter:
    """One message in the outbox: its head, and its file beside the page."""

    number: int
    moment: str
    medium: str
    journey: str
    step: str
    to: str
    subject: str
    file: str


def letters(folder: Path, last: int, journey: str | None = None) -> tuple[Letter, ...]:
    """The newest `last` messages, the newest first; only the journey's where one is named."""
    wanted = (each for each in _newest_first(folder) if journey in {None, each.journey})
    return tuple(islice(wanted, last))


def _newest_first(folder: Path) -> Iterator[Letter]:
    lists = sorted(folder.glob("data/list-*.js"), key=lambda path: int(path.stem.rpartition("-")[2]), reverse=True)
    for path in lists:
        rows = (_ROW.match(line) for line in path.read_text(encoding="utf-8").splitlines())
        found = [Letter(*json.loads(row[1])) for row in rows if row]
        yield from sorted(found, key=lambda letter: letter.number, reverse=True)
