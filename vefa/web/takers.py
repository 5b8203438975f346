"""Who takes in what waits in the inbox, by its kind."""

from __future__ import annotations

from collections.abc import Mapping

from vefa.inbox import Taker
from vefa.settings import Settings


def takers_of(settings: Settings) -> Mapping[str, Taker]:
    """All takers of this shop."""
    return {}
