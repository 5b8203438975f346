"""How far we have come with İYS: a row for each cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.consent.tables import iys_progress
from vefa.database import inserting

p = iys_progress.c


@dataclass(frozen=True)
class Progress:
    """A cursor, and the moment that goes with it."""

    mark: str | None = None
    at: datetime | None = None


def read_progress(connection: Connection, name: str) -> Progress:
    """Where that one stands; at the very beginning where there is none."""
    row = connection.execute(sa.select(p.mark, p.at).where(p.name == name)).one_or_none()
    return Progress(row.mark, row.at) if row is not None else Progress()


def write_progress(connection: Connection, name: str, mark: str | None, at: datetime | None) -> None:
    """It stands there now."""
    insert = inserting(connection, iys_progress).values(name=name, mark=mark, at=at)
    again = {"mark": insert.excluded.mark, "at": insert.excluded.at}
    connection.execute(insert.on_conflict_do_update(index_elements=[p.name], set_=again))
