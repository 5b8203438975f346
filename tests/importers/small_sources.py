"""Small sources, as a shop would export them, and maps of one table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vefa.crm.importers.map_files import make_map
from vefa.crm.importers.maps import ImportMap

MAPS = Path(__file__).parents[2] / "config" / "importers"
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def write_csv(path: Path, header: str, *rows: str) -> Path:
    """A file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A file of these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def one_table_map(into: str, columns: dict[str, Any], **more: Any) -> ImportMap:
    """A map with one part that reads `rows.csv`."""
    return make_map(
        {"inputs": {"rows": {"file": "rows.csv"}}, "targets": [{"into": into, "columns": columns, **more}]},
        "test",
        "test.yaml",
    )
