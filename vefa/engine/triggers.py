"""Candidates of each kind of trigger, in batches, each entered in a transaction of its own.

A tick looks from the journey's horizon to now; what it has seen before is known by `considered` (events), by the
unique entry key (dates, occurrences) or by the members kept (segments), so looking again changes nothing.
"""

from __future__ import annotations

from array import array
from calendar import isleap
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cronsim import CronSim
from sqlalchemy.engine import Connection, Engine

from vefa.crm import facts
from vefa.crm.dates import local_date, start_of
from vefa.crm.fields import FIELDS
from vefa.crm.scope import World
from vefa.crm.segments import OF_ROLL_UPS, everybody, members
from vefa.crm.tables import customers, events
from vefa.database import Id, Instant, among, inserting, reading, to_micros, writing
from vefa.engine.entries import (
    ENTER_BATCH,
    Doorway,
    EntryCounts,
    as_candidates,
    candidates,
    enter_candidates,
)
from vefa.engine.preflight import fed, first_held
from vefa.engine.tables import considered, enrolments, segment_members
from vefa.engine.timing import yearly
from vefa.language.catalogue import REPEATED_EVENTS
from vefa.plan.ways_in import DateTrigger, EventTrigger, EveryTrigger, SegmentTrigger

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
    e = events.c
    by_object = trigger.object_kind and trigger.event not in REPEATED_EVENTS
    key = sa.func.coalesce(e.object_id, e.id) if by_object else e.id
    columns = (e.customer_id, key, e.occurred_at, e.object_kind, e.object_id, e.order_id, NULL_DATE, e.id)
    for ids in _batches(door.engine, _new_events(door, trigger)):
        with writing(door.engine) as connection:
            outcomes = enter_candidates(connection, door, as_candidates(*columns).where(among(e.id, ids)))
            _record_considered(connection, door)
        yield outcomes


def _new_events(door: Doorway, trigger: EventTrigger) -> sa.Select[Any]:
    """Known since the horizon and not looked at yet; the earliest first, so that the earliest wins (rule 8)."""
    e = events.c
    seen = sa.exists().where(considered.c.journey_id == door.row.id, considered.c.event_id == e.id)
    known = e.known_at.between(door.horizon, door.now)
    query = sa.select(e.id).where(e.type == trigger.event, known, e.customer_id.is_not(None), sa.not_(seen))
    return query.order_by(e.occurred_at, e.id)


def _batches(engine: Engine, query: sa.Select[Any]) -> Iterator[list[int]]:
    """The numbers that the query finds, read at one moment and kept as plain machine words."""
    with reading(engine) as connection:
        found = array("q", connection.scalars(query))
    for start in range(0, len(found), ENTER_BATCH):
        yield found[start : start + ENTER_BATCH].tolist()


def _record_considered(connection: Connection, door: Doorway) -> None:
    c = candidates.c
    rows = sa.select(sa.literal(door.row.id), c.event_id, c.outcome, sa.literal(door.now, Instant()))
    insert = inserting(connection, considered).from_select(
        ["journey_id", "event_id", "outcome", "at"], rows.where(c.event_id.is_not(None))
    )
    connection.execute(insert.on_conflict_do_nothing())


# --- dates -------------------------------------------------------------------------------------------------------


def _enter_by_date(door: Doorway, trigger: DateTrigger) -> Iterator[dict[str, int]]:
    for rows in fed(door, lambda: _date_waves(door, trigger)):
        with writing(door.engine) as connection:
            yield enter_candidates(connection, door, rows)


def _date_waves(door: Doorway, trigger: DateTrigger) -> Iterator[tuple[datetime, sa.Select[Any]]]:
    for moment, day, zones in _date_moments(door, trigger):
        with reading(door.engine) as connection:
            ids = _whose_day(connection, door, trigger, day, zones)
        for start in range(0, len(ids), ENTER_BATCH):
            chosen = among(customers.c.id, ids[start : start + ENTER_BATCH])
            yield moment, _candidates(chosen, day.year, moment, day)


