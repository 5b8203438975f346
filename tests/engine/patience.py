"""How long a test waits for what another thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0


def until(holds: Callable[[], Any]) -> None:
    """Wait until it holds; a test that never gets there fails."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
