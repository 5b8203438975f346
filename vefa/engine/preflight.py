"""Before a wave enters: whether the pools that it will take codes from can feed it. Else nobody of it enters yet.

A wave is everybody whom a date, a segment or a rhythm brings at one tick. Counted are those who would enter, with the
codes that each of them can come to need; of chance it is known beforehand which way each will go, of other ways the one
that needs most is counted. Those who are inside already and have not come to their code are served first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.identity import PRIME, chance
from vefa.crm.tables import customers
from vefa.database import reading, writing
from vefa.engine import shortages
from vefa.engine.entries import Doorway, bucket_of, judged
from vefa.engine.plans import Pinned, pinned
from vefa.engine.tables import enrolments, plans, reentry_slots
from vefa.plan.plans import Plan
from vefa.plan.steps import Branch, Coupon, Enter, Split, Stop, WaitUntilEvent, WaitUntilTime
from vefa.rewards import pools

e = enrolments.c
#: Those of a wave, a batch each, as candidates; and the moment of the earliest.
Wave = Callable[[], Iterable[tuple[datetime, sa.Select[Any]]]]
#: How many codes: a number, or SQL where chance decides.
Codes = Any


def pools_of(plan: Plan) -> tuple[str, ...]:
    """The pools that a journey takes codes from."""
    return tuple(dict.fromkeys(step.pool for step in plan.steps if isinstance(step, Coupon) and step.pool is not None))


def first_held(door: Doorway) -> datetime | None:
    """The moment of the first wave that waits for codes, if one does."""
    if not pools_of(door.pin.plan):
        return None
    with reading(door.engine) as connection:
        return shortages.wave_since(connection, door.row.id)


def fed(door: Doorway, wave: Wave) -> Iterator[sa.Select[Any]]:
    """The wave's batches, or none of them while a pool cannot feed it."""
    asked = pools_of(door.pin.plan)
    if asked and not _can_feed(door, wave, asked):
        return
    for _, rows in wave():
        yield rows
    if asked:  # not before: whoever is cut off here looks as far back again
        with writing(door.engine) as connection:
            shortages.over(connection, door.row.id, "wave")


def _can_feed(door: Doorway, wave: Wave, asked: tuple[str, ...]) -> bool:
    batches = list(wave())
    missing = {pool: _missing(door, batches, pool) for pool in asked}
    begin = min((moment for moment, _ in batches), default=door.now)
    with writing(door.engine) as connection:
        for pool, codes in missing.items():
            if codes > 0:
                shortages.note(connection, door.row.id, pool, "wave", codes, door.now, wave_at=begin)
    return max(missing.values()) <= 0


def _missing(door: Doorway, batches: Iterable[tuple[datetime, sa.Select[Any]]], pool: str) -> int:
    needed = 0
    for _, rows in batches:
        with reading(door.engine) as connection:
            needed += _needed(connection, door, rows, pool)
    if not needed:
        return 0
    with reading(door.engine) as connection:
        return needed + _promised(connection, pool) - pools.free(connection, pool)


def _needed(connection: Connection, door: Doorway, rows: sa.Select[Any], pool: str) -> int:
    """Codes that a batch of candidates would take."""
    c = judged(door, rows, False).subquery("would").c
    slot = reentry_slots.c
    too_soon = sa.exists().where(
        slot.journey_id == door.row.id,
        slot.customer_id == c.customer_id,
        sa.or_(slot.next_at.is_(None), slot.next_at > c.entered_at),
    )
    enters = sa.or_(c.outcome == "entered", sa.and_(c.outcome.is_(None), sa.not_(too_soon)))
    codes = codes_from(door.pin, door.pin.plan.first, pool, bucket_of(c.customer_id))
    return int(connection.scalar(sa.select(sa.func.sum(codes)).where(enters)) or 0)


def _promised(connection: Connection, pool: str) -> int:
    """Codes that those who are inside, in whatever journey, can still come to need."""
    using = sa.select(plans.c.id).where(plans.c.body.contains(f'"pool":"{pool}"', autoescape=True))
    inside = sa.select(e.plan_id, e.step).where(e.state == "active", e.plan_id.in_(using)).distinct()
    total = 0
    for plan_id, number in connection.execute(inside).all():
        pin = pinned(connection, plan_id)
        step = pin.at(number)
        codes = codes_from(pin, step.key if step else None, pool, customers.c.bucket)
        here = sa.and_(e.plan_id == plan_id, e.step == number, e.state == "active")
        query = sa.select(sa.func.sum(codes)).select_from(enrolments.join(customers, customers.c.id == e.customer_id))
        total += int(connection.scalar(query.where(here)) or 0)
    return total


def codes_from(pin: Pinned, begin: str | None, pool: str, bucket: Any) -> Any:
    """How many codes of the pool somebody can come to need from that step on, as SQL over their `bucket`."""
    plan = pin.plan

    @cache
    def codes(key: str | None) -> Codes:
        if key is None:
            return 0
        match plan.step(key):
            case Coupon() as step:
                return (step.pool == pool) + codes(step.next)
            case Split() as step:
                return _by_chance(plan, step, bucket, [codes(arm.target) for arm in step.arms])
            case Branch() as step:
                return _most([codes(step.next), *(codes(arm.target) for arm in step.arms)])
            case WaitUntilEvent() | WaitUntilTime() as step:
                return _most([codes(step.next), codes(step.otherwise)])
            case Enter(leave=True) | Stop():
                return 0
            case step:
                return codes(step.next)

    found = codes(begin)
    return sa.literal(found, sa.Integer) if isinstance(found, int) else found


def _by_chance(plan: Plan, step: Split, bucket: Any, arms: list[Codes]) -> Codes:
    """Each customer's own way, as the split will draw it."""
    if all(isinstance(arm, int) and arm == arms[0] for arm in arms):
        return arms[0]
    a, b = chance("split", plan.journey, step.id)
    drawn, upto, ways = (bucket * a + b) % PRIME, 0, []
    for arm, codes in zip(step.arms[:-1], arms[:-1], strict=True):
        upto += arm.share
        ways.append((drawn < PRIME * upto // 10_000, codes))
    return sa.case(*ways, else_=arms[-1])


def _most(ways: list[Codes]) -> Codes:
    most = ways[0]
    for way in ways[1:]:
        if isinstance(most, int) and isinstance(way, int):
            most = max(most, way)
        else:
            most = sa.case((most > way, most), else_=way)
    return most
