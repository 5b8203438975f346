"""How a journey stands in our database: its state, and the plan that the last deploy stored (rule 20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import reading, writing
from vefa.engine.plans import State, store_plan
from vefa.engine.tables import journeys, plans
from vefa.errors import UserError
from vefa.plan.codec import plan_hash

if TYPE_CHECKING:
    from flows.subjects import Subject


@dataclass(frozen=True)
class Stand:
    """A journey's state, and the state it goes back to when a pause ends."""

    state: State
    running: State


def read_stands(connection: Connection) -> dict[str, Stand]:
    """Every journey that was ever stored."""
    rows = connection.execute(sa.select(journeys.c.name, journeys.c.state, journeys.c.file_status))
    return {name: Stand(state, _running(state, file_status)) for name, state, file_status in rows}


def _running(state: State, file_status: str | None) -> State:
    if state in ("live", "closing"):
        return state
    return "closing" if file_status == "closing" else "live"


def stored_hash(connection: Connection, journey: str) -> str | None:
    """The hash of the plan that newcomers get; None for a journey that was never deployed."""
    return connection.scalar(
        sa.select(plans.c.hash).join(journeys, journeys.c.plan_id == plans.c.id).where(journeys.c.name == journey)
    )


def prepare(database: Engine, subject: Subject, now: datetime) -> tuple[str, ...]:
    """Sees to it that there is a plan to run, and says what the run should warn of.

    The deployed plan runs, whatever the file says by now. A journey that was never deployed runs by its file;
    if that is broken, UserError with its problems.
    """
    with reading(database) as connection:
        stored = stored_hash(connection, subject.journey)
    if subject.plan is None:
        if stored is None:
            raise UserError(f"{subject.journey} cannot run; its file must be mended first.\n\n{subject.problems}")
        return (f"The file is broken; the deployed plan {stored} runs on.\n\n{subject.problems}",)
    if stored is None:
        with writing(database) as connection:
            store_plan(connection, subject.plan, now, None)
        return ()
    if stored != (written := plan_hash(subject.plan)):
        return (f"The file says {written}; the deployed plan {stored} runs until the next `vefa deploy`.",)
    return ()
