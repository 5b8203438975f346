"""The one way from step to step."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.plans import Pinned
from vefa.engine.tables import enrolments

e = enrolments.c


def move_on(connection: Connection, pin: Pinned, which: Any, target: str | None, arrived: Any) -> int:
    """Put the active enrolments that `which` chooses at `target` (None: the end), logically at `arrived` (rule 5)."""
    if target is None:
        values: dict[str, Any] = {"state": "finished", "left_at": arrived, "due_at": None, "step": None}
    else:
        values = {"step": pin.number(target), "arrived_at": arrived, "due_at": arrived}
    update = sa.update(enrolments).where(which, e.state == "active")
    return connection.execute(update.values(phase=0, wait_basis=None, **values)).rowcount
