"""Files of `config/` that hold things by their names: `spring: {…}`."""

from __future__ import annotations

import re
from typing import Any

from vefa.language.durations import quoted
from vefa.language.source import Source, Trail

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def by_name(source: Source, shape: str) -> dict[str, Any]:
    """What the file holds, by name; nothing where it is empty, or holds something else, which is told of."""
    if not source.usable or source.value is None:
        return {}
    if isinstance(source.value, dict):
        return source.value
    source.report((), f"this must be a group of keys, not {quoted(source.value)}", f"Write {shape}.", "type")
    return {}


def is_name(source: Source, trail: Trail, what: str, example: str) -> bool:
    """Whether the key there is a name; one that is none is told of. `what` it is the name of: a tool."""
    name = str(trail[-1])
    if NAME.fullmatch(name):
        return True
    hint = f"Use small letters a-z, digits and dashes, such as {example}."
    source.report(trail, f'"{name}" is no name for {what}', hint, "name", at="key")
    return False
