"""Temporary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vefa.content.problems import RenderError
from vefa.skeletons import Skeleton

ABSENT: Any = object()


@dataclass(frozen=True)
class RenderedBulk:
    skeleton: Skeleton
    pieces: tuple[Sequence[str], ...]
    faults: Mapping[int, RenderError] = field(default_factory=dict)


def render_bulk(
    template: Any,
    subject: str,
    preheader: str,
    common: Mapping[str, object],
    columns: Mapping[str, Sequence[object]],
    count: int,
) -> RenderedBulk:
    cols: tuple[list[str], ...] = ([], [], [])
    faults = {}
    for n in range(count):
        context: dict[str, Any] = {}
        for name, column in columns.items():
            if column[n] is ABSENT:
                continue
            home, _, f = name.partition(".")
            if f:
                context.setdefault(home, {})[f] = column[n]
            else:
                context[home] = column[n]
        try:
            r = template.render(subject, preheader, {**common, **context})
            parts = (r.subject, r.html, r.text)
        except RenderError as error:
            faults[n] = error
            parts = ("", "", "")
        for c, p in zip(cols, parts):
            c.append(p)
    return RenderedBulk(Skeleton((0,), (1,), (2,), 3), cols, faults)