def _since(door: Doorway) -> datetime:
    """From where on waves are looked for: from the horizon, or the first one that waits for codes, if not too old."""
    return max(min(door.horizon, first_held(door) or door.horizon), door.oldest)


def _date_moments(door: Doorway, trigger: DateTrigger) -> Iterator[tuple[datetime, date, tuple[str, ...]]]:
    """Moments since the horizon at which some zones reach the trigger: (moment, the anniversary, those zones)."""
    zones = set(door.world.zones) | {door.world.shop.zone}
    shift = timedelta(days=trigger.offset)
    first = _since(door)
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
    connection: Connection, door: Doorway, trigger: DateTrigger, day: date, zones: tuple[str, ...]
) -> list[int]:
    """Ids of customers in `zones` whose day it is: a look along the field's index for each year that there was."""
    asked = [trigger.field, "customer.zone"]
    source, scope = everybody(door.world, asked, only_buyers=trigger.field in OF_ROLL_UPS)
    value = FIELDS[trigger.field].anniversary(scope)
    first = connection.scalar(sa.select(sa.func.min(value)))  # from the field's own table: one step along its index
    if first is None:
        return []
    spans = _spans(day, first)
    query = (
        sa.select(customers.c.id, customers.c.zone, value.label("value"))
        .select_from(source)
        .join(spans, value.between(spans.c.low, spans.c.high))
        .where(customers.c.known_at <= door.now)
        .order_by(customers.c.id)
    )
    rows = connection.execute(query)
    return [row.id for row in rows if row.zone in zones and _falls_on(row.value, day, row.zone)]


def _spans(day: date, first: date | datetime) -> Any:
    """The days whose anniversary `day` is, year by year, as a table; for moments with two days on either side, since
    they are read on the clocks of all zones."""
    spans: list[tuple[Any, Any]] = []
    for year in range(first.year - 1, day.year):
        low = yearly(day, year)
        high = date(year, 2, 29) if low == date(year, 2, 28) and isleap(year) else low
        if isinstance(first, datetime):
            start, end = (datetime.combine(d, time(), tzinfo=UTC) for d in (low, high))
            spans.append((start - timedelta(days=2), end + timedelta(days=3)))
        else:
            spans.append((low, high))
    kind: Any = Instant() if isinstance(first, datetime) else sa.Date()
    bound = [tuple(sa.literal(edge, kind) for edge in span) for span in spans]
    return sa.values(sa.column("low", kind), sa.column("high", kind), name="given").data(bound).cte("spans")


def _falls_on(value: date | datetime, day: date, zone: str) -> bool:
    """The anniversary of `value` (never its first day itself) is `day` on the customer's own calendar."""
    born = local_date(value, zone) if isinstance(value, datetime) else value
    return born.year < day.year and yearly(born, day.year) == day


