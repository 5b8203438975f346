"""Which events this shop knows: those that every shop has and its own in `config/events.yaml`, read when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vefa.language.catalogue import EVENTS, EventType
from vefa.language.source import read_file
from vefa.plan.rulebook import read_events


class Occasions:
    """The events by name, as the file says now."""

    def __init__(self, root: Path) -> None:
        self._root, self._path = root, root / "config" / "events.yaml"
        self._seen: tuple[int, int] | None = None
        self._events: Mapping[str, EventType] = EVENTS

    def __call__(self) -> Mapping[str, EventType]:
        try:
            found = self._path.stat()
        except OSError:
            return EVENTS
        seen = (found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._events, self._seen = read_events(read_file(self._path, self._root)), seen
        return self._events
