"""What an import of a small source left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import MAPS, NOW
from vefa.crm.importers.map_files import load_map
from vefa.crm.importers.maps import ImportMap
from vefa.crm.importers.runs import run_import
from vefa.crm.importers.summary import ImportSummary
from vefa.database import reading
from vefa.settings import Settings


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder that is imported."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


Importer = Callable[..., ImportSummary]


@pytest.fixture
def imported(engine: sa.Engine, settings: Settings, source: Path) -> Importer:
    """Imports the source folder into the database of the test, by a map or the name of a shipped one."""

    def run(given: ImportMap | str, path: Path | str | None = None, **options: Any) -> ImportSummary:
        options = {"now": NOW, "history": False, "settings": settings, **options}
        chosen = load_map(MAPS / f"{given}.yaml") if isinstance(given, str) else given
        return run_import(engine, chosen, str(path or source), **options)

    return run


@pytest.fixture
def rows(engine: sa.Engine) -> Callable[[str], list[Any]]:
    """Runs a query against the database of the test."""

    def ask(query: Any) -> list[Any]:
        with reading(engine) as connection:
            return list(connection.execute(sa.text(query) if isinstance(query, str) else query))

    return ask
