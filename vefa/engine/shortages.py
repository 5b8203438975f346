"""Pools that have too few codes: who waits for how many of them, told to the journey's owner once.

A shortage is a row for as long as it lasts. Nothing waits on the row itself: customers stand at their step, and a wave
at its moment, until the pool has codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.engine import Connection

from vefa.database import Id, Instant, inserting, metadata, reading
from vefa.engine.owners import Word, tell
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments, journeys
from vefa.errands.letters import About

#: `empty`: customers stand at a step; `wave`: nobody of a wave has entered; `low`: it will not last long.
Kind = Literal["empty", "wave", "low"]

pool_shortages = Table(
    "pool_shortages",
    metadata,
    Column("journey_id", Id, ForeignKey("journeys.id"), primary_key=True),
    Column("pool", sa.Text, primary_key=True),
    Column("kind", sa.Text, primary_key=True, comment="empty | wave | low"),
    Column("codes", sa.Integer, nullable=False, comment="empty, wave: so many are missing; low: so many are left"),
    Column("step", Id, comment="empty: the step at which they stand"),
    Column("wave_at", Instant, comment="wave: the moment of its first people"),
    Column("at", Instant, nullable=False, comment="since when"),
    Column("told_at", Instant, comment="the owner was told; null: not yet, or nobody can be told"),
    comment="pools with too few codes, as long as it lasts",
)

q, e, j = pool_shortages.c, enrolments.c, journeys.c


@dataclass(frozen=True)
class Shortage:
    """A pool with too few codes for a journey."""

    journey: str
    pool: str
    kind: str
    codes: int
    at: datetime

    @property
    def says(self) -> str:
        """What it means, in a sentence without its end."""
        customers = "1 customer waits" if self.codes == 1 else f"{self.codes:,} customers wait"
        codes = "1 more code" if self.codes == 1 else f"{self.codes:,} more codes"
        match self.kind:
            case "empty":
                return f"{customers} in {self.journey} for codes of the pool {self.pool}, and it can give none"
            case "wave":
                return f"{self.journey} lets nobody in: its next wave needs {codes} than the pool {self.pool} has"
        return f"the pool {self.pool} of {self.journey} has {self.codes:,} codes left"


def note(
    connection: Connection,
    journey_id: int,
    pool: str,
    kind: Kind,
    codes: int,
    now: datetime,
    *,
    step: int | None = None,
    wave_at: datetime | None = None,
) -> None:
    """The pool has too few codes for the journey. Since when, and whether its owner knows, stays as it was."""
    values = {"codes": codes, "step": step, "wave_at": wave_at}
    row = {"journey_id": journey_id, "pool": pool, "kind": kind, "at": now, **values}
    insert = inserting(connection, pool_shortages).values(row)
    key = [q.journey_id, q.pool, q.kind]
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=values))


def over(connection: Connection, journey_id: int, kind: Kind, pool: str | None = None) -> None:
    """It lasts no longer: of that pool, or of any."""
    mine = [q.journey_id == journey_id, q.kind == kind, *([] if pool is None else [q.pool == pool])]
    connection.execute(sa.delete(pool_shortages).where(*mine))


def look_over(connection: Connection, journey_id: int, now: datetime) -> None:
    """Nobody stands any more where somebody waited: they have left."""
    stands = sa.exists().where(
        e.journey_id == q.journey_id, e.step == q.step, e.state == "active", e.phase == 0, e.due_at <= now
    )
    mine = sa.and_(q.journey_id == journey_id, q.kind == "empty")
    connection.execute(sa.delete(pool_shortages).where(mine, sa.not_(stands.correlate_except(enrolments))))


def wave_since(connection: Connection, journey_id: int) -> datetime | None:
    """The moment of the first wave that waits for codes."""
    query = sa.select(sa.func.min(q.wave_at)).where(q.journey_id == journey_id, q.kind == "wave")
    found: datetime | None = connection.scalar(query)
    return found


def shortages(connection: Connection, *, untold: bool = False) -> tuple[Shortage, ...]:
    """All that last; `untold`: of those, the ones whose owner has not heard."""
    query = sa.select(j.name, q.pool, q.kind, q.codes, q.at).join_from(pool_shortages, journeys, j.id == q.journey_id)
    query = query.where(j.state.in_(("live", "closing"))).order_by(q.at, j.name, q.pool, q.kind)
    return tuple(Shortage(*row) for row in connection.execute(query.where(q.told_at.is_(None)) if untold else query))


def tell_owners_of_pools(shop: Shop, now: datetime) -> int:
    """Write to the owners who have not heard of a shortage yet. Never raises for a channel; how many letters went."""
    with reading(shop.database) as connection:
        found = shortages(connection, untold=True)
    return tell(shop, map(_word, found), now)


def _word(shortage: Shortage) -> Word:
    journey = sa.select(j.id).where(j.name == shortage.journey).scalar_subquery()
    mine = sa.and_(q.journey_id == journey, q.pool == shortage.pool, q.kind == shortage.kind)
    said = shortage.says
    told = (
        f"{said[0].upper()}{said[1:]}.",
        "Nobody gets a message without their code, and nothing is lost: all goes on by itself once there are codes.",
        f"Make more at the shop's checkout, and bring them in with: vefa coupons import {shortage.pool} FILE.csv",
    )
    return Word(
        about=About(shortage.journey, "pool"),
        ref=f"pool-{shortage.pool}-{shortage.kind}.1",
        subject=f"{shortage.journey} needs codes of the pool {shortage.pool}",
        paragraphs=told,
        table=pool_shortages,
        row=mine,
        told={"journey": shortage.journey, "kind": shortage.kind},
    )
