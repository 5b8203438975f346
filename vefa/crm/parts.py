"""Lists that come inside an event's data, such as an order's lines: each part a few keys with one value each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vefa.crm.importers.cleaning import written
from vefa.crm.importers.maps import Column, unknown
from vefa.crm.importers.readings import Habits, Misfit, reader


@dataclass(frozen=True)
class Parts:
    """What the parts are called, one and many; their keys with the kind of each value, and with what is meant where
    one is not said; and how much may come."""

    one: str
    many: str
    keys: Mapping[str, str]
    needed: tuple[str, ...]
    most: int
    longest: int
    longer: Mapping[str, int] = field(default_factory=dict)
    meant: Mapping[str, Any] = field(default_factory=dict)

    def read(self, given: Any, habits: Habits) -> tuple[list[dict[str, Any]], str | None]:
        """Each part's values by key, or what is wrong with the first that is wrong."""
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            keys = " and ".join((", ".join(self.needed[:-1]), self.needed[-1]))
            return [], f"data: {self.many} must be a list of {self.many}, each with {keys}"
        if len(given) > self.most:
            return [], f"data: {len(given)} {self.many} are more than the {self.most} that may come at once"
        parts = []
        for number, each in enumerate(given, start=1):
            part = self._part(each, habits)
            if isinstance(part, str):
                return [], f"data: {self.one} {number}: {part}"
            parts.append(part)
        return parts, None

    def _part(self, given: dict[str, Any], habits: Habits) -> dict[str, Any] | str:
        said = dict(self.meant)
        for key, value in given.items():
            if key not in self.keys:
                return unknown("key", key[:80], self.keys)
            if isinstance(value, dict | list):
                return f"{key} must be one value, not several"
            text = written(value)
            if len(text) > self.longer.get(key, self.longest):
                return f"{key}: longer than anybody would write"
            read = reader(self.keys[key], Column(column=key), habits)(text)
            if isinstance(read, Misfit):
                return f"{key}: {read.reason}"
            said[key] = read
        lacking = [key for key in self.needed if said.get(key) is None]
        return f"needs {', '.join(lacking)}" if lacking else said
