"""A journey's lease: two runs of one journey never work at the same time."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from vefa.database import reading, writing
from vefa.engine.plans import JourneyRow, journey_row
from vefa.engine.tables import journeys
from vefa.errors import VefaError

#: A run that has not renewed its lease for this long (wall clock) is taken for dead.
LEASE = timedelta(minutes=10)


class JourneyBusy(VefaError):
    """Another run of the journey is at work; this one does nothing."""


def make_owner() -> str:
    """A name for this run that tells its machine and process, so that others there can see whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def acquire(engine: Engine, journey: str, owner: str, wall: datetime) -> tuple[JourneyRow, str | None]:
    """Take the journey's lease. Returns its row and who held it before, if anybody did. Raises JourneyBusy."""
    with reading(engine) as connection:
        row = journey_row(connection, journey)
    dead = row.lease_owner if row.lease_owner and is_dead(row.lease_owner) else None
    free = sa.or_(journeys.c.lease_owner.is_(None), journeys.c.lease_until < wall, journeys.c.lease_owner == dead)
    take = sa.update(journeys).where(journeys.c.id == row.id, free)
    with writing(engine) as connection:
        if not connection.execute(take.values(lease_owner=owner, lease_until=wall + LEASE)).rowcount:
            raise JourneyBusy(f"{journey}: another run ({row.lease_owner}) is at work")
        return journey_row(connection, journey), row.lease_owner


def renew(engine: Engine, journey_id: int, owner: str, wall: datetime) -> None:
    """Keep the lease. Raises JourneyBusy where it was lost to somebody else."""
    mine = sa.and_(journeys.c.id == journey_id, journeys.c.lease_owner == owner)
    with writing(engine) as connection:
        if not connection.execute(sa.update(journeys).where(mine).values(lease_until=wall + LEASE)).rowcount:
            raise JourneyBusy("the lease of this run ran out and another run has taken over")


def give_up(engine: Engine, journey_id: int, owner: str, last_tick_at: datetime | None = None) -> None:
    """Return the lease; a completed tick leaves its moment for the next one to look back from."""
    values: dict[str, object] = {"lease_owner": None, "lease_until": None}
    if last_tick_at is not None:
        values["last_tick_at"] = last_tick_at
    mine = sa.and_(journeys.c.id == journey_id, journeys.c.lease_owner == owner)
    with writing(engine) as connection:
        connection.execute(sa.update(journeys).where(mine).values(values))


def is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that is gone. Of other machines nothing is known."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
