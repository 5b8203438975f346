"""When there is work: for whoever walks from one moment to the next, and for a tick that may be spared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cronsim import CronSim
from sqlalchemy.engine import Connection, Engine

from vefa.crm.coupon_uses import coupon_uses
from vefa.crm.dates import local_date, start_of
from vefa.crm.scope import known_zones
from vefa.crm.tables import events
from vefa.database import from_micros, reading, to_micros
from vefa.engine.plans import JourneyRow, Pinned, journey_row, pinned
from vefa.engine.shortages import pool_shortages
from vefa.engine.tables import OPEN, enrolments, journeys, occasions
from vefa.errands import book
from vefa.errands.tables import errands
from vefa.ledger.tables import batches, sends
from vefa.plan.steps import WaitUntilEvent, WaitUntilTime
from vefa.plan.ways_in import DateTrigger, EventTrigger, EveryTrigger, SegmentTrigger
from vefa.rewards.redemptions import EVENT, find_redemptions

e, s, r = enrolments.c, sends.c, errands.c
#: How often segments are looked at by whoever walks through time.
SEGMENTS_EVERY = timedelta(hours=1)


def running(connection: Connection, only: Collection[str] = ()) -> list[tuple[JourneyRow, Pinned]]:
    """Journeys that tick (of `only` these, if any are named), each with its current plan."""
    query = sa.select(journeys.c.name).where(journeys.c.state.in_(("live", "closing")), journeys.c.plan_id.is_not(None))
    if only:
        query = query.where(journeys.c.name.in_(only))
    rows = [journey_row(connection, name) for name in connection.scalars(query.order_by(journeys.c.name))]
    return [(row, pinned(connection, row.plan_id or 0)) for row in rows]


def event_types(pin: Pinned) -> set[str]:
    """Events on whose coming the journey does something."""
    plan, types = pin.plan, set()
    if isinstance(plan.trigger, EventTrigger):
        types.add(plan.trigger.event)
    types |= {scope.event for scope in plan.exits.on}
    if plan.goal:
        types.add(plan.goal.scope.event)
    types |= {each.scope.event for each in plan.whenever}
    types |= {step.scope.event for step in plan.steps if isinstance(step, WaitUntilEvent)}
    for step in plan.steps:
        if isinstance(step, WaitUntilTime):
            types.add(step.until.field.removesuffix("_at"))
    return types


def running_journeys(database: Engine, only: Collection[str] = ()) -> tuple[str, ...]:
    """All journeys that tick, with or without anything due."""
    with reading(database) as connection:
        return tuple(row.name for row, _ in running(connection, only))


def due_journeys(database: Engine, now: datetime, shop_zone: str, only: Collection[str] = ()) -> tuple[str, ...]:
    """Journeys with anything due, by one query over all of them; a few looks along indexes for each."""
    with reading(database) as connection:
        found = running(connection, only)
    if not found:
        return ()
    if any(EVENT in event_types(pin) for _, pin in found):
        find_redemptions(database, now)
    with reading(database) as connection:
        zones = {*known_zones(connection), shop_zone}
        parts = [sa.select(sa.literal(row.id, sa.BigInteger)).where(_has_work(row, pin, now)) for row, pin in found]
        ids = set(connection.scalars(sa.union_all(*parts)))
        clocks = {row.id for row, pin in found if _clock_is_due(row, pin, zones, now, shop_zone)}
    return tuple(row.name for row, _ in found if row.id in ids | clocks)


def _has_work(row: JourneyRow, pin: Pinned, now: datetime) -> sa.ColumnElement[bool]:
    """Somebody is due, a message is queued or was left half-way, or an event that the journey knows has come in."""
    return sa.or_(
        sa.exists().where(e.journey_id == row.id, e.state == "active", e.due_at <= now),
        sa.exists().where(s.journey_id == row.id, s.state == "queued", s.batch_id.is_(None), s.not_before <= now),
        sa.exists().where(batches.c.journey_id == row.id, batches.c.settled_at.is_(None)),
        sa.exists().where(occasions.c.journey_id == row.id, occasions.c.state.in_(OPEN)),
        sa.exists().where(r.journey_id == row.id, r.state == "queued", r.next_try_at <= now),
        sa.exists().where(pool_shortages.c.journey_id == row.id, pool_shortages.c.kind == "wave"),
        sa.exists().where(
            events.c.type.in_(sorted(event_types(pin))), events.c.known_at.between(_since(row, now), now)
        ),
    )


def _since(row: JourneyRow, now: datetime) -> datetime:
    since = row.last_tick_at or row.entry_from or now
    return since + timedelta(microseconds=1) if row.last_tick_at else since


def _clock_is_due(row: JourneyRow, pin: Pinned, zones: Iterable[str], now: datetime, shop_zone: str) -> bool:
    if row.last_tick_at is None:
        return True
    upcoming = next(iter(_clock_moments(pin, zones, row.last_tick_at, shop_zone)), None)
    return upcoming is not None and upcoming <= now


def _clock_moments(pin: Pinned, zones: Iterable[str], after: datetime, shop_zone: str) -> Iterator[datetime]:
    """The next moment at which the journey's own clock asks for a tick."""
    match pin.plan.trigger:
        case DateTrigger(_, _, at):
            nexts = []
            for zone in zones:
                day = local_date(after, zone)
                today = start_of(day, at, zone)
                nexts.append(today if today > after else start_of(day + timedelta(days=1), at, zone))
            yield from sorted(nexts)[:1]
        case EveryTrigger(cron, zone):
            yield next(CronSim(cron, after.astimezone(ZoneInfo(zone or shop_zone)))).astimezone(after.tzinfo)
        case SegmentTrigger():
            yield after + SEGMENTS_EVERY
        case _:
            return


def next_moment(database: Engine, after: datetime, shop_zone: str, only: Collection[str] = ()) -> datetime | None:
    """The next moment later than `after` at which any journey has work; None if nothing is ever due again."""
    with reading(database) as connection:
        found = running(connection, only)
        if not found:
            return None
        zones = {*known_zones(connection), shop_zone}
        types = sorted(set().union(*(event_types(pin) for _, pin in found)))
        since, ids = to_micros(after), [row.id for row, _ in found]
        parts = [
            sa.select(sa.func.min(sa.type_coerce(e.due_at, sa.BigInteger))).where(
                e.journey_id.in_(ids), e.state == "active", e.due_at > since
            ),
            sa.select(sa.func.min(sa.type_coerce(s.not_before, sa.BigInteger))).where(
                s.journey_id.in_(ids), s.state == "queued", s.batch_id.is_(None), s.not_before > since
            ),
        ]
        parts += [
            sa.select(sa.func.min(sa.type_coerce(events.c.known_at, sa.BigInteger))).where(
                events.c.type == kind, events.c.known_at > since
            )
            for kind in types
        ]
        errand = book.next_try(connection, after)
        if EVENT in types:
            news = sa.type_coerce(coupon_uses.c.news_at, sa.BigInteger)
            parts.append(sa.select(sa.func.min(news)).where(coupon_uses.c.news_at > since))
        micros = [value for value in connection.scalars(sa.union_all(*parts)) if value is not None]
    moments = [from_micros(value) for value in micros] + ([errand] if errand else [])
    for _, pin in found:
        moments += [m for m in _clock_moments(pin, zones, after, shop_zone) if m > after]
    return min(moments, default=None)
