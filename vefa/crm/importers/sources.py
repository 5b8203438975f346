"""Where rows come from: CSV, Excel and JSON files, and tables and queries of databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vefa.crm.importers.chunks import CHUNK_ROWS, Chunk
from vefa.crm.importers.csv_files import csv_chunks
from vefa.crm.importers.databases import database_chunks
from vefa.crm.importers.excel_files import excel_chunks
from vefa.crm.importers.json_files import json_chunks
from vefa.crm.importers.maps import ImportMap, Input
from vefa.errors import ImportMapError

_KINDS = {
    ".xlsx": excel_chunks,
    ".xlsm": excel_chunks,
    ".xls": excel_chunks,
    ".json": json_chunks,
    ".jsonl": json_chunks,
    ".ndjson": json_chunks,
}


def chunks_of(
    given: ImportMap, input_name: str, path: str, needed: set[str], rows: int = CHUNK_ROWS
) -> Iterator[Chunk]:
    """The rows of one input, with the needed columns only; raises ImportMapError if it cannot be read."""
    wanted = given.inputs[input_name]
    if "://" in path:
        yield from database_chunks(wanted, input_name, path, needed, rows)
        return
    if wanted.file is None:
        raise ImportMapError(f"{path}: input {input_name} is a table or query, so give a database URL instead")
    for file in _files(wanted, input_name, Path(path), alone=len(given.inputs) == 1):
        yield from _KINDS.get(file.suffix.lower(), csv_chunks)(wanted, file, needed, rows)


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
