"""Making a restored backup safe to run: what happened since the backup is walked through once more, in silence.

Between the backup and its restore messages went out that the ledger no longer knows. Waits, events and occurrences
have their own times, so a walk without sending leads everybody to where they may have been, and every message that was
due on the way is written off instead of sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.clock import Clock, stopped_at
from vefa.database import metadata, reading, writing
from vefa.engine.entries import BATCH, Doorway
from vefa.engine.erasures import forget_again
from vefa.engine.shop import Shop
from vefa.engine.stands import Aside, Stand, stand_at
from vefa.engine.steps import advance
from vefa.engine.tables import enrolments, journeys
from vefa.engine.tick import Tick
from vefa.errands import book
from vefa.errands.tables import errands
from vefa.errors import UserError
from vefa.ledger.tables import sends
from vefa.ledger.write_offs import write_off
from vefa.plan.steps import Message
from vefa.plan.ways_in import SegmentTrigger
from vefa.rewards.pools import set_aside

#: How many numbers are left out, so that none that went over the wire since the backup is ever given again.
LEAP = 10_000_000

e, j, s = enrolments.c, journeys.c, sends.c


@dataclass(frozen=True)
class Restored:
    """What became of one journey: who came in since the backup, what was written off, and what will still go."""

    journey: str
    entered: int = 0
    written_off: int = 0
    goes_again: int = 0


def close_gap(shop: Shop, since: datetime, *, now: datetime, owner: str, wall: Clock) -> tuple[Restored, ...]:
    """Settle, for every running journey, what may have happened between the backup's moment and now.

    Nothing is sent. Afterwards nothing that happened before now enters anybody, and who came into a segment meanwhile
    is only remembered. It may be repeated. UserError where the store knows of something later than the backup.
    """
    _refuse_another_past(shop, since, now)
    forget_again(shop.database, shop.settings)
    with reading(shop.database) as connection:
        names = list(connection.scalars(sa.select(j.name).where(j.state.in_(("live", "closing"))).order_by(j.name)))
    with writing(shop.database) as connection:
        for table in (enrolments, sends, errands):
            _leap(connection, table)
        set_aside(connection, now)  # which of a pool's codes were given since the backup, nobody here knows
    found = {name: Restored(name) for name in names}
    while moved := [_walk(shop, name, now, owner, wall) for name in names]:  # some hand people on to others
        for each, _ in moved:
            found[each.journey] = _added(found[each.journey], each)
        if not any(steps for _, steps in moved):
            break
    with writing(shop.database) as connection:
        maybe = sa.or_(errands.c.next_try_at <= now, errands.c.attempts > 0)
        book.skip(connection, maybe, "may have gone before the restore", now)
        connection.execute(sa.update(journeys).where(j.name.in_(names)).values(entry_from=now))
    return tuple(replace(each, goes_again=_going_again(shop, each.journey, now)) for each in found.values())


def _added(one: Restored, more: Restored) -> Restored:
    return replace(one, entered=one.entered + more.entered, written_off=one.written_off + more.written_off)


def _refuse_another_past(shop: Shop, since: datetime, now: datetime) -> None:
    if since > now:
        raise UserError("The backup was made in the past: --since must not lie after now.")
    with reading(shop.database) as connection:
        signs = [connection.scalar(sa.select(sa.func.max(column))) for column in (s.claimed_at, j.last_tick_at)]
    newest = max((sign for sign in signs if sign is not None), default=since)
    if newest > since:
        raise UserError(
            f"This store knows what happened up to {newest.isoformat()}, after --since: it is not that backup, or the "
            "journeys have run since. Give the moment at which the backup that was restored had been made."
        )


def _walk(shop: Shop, journey: str, now: datetime, owner: str, wall: Clock) -> tuple[Restored, int]:
    """One journey once from top to bottom, under its lease; also how many rows moved or ended."""
    tick = Tick.begin(shop, journey, clock=stopped_at(now), owner=owner, wall=wall)
    try:
        if tick.pins and isinstance(tick.pins[0].plan.trigger, SegmentTrigger):
            tick.row = replace(tick.row, state="closing")  # when they came in is not known any more
        entries = tick.enter()
        written_off, moved = 0, entries.entered + entries.left
        for stand in _stands(tick):
            moved += advance(stand)
            if isinstance(stand.step, Message):
                written_off += (ended := _write_off(stand))
                moved += ended + (advance(stand) if ended else 0)
        return Restored(journey, entries.entered, written_off), moved
    finally:
        tick.abandon()  # it counts as no tick: the next one looks at segments as after a pause


def _stands(tick: Tick) -> list[Stand]:
    doors = [Doorway(tick.shop.database, tick.row, pin, tick.world) for pin in tick.pins]
    return [
        stand_at(tick.shop, door.pin, step, tick.world, door.horizon) for door in doors for step in door.pin.plan.steps
    ]


def _write_off(stand: Stand) -> int:
    mine = sa.and_(s.journey_id == stand.pin.journey_id, s.step == stand.pin.number(stand.step.id))
    total, ended = 0, BATCH
    while ended == BATCH:
        with writing(stand.engine) as connection:
            ended = write_off(connection, mine, stand.now, BATCH)
            if isinstance(stand, Aside):  # held nobody
                total += ended
                continue
            gone = sa.exists().where(mine, s.enrolment_id == e.id, s.state == "skipped").correlate_except(sends)
            held = sa.and_(stand.here, e.phase == 1, e.due_at.is_(None), gone)
            connection.execute(sa.update(enrolments).where(held).values(due_at=stand.now))
        total += ended
    return total


def _going_again(shop: Shop, journey: str, now: datetime) -> int:
    """Messages that the next run will send although they may have gone."""
    which = sa.and_(j.name == journey, s.journey_id == j.id, s.state == "queued", s.not_before <= now)
    with reading(shop.database) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(sends).join(journeys, which)) or 0


def _leap(connection: Connection, table: sa.Table) -> None:
    """The next row gets a number far above all that may have been given since the backup.

    Those went over the wire, and coupons are made of them. PostgreSQL counts by itself; SQLite goes on from its
    highest row, so one row, best one that never went, takes a high number.
    """
    key: Any = table.c.id
    if connection.dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        connection.execute(sa.select(sa.func.setval(sequence, sa.func.nextval(sequence) + LEAP)))
        return
    unsent = [table.c.attempt] if table is sends else []
    row = connection.scalar(sa.select(key).order_by(*unsent, key.desc()).limit(1))
    if row is None:
        return
    number = (connection.scalar(sa.select(sa.func.max(key))) or 0) + LEAP
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    for column in _pointing_at(table):
        connection.execute(sa.update(column.table).where(column == row).values({column: number}))
    connection.execute(sa.update(table).where(key == row).values(id=number))


def _pointing_at(table: sa.Table) -> Sequence[sa.Column[Any]]:
    return [key.parent for other in metadata.sorted_tables for key in other.foreign_keys if key.column is table.c.id]
