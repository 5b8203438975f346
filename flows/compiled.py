"""Every journey as a flow: `flows.compiled.win_back` is the flow of `journeys/win-back.yaml`.

Attributes come to be when they are asked for, so that a run reads no more than it needs and a broken file
breaks its own flow only.
"""

from __future__ import annotations

from typing import Any

from flows.subjects import find_subject


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    subject = find_subject(name)
    if subject is None:
        raise AttributeError(f"journeys/ has no file for {name!r}; it may have been removed since the deploy")
    from flows.journey import journey_flow

    globals()[name] = journey_flow(subject)
    return globals()[name]
