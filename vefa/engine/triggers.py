"""Candidates of each kind of trigger, in batches, each entered in a transaction of its own.

A tick looks from the journey's horizon to now; what it has seen before is known by `considered` (events), by the
unique entry key (dates, occurrences) or by the members kept (segments), so looking again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cronsim import CronSim
from sqlalchemy.engine import Connection

from vefa.crm.conditions import compile_condition
from vefa.crm.dates import local_date, month_day, start_of
from vefa.crm.fields import FIELDS
from vefa.crm.tables import customers, events
from vefa.database import Id, Instant, among, reading, to_micros, writing
from vefa.engine.entries import BATCH, Doorway, EntryCounts, candidates, enter_staged, insert_ignore, stage
from vefa.engine.scopes import customer_scope
from vefa.engine.tables import considered, segment_members
from vefa.engine.timing import yearly
from vefa.plan.steps import DateTrigger, EventTrigger, EveryTrigger, SegmentTrigger

NULL_TEXT = sa.cast(sa.null(), sa.Text)
NULL_ID = sa.cast(sa.null(), Id)
NULL_DATE = sa.cast(sa.null(), sa.Date)


def enter(door: Doorway) -> EntryCounts:
    """Everybody who enters the journey now."""
    counts = EntryCounts()
    match door.pin.plan.trigger:
        case EventTrigger() as trigger:
            batches = _enter_by_event(door, trigger)
        case DateTrigger() as trigger:
            batches = _enter_by_date(door, trigger)
        case SegmentTrigger() as trigger:
            batches = _enter_by_segment(door, trigger)
        case EveryTrigger() as trigger:
            batches = _enter_by_schedule(door, trigger)
        case _:
            batches = iter(())  # `entered`: other journeys send people here
    for outcomes in batches:
        counts.add(outcomes)
    return counts


# --- events ------------------------------------------------------------------------------------------------------


def _enter_by_event(door: Doorway, trigger: EventTrigger) -> Iterator[dict[str, int]]:
    while True:
        with writing(door.engine) as connection:
            if not stage(connection, _new_events(door, trigger)):
                return
            outcomes = enter_staged(connection, door)
            _record_considered(connection, door)
        yield outcomes


def _new_events(door: Doorway, trigger: EventTrigger) -> sa.Select[Any]:
    """Known since the horizon and not looked at yet; the earliest first, so that the earliest wins (rule 8)."""
    e = events.c
    seen = sa.exists().where(considered.c.journey_id == door.row.id, considered.c.event_id == e.id)
    key = sa.func.coalesce(e.object_id, e.id) if trigger.object_kind else e.id
    return (
        sa.select(e.customer_id, key, e.occurred_at, e.object_kind, e.object_id, e.order_id, NULL_DATE, e.id)
        .where(
            e.type == trigger.event,
            e.known_at.between(door.horizon, door.now),
            e.customer_id.is_not(None),
            sa.not_(seen),
        )
        .order_by(e.occurred_at, e.id)
        .limit(BATCH)
    )


def _record_considered(connection: Connection, door: Doorway) -> None:
    c = candidates.c
    rows = sa.select(sa.literal(door.row.id), c.event_id, c.outcome, sa.literal(door.now, Instant()))
    insert = insert_ignore(connection, considered).from_select(
        ["journey_id", "event_id", "outcome", "at"], rows.where(c.event_id.is_not(None))
    )
    connection.execute(insert.on_conflict_do_nothing())


# --- dates -------------------------------------------------------------------------------------------------------


def _enter_by_date(door: Doorway, trigger: DateTrigger) -> Iterator[dict[str, int]]:
    for moment, day, zones in _date_moments(door, trigger):
        after = 0
        while True:
            with reading(door.engine) as connection:
                ids, after = _whose_day(connection, door, trigger, day, zones, after)
            if ids:
                chosen = among(customers.c.id, ids)
                with writing(door.engine) as connection:
                    stage(connection, _candidates(chosen, day.year, moment, day))
                    yield enter_staged(connection, door)
            if after < 0:
                break


def _date_moments(door: Doorway, trigger: DateTrigger) -> Iterator[tuple[datetime, date, tuple[str, ...]]]:
    """Moments since the horizon at which some zones reach the trigger: (moment, the anniversary, those zones)."""
    zones = set(door.world.zones) | {door.world.shop.zone}
    shift = timedelta(days=trigger.offset)
    first = max(door.horizon, door.oldest)
    found: dict[tuple[datetime, date], list[str]] = {}
    for zone in sorted(zones):
        day = local_date(first, zone)
        while (moment := start_of(day, trigger.at, zone)) <= door.now:
            if moment >= first:
                found.setdefault((moment, day - shift), []).append(zone)
            day += timedelta(days=1)
    for (moment, anniversary), where in sorted(found.items()):
        yield moment, anniversary, tuple(where)


def _whose_day(
    connection: Connection, door: Doorway, trigger: DateTrigger, day: date, zones: tuple[str, ...], after: int
) -> tuple[list[int], int]:
    """Ids of customers in `zones` whose day it is, in key order from `after`; the next `after` is -1 at the end."""
    scope = customer_scope(door.world, customers.c.id, customers.c.zone)
    value = FIELDS[trigger.field].sql(scope)
    near = {(day + timedelta(days=n)).strftime("%m%d") for n in (-1, 0, 1)}
    if near & {"0228", "0301"}:  # neighbours in one year, with a day between them in another
        near |= {"0228", "0229", "0301"}
    query = (
        sa.select(customers.c.id, customers.c.zone, value.label("value"))
        .where(customers.c.id > after, customers.c.zone.in_(zones), customers.c.known_at <= door.now)
        .where(month_day(value).in_([int(n) for n in near]))
        .order_by(customers.c.id)
        .limit(BATCH)
    )
    rows = connection.execute(query).all()
    ids = [row.id for row in rows if _falls_on(row.value, day, row.zone)]
    return ids, rows[-1].id if len(rows) == BATCH else -1


def _falls_on(value: date | datetime, day: date, zone: str) -> bool:
    """The anniversary of `value` (never its first day itself) is `day` on the customer's own calendar."""
    born = local_date(value, zone) if isinstance(value, datetime) else value
    return born.year < day.year and yearly(born, day.year) == day


