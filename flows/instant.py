"""The instant path as Prefect sees it: one event a minute for each journey that did anything, never one a customer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from vefa.engine.resident import Told

#: The event's name, for automations and the UI's feed.
WALKED = "vefa.journey.instant"


def show(told: Mapping[str, Told]) -> None:
    """Send the counts to Prefect, where one is there (PREFECT_API_URL). Its absence holds up nothing."""
    if not os.environ.get("PREFECT_API_URL"):
        return
    from prefect.events import emit_event

    from flows.deployments import resource

    for journey, counts in told.items():
        payload: dict[str, Any] = vars(counts)
        of = {"prefect.resource.id": resource(journey), "prefect.resource.name": journey}
        emit_event(WALKED, resource=of, payload=payload)
