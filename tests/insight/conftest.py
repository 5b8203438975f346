"""The engine's small world, counted."""

from __future__ import annotations

from tests.engine.conftest import settings, world

__all__ = ["settings", "world"]
