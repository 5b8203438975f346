"""Files of a shop that may name a customer: what becomes of each kind when they are erased. One inventory of them.

The database, its log and its backups are no part of this: see `vefa.engine.scrub` and docs/backup.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Literal

from vefa.channels.outbox import remove_messages
from vefa.engine.traces import Traces
from vefa.files import write_private
from vefa.settings import Settings

Fate = Literal["searched", "emptied", "told", "nobody"]


@dataclass(frozen=True)
class Files:
    """One kind of files below `var`. `searched`: what names them is taken out; `emptied`: made anew at will;
    `told`: left for a person, who put it there; `nobody`: never names anybody."""

    name: str
    patterns: tuple[str, ...]
    fate: Fate
    why: str


#: Everything that vefa writes into files.
FILES: tuple[Files, ...] = (
    Files("outbox", ("outbox/**/*",), "searched", "messages and events of channels that write files"),
    Files("preview", ("preview/**/*",), "emptied", "messages as a customer would get them"),
    Files("logs", ("log/*",), "searched", "constant sentences, counts and ids of ours"),
    Files("database", ("*.db", "*.db-wal", "*.db-shm", "*.db-journal"), "nobody", "see the tables' own inventory"),
    Files("keys", ("*.key", "erased.keys*"), "nobody", "the shop's secret, and HMACs"),
    Files("prefect", ("prefect/**/*",), "nobody", "runs by ids of journeys; nothing of customers is given to it"),
    Files("others", ("**/*",), "told", "exports, copies and what else a person has put there"),
)


def remove_from_files(
    settings: Settings, traces: Traces, refs: Collection[str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Take them out of all files; how many of each kind, and the files that a person must look at."""
    var = settings.var
    removed = {"messages in the outbox": remove_messages(var / "outbox", traces.addresses, refs)}
    removed["other files of the outbox"] = _unlink(var / "outbox", _below(var / "outbox"), traces)
    if (var / "preview").exists():
        removed["previews"] = 1
        rmtree(var / "preview", ignore_errors=True)  # messages as somebody would read them, made anew at will
    removed["lines of logs"] = sum(_without_lines(path, traces) for path in _below(var / "log"))
    return removed, tuple(_left(settings, traces))


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("**/*") if path.is_file() and not path.is_symlink())


def _unlink(box: Path, paths: Collection[Path], traces: Traces) -> int:
    """Messages whose place on the page is lost, half-written files: whatever names them and is not the page itself."""
    count = 0
    for path in paths:
        if path.parent != box / "data" and traces.names_surely(_read(path)):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _without_lines(path: Path, traces: Traces) -> int:
    lines = _read(path).splitlines(keepends=True)
    kept = [line for line in lines if not traces.names_surely(line)]
    if len(kept) != len(lines):
        write_private(path, b"".join(kept))
    return len(lines) - len(kept)


def _left(settings: Settings, traces: Traces) -> Iterator[str]:
    """Files that are nobody's but a person's, and name them."""
    var, known = settings.var, set[Path]()
    for kind in FILES:
        if kind.fate != "told":
            known |= {path for pattern in kind.patterns for path in var.glob(pattern)}
    for path in _below(var):
        if path not in known and traces.names_surely(_read(path)):
            yield path.relative_to(settings.root).as_posix()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile
        return b""
