"""Rows of JSON files: a list of objects, or one object a line (.jsonl, .ndjson)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from vefa.crm.importers.chunks import Chunk, as_text, cut_rows
from vefa.crm.importers.maps import Input
from vefa.errors import ImportMapError

#: A JSON file is read as a whole; lines are not.
_LARGEST = 200_000_000
#: How far objects and lists may stand inside one another.
_DEEPEST = 32


def flat(row: Mapping[str, Any], before: str = "", left: int = _DEEPEST) -> dict[str, str]:
    """A JSON object as columns: what stands inside has its names joined by dots, `items.0.name` in a list."""
    said: dict[str, str] = {}
    for name, value in row.items():
        said |= _flat(value, f"{before}{name}", left)
    return said


def _flat(value: Any, name: str, left: int) -> dict[str, str]:
    if isinstance(value, dict | list) and not left:
        return {}
    if isinstance(value, dict):
        return flat(value, f"{name}.", left - 1)
    if isinstance(value, list):
        inside = (_flat(each, f"{name}.{index}", left - 1) for index, each in enumerate(value))
        return {key: text for each in inside for key, text in each.items()}
    return {name: as_text(value)}


def json_chunks(wanted: Input, file: Path, needed: set[str], rows: int) -> Iterator[Chunk]:
    """The file's objects as rows; a key that one lacks is an empty cell. Raises ImportMapError."""
    try:
        objects = _lines(file) if file.suffix in (".jsonl", ".ndjson") else _listed(file, wanted)
        header = sorted(needed)
        flats = ((number, flat(each)) for number, each in objects)
        cells = ((number, [row.get(name, "") for name in header]) for number, row in flats)
        yield from cut_rows(cells, header, needed, file.name, rows)
    except OSError as error:
        raise ImportMapError(f"{file}: cannot be opened: {error.strerror}") from None


def _lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield number, _object(_loaded(line, f"{file}:{number}"), f"{file}:{number}")


def _listed(file: Path, wanted: Input) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if file.stat().st_size > _LARGEST:
        raise ImportMapError(f"{file}: too large to be read at once; write one object a line (.jsonl)")
    content = _loaded(file.read_bytes(), str(file))
    for name in wanted.rows.split(".") if wanted.rows else ():
        content = content.get(name) if isinstance(content, dict) else None
    if not isinstance(content, list):
        hint = "say in which key the rows are: rows: data" if wanted.rows is None else f"no list in {wanted.rows}"
        raise ImportMapError(f"{file}: must hold a list of objects; {hint}")
    for number, each in enumerate(content, start=1):
        yield number, _object(each, f"{file}: row {number}")


def _loaded(body: bytes, place: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ImportMapError(f"{place}: no JSON in UTF-8: {error.msg.split(':')[0]} in {where}") from None


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ImportMapError(f"{place}: each row must be an object")
    return value
