"""How often what is drawn at random is drawn: a few times in each run of the tests, many times by `make soak`."""

from __future__ import annotations

import os


def rounds(few: int, many: int) -> int:
    """How many rounds there are now."""
    return many if os.environ.get("SOAK") else few
