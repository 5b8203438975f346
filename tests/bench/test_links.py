"""A small shop goes through the measurement of recommendations, and links are found in it."""

from __future__ import annotations

from pathlib import Path

from bench.big_shop import Size
from bench.links import measure


def test_links_and_suggestions_are_measured(tmp_path: Path) -> None:
    links, suggestions = measure(Size(300, 3_000), 60, tmp_path)

    assert links.what.startswith("links (")
    assert links.rows > 1_000
    assert links.peer_wall is not None
    assert suggestions.rows == 299
