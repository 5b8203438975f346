"""Which events this shop knows: those that every shop has and its own in `config/events.yaml`, read when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vefa.language.catalogue import EVENTS, EventType
from vefa.language.source import Watched
from vefa.plan.rulebook import read_events

#: The events by name, as the file says now.
Occasions = Watched[Mapping[str, EventType]]


def watch_events(root: Path) -> Occasions:
    """Those of the shop in that folder."""
    return Watched(root, "config/events.yaml", read_events, EVENTS)
