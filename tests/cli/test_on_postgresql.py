"""The commands over PostgreSQL say the very words that they say over SQLite."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Vefa, agrees, fill


@pytest.fixture
def on_postgresql(
    little_root: Path, new_postgresql: Callable[[str | None], str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("VEFA_DATABASE_URL", new_postgresql(None))
    fill(little_root)
    return little_root


def test_the_shop_is_walked_and_told_of_in_the_same_words(on_postgresql: Path, vefa: Vefa) -> None:
    ran = vefa(on_postgresql, "run", "--now", "2026-03-02T12:00", "--until", "2026-03-14T12:00", "--every", "6h")
    again = vefa(on_postgresql, "run", "--now", "2026-03-14T12:00", "--json")

    agrees("run.txt", ran.stdout)
    assert sum(each["sent"] for each in json.loads(again.stdout)) == 0
    agrees("explain.txt", vefa(on_postgresql, "explain", "delivery-thank-you", "--now", "2026-03-14T12:00").stdout)
    status = vefa(on_postgresql, "status", "--now", "2026-03-14T12:00").stdout
    agrees("status.txt", re.sub(r"\d+ Mar 2026 \d\d:\d\d", "<looked>", status))
    for customer, golden in (
        ("A-1", "why-sent.txt"),
        ("bob@ornek.example", "why-held.txt"),
        ("C-3", "why-refused.txt"),
    ):
        agrees(golden, vefa(on_postgresql, "why", customer).stdout)
    assert not (on_postgresql / "var" / "vefa.db").exists()