def _candidates(which: Any, key: Any, moment: datetime, day: date | None) -> sa.Select[Any]:
    """Customers as candidates, all of one moment."""
    return sa.select(
        customers.c.id,
        sa.literal(key, sa.BigInteger) if isinstance(key, int) else key,
        sa.literal(moment, Instant()),
        NULL_TEXT,
        NULL_ID,
        NULL_ID,
        NULL_DATE if day is None else sa.literal(day, sa.Date()),
        NULL_ID,
    ).where(which, customers.c.known_at <= moment)


# --- segments ----------------------------------------------------------------------------------------------------


def _enter_by_segment(door: Doorway, trigger: SegmentTrigger) -> Iterator[dict[str, int]]:
    """Who is in now and was not at the last look. Who was in when the journey went live, or was resumed, is
    only remembered (rules 4, 22)."""
    if door.row.last_tick_at is None or door.row.last_tick_at < (door.row.entry_from or door.now):
        _remember_members(door, trigger)
    member = segment_members.c
    inside = sa.select(member.customer_id).where(member.journey_id == door.row.id)
    holds = compile_condition(trigger.condition, customer_scope(door.world, customers.c.id, customers.c.zone))
    key = int(local_date(door.now, door.world.shop.zone).strftime("%Y%m%d"))
    for low, high in _id_ranges(door):
        fresh = sa.and_(customers.c.id.between(low, high), customers.c.id.not_in(inside), holds)
        with reading(door.engine) as connection:
            ids = list(connection.scalars(sa.select(customers.c.id).where(fresh, customers.c.known_at <= door.now)))
        for start in range(0, len(ids), BATCH):
            chosen = among(customers.c.id, ids[start : start + BATCH])
            with writing(door.engine) as connection:
                stage(connection, _candidates(chosen, key, door.now, None))
                outcomes = enter_staged(connection, door)
                _add_members(connection, door, chosen)
            yield outcomes
    _forget_members(door, trigger)


def _remember_members(door: Doorway, trigger: SegmentTrigger) -> None:
    """Who was in the segment at the moment from which on people enter, asked of the dated rows as of then."""
    then = min(door.row.entry_from or door.now, door.now)
    world = replace(door.world, now=then, facts="dated")
    holds = compile_condition(trigger.condition, customer_scope(world, customers.c.id, customers.c.zone))
    for low, high in _id_ranges(door):
        within = sa.and_(customers.c.id.between(low, high), holds, customers.c.known_at <= then)
        with writing(door.engine) as connection:
            _add_members(connection, door, within)


def _add_members(connection: Connection, door: Doorway, which: Any) -> None:
    rows = sa.select(sa.literal(door.row.id), customers.c.id, sa.literal(door.now, Instant())).where(which)
    insert = insert_ignore(connection, segment_members).from_select(["journey_id", "customer_id", "since"], rows)
    connection.execute(insert.on_conflict_do_nothing())


def _forget_members(door: Doorway, trigger: SegmentTrigger) -> None:
    """Who has gone out may come in again."""
    member = segment_members.c
    scope = customer_scope(door.world, member.customer_id)
    out = sa.not_(compile_condition(trigger.condition, scope))
    for low, high in _id_ranges(door):
        which = sa.and_(member.journey_id == door.row.id, member.customer_id.between(low, high), out)
        with reading(door.engine) as connection:
            ids = list(connection.scalars(sa.select(member.customer_id).where(which)))
        for start in range(0, len(ids), BATCH):
            gone = among(member.customer_id, ids[start : start + BATCH])
            with writing(door.engine) as connection:
                connection.execute(sa.delete(segment_members).where(member.journey_id == door.row.id, gone))


def _id_ranges(door: Doorway, width: int = 50_000) -> Iterator[tuple[int, int]]:
    with reading(door.engine) as connection:
        low, high = connection.execute(sa.select(sa.func.min(customers.c.id), sa.func.max(customers.c.id))).one()
    for start in range(low or 0, (high or -1) + 1, width):
        yield start, start + width - 1


# --- recurring broadcasts ------------------------------------------------------------------------------------------


def _enter_by_schedule(door: Doorway, trigger: EveryTrigger) -> Iterator[dict[str, int]]:
    zone = ZoneInfo(trigger.zone or door.world.shop.zone)
    for moment in _occurrences(trigger.cron, zone, max(door.horizon, door.oldest), door.now):
        after = 0
        while True:
            ids = sa.select(customers.c.id).where(customers.c.id > after).order_by(customers.c.id).limit(BATCH)
            with writing(door.engine) as connection:
                last = connection.scalar(sa.select(sa.func.max(ids.subquery().c.id)))
                if last is None:
                    break
                which = customers.c.id.between(after + 1, last)
                stage(connection, _candidates(which, to_micros(moment) // 60_000_000, moment, None))
                outcomes = enter_staged(connection, door)
            yield outcomes
            after = last


def _occurrences(cron: str, zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """Moments of the cron line in [first, last]; CronSim keeps to the zone's clock across its changes."""
    for moment in CronSim(cron, first.astimezone(zone) - timedelta(minutes=1)):
        if moment > last:
            return
        if moment >= first:
            yield moment.astimezone(first.tzinfo)
