"""Whoever takes all tables takes all of them."""

from __future__ import annotations

import re

from tests.conftest import REPOSITORY
from vefa.migrations.tables import HOMES


def test_every_module_with_tables_is_known() -> None:
    found = {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        for path in (REPOSITORY / "vefa").rglob("*.py")
        if re.search(r'\bTable\(\s*"\w+",\s*metadata\b', path.read_text(encoding="utf-8"))
    }

    assert found == set(HOMES)