def _candidates(which: Any, key: int, moment: datetime, day: date | None) -> sa.Select[Any]:
    """Customers as candidates, all of one moment."""
    return as_candidates(
        customers.c.id,
        sa.literal(key, sa.BigInteger),
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
    key = int(local_date(door.now, door.world.shop.zone).strftime("%Y%m%d"))

    def wave() -> Iterator[tuple[datetime, sa.Select[Any]]]:
        for ids in _batches(door.engine, _not_remembered(door, trigger, door.world)):
            yield door.now, _candidates(among(customers.c.id, ids), key, door.now, None)

    for rows in fed(door, wave):
        with writing(door.engine) as connection:
            outcomes = enter_candidates(connection, door, rows)
            _add_members(connection, door, candidates.c.customer_id)
        yield outcomes
    _forget_members(door, trigger)


def _not_remembered(door: Doorway, trigger: SegmentTrigger, world: World) -> sa.Select[Any]:
    """Who is in the segment as of the world's now, known by then, and not among the members kept."""
    inside, member = members(trigger.condition, world).subquery("inside"), segment_members.c
    kept = sa.exists().where(member.journey_id == door.row.id, member.customer_id == inside.c.customer_id)
    known = sa.select(customers.c.id).where(customers.c.id == inside.c.customer_id, customers.c.known_at <= world.now)
    query = sa.select(inside.c.customer_id).where(sa.not_(kept), known.exists())
    return query.order_by(inside.c.customer_id)


def _remember_members(door: Doorway, trigger: SegmentTrigger) -> None:
    """Who was in the segment at the moment from which on people enter: asked of the dated rows as of then, unless the
    roll-ups have not changed since."""
    then = min(door.row.entry_from or door.now, door.now)
    with reading(door.engine) as connection:
        serves = door.world.facts == "rolled" and facts.serve(connection, then)
    world = replace(door.world, now=then, facts="rolled" if serves else "dated")
    for ids in _batches(door.engine, _not_remembered(door, trigger, world)):
        with writing(door.engine) as connection:
            _add_members(connection, door, customers.c.id, among(customers.c.id, ids))


def _add_members(connection: Connection, door: Doorway, who: Any, *which: Any) -> None:
    rows = sa.select(sa.literal(door.row.id), who, sa.literal(door.now, Instant())).where(sa.true(), *which)
    insert = inserting(connection, segment_members).from_select(["journey_id", "customer_id", "since"], rows)
    connection.execute(insert.on_conflict_do_nothing())


def _forget_members(door: Doorway, trigger: SegmentTrigger) -> None:
    """Who has gone out may come in again."""
    member = segment_members.c
    mine = member.journey_id == door.row.id
    out = member.customer_id.not_in(members(trigger.condition, door.world))
    for ids in _batches(door.engine, sa.select(member.customer_id).where(mine, out)):
        with writing(door.engine) as connection:
            connection.execute(sa.delete(segment_members).where(mine, among(member.customer_id, ids)))


# --- recurring broadcasts ------------------------------------------------------------------------------------------


def _enter_by_schedule(door: Doorway, trigger: EveryTrigger) -> Iterator[dict[str, int]]:
    for rows in fed(door, lambda: _scheduled_waves(door, trigger)):
        with writing(door.engine) as connection:
            outcomes = enter_candidates(connection, door, rows)
        yield outcomes


def _scheduled_waves(door: Doorway, trigger: EveryTrigger) -> Iterator[tuple[datetime, sa.Select[Any]]]:
    zone = ZoneInfo(trigger.zone or door.world.shop.zone)
    for moment in _occurrences(trigger.cron, zone, _since(door), door.now):
        key = to_micros(moment) // 60_000_000
        looked_at = door.row.last_tick_at is not None and moment <= door.row.last_tick_at
        for which in _left_out(door, key) if looked_at else _everybody(door):
            yield moment, _candidates(which, key, moment, None)


def _everybody(door: Doorway) -> Iterator[Any]:
    """All customers, in ranges of their ids."""
    after = 0
    ids = customers.c.id
    while True:
        some = sa.select(ids).where(ids > after).order_by(ids).limit(ENTER_BATCH).subquery()
        with reading(door.engine) as connection:
            last = connection.scalar(sa.select(sa.func.max(some.c.id)))
        if last is None:
            return
        yield ids.between(after + 1, last)
        after = last


def _left_out(door: Doorway, key: int) -> Iterator[Any]:
    """Who could come in and has not, after a tick that looked at everybody: customers of whom we learned late."""
    wanted = members(door.pin.plan.audience, door.world).subquery("wanted")
    e = enrolments.c
    inside = sa.exists().where(e.journey_id == door.row.id, e.customer_id == wanted.c.customer_id, e.entry_key == key)
    for ids in _batches(door.engine, sa.select(wanted.c.customer_id).where(sa.not_(inside))):
        yield among(customers.c.id, ids)


def _occurrences(cron: str, zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """Moments of the cron line in [first, last]; CronSim keeps to the zone's clock across its changes."""
    for moment in CronSim(cron, first.astimezone(zone) - timedelta(minutes=1)):
        if moment > last:
            return
        if moment >= first:
            yield moment.astimezone(first.tzinfo)
