"""Everybody due at a coupon step gets a code: one made here, or one of a pool.

A pool that has none left holds them here, before any message; they go on by themselves once it has. So does a checkout
that must know a code before anybody reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.dates import local_date, start_of
from vefa.crm.fields import FIELDS
from vefa.crm.tables import customers
from vefa.database import among, reading, writing
from vefa.engine import shortages
from vefa.engine.checkout import push_codes
from vefa.engine.entries import BATCH
from vefa.engine.movement import move_on
from vefa.engine.stands import Aside, Stand
from vefa.engine.tables import enrolments
from vefa.engine.timing import as_moment, end_of_day, move
from vefa.ledger.tables import sends
from vefa.plan.steps import Coupon
from vefa.rewards import coupons, pools
from vefa.rewards import tables as rewards
from vefa.rewards.exports import known_there

e = enrolments.c

Person = tuple[int, int, datetime | None]


def give_coupons(stand: Stand, step: Coupon) -> int:
    """Give a code to everybody who has arrived, and let go on whoever may. Returns how many were handled."""
    if step.pool is not None:
        return _give_from_pool(stand, step, step.pool)
    if isinstance(stand, Aside):
        return _give_aside(stand, step)
    arrived, moved = sa.and_(stand.due, e.phase == 0), 0
    holds = stand.shop.checkout.before_telling
    for ids in stand.batches(arrived):
        with writing(stand.engine) as connection:
            people = _people(connection, stand, step, among(e.id, ids, arrived))
            if people:
                coupons.give(connection, step, _number(stand, step), people, stand.now, stand.shop.secret)
            chosen = among(e.id, [person[0] for person in people])
            if holds:
                moved += connection.execute(sa.update(enrolments).where(chosen).values(phase=1)).rowcount
            else:
                moved += move_on(connection, stand.pin, chosen, step.next, e.arrived_at)
    return moved + _let_go(stand, step, holds)


def _give_aside(stand: Aside, step: Coupon) -> int:
    """In `whenever` nobody is held: the checkout is told before the message is written, as far as it listens."""
    moved = 0
    for ids in stand.batches(stand.due):
        with writing(stand.engine) as connection:
            people = _people(connection, stand, step, among(e.id, ids, stand.due))
            if people:
                coupons.give(connection, step, _number(stand, step), people, stand.now, stand.shop.secret)
            moved += stand.go(connection, among(e.id, [person[0] for person in people]), step.next)
    if moved and stand.shop.checkout.before_telling:
        push_codes(stand.shop, stand.now, stand.wall)
    return moved


def _let_go(stand: Stand, step: Coupon, holds: bool) -> int:
    """Who has waited for the checkout goes on once it has their code, or once nobody need wait for it any more."""
    held, moved = sa.and_(stand.due, e.phase == 1), 0
    with reading(stand.engine) as connection:
        if not connection.scalar(sa.select(sa.exists().where(held))):
            return 0
    if holds:
        push_codes(stand.shop, stand.now, stand.wall)
        held = sa.and_(held, known_there(e.id, _number(stand, step)))
    for ids in stand.batches(held):
        with writing(stand.engine) as connection:
            moved += move_on(connection, stand.pin, among(e.id, ids, held), step.next, e.arrived_at)
    return moved


# --- codes of a pool


def _give_from_pool(stand: Stand, step: Coupon, pool: str) -> int:
    """In the order in which they came; whoever finds no code left stays, and is told of."""
    moved, number, has_ended = 0, _number(stand, step), _has_ended(stand, step)
    while not has_ended:
        with writing(stand.engine) as connection:
            people = _people(connection, stand, step, stand.due)
            if not people:
                shortages.over(connection, stand.pin.journey_id, "empty", pool)
                _tell_if_low(connection, stand, pool)
                return moved
            have = coupons.give_from_pool(connection, step, pool, number, people, stand.now)
            moved += move_on(connection, stand.pin, among(e.id, have, stand.due), step.next, e.arrived_at)
            has_ended = len(have) < len(people)
    _tell_of_those_left(stand, pool)
    return moved


def _has_ended(stand: Stand, step: Coupon) -> bool:
    """The checkout takes the pool's codes no longer."""
    return step.ends is not None and local_date(stand.now, stand.world.shop.zone) > step.ends


def _tell_of_those_left(stand: Stand, pool: str) -> None:
    with writing(stand.engine) as connection:
        left = connection.scalar(sa.select(sa.func.count()).select_from(enrolments).where(stand.due)) or 0
        if left:
            step = stand.pin.number(stand.step.key)
            shortages.note(connection, stand.pin.journey_id, pool, "empty", left, stand.now, step=step)


def _tell_if_low(connection: Connection, stand: Stand, pool: str) -> None:
    found = pools.low(connection, pool)
    if found is None:
        shortages.over(connection, stand.pin.journey_id, "low", pool)
    else:
        shortages.note(connection, stand.pin.journey_id, pool, "low", found, stand.now)


def take_back(engine: Engine, journey_id: int) -> int:
    """Codes of pools that nobody will be told of: their enrolment has ended, and no message of it went out or may have.
    Others get them. How many."""
    c, r = rewards.coupons.c, rewards.redemptions.c
    used = sa.exists().where(r.coupon_id == c.id).correlate_except(rewards.redemptions)
    went = sa.exists().where(sends.c.enrolment_id == e.id, sends.c.state.in_(("claimed", "sent", "unknown")))
    query = (
        sa.select(c.id, c.pool_code_id)
        .join_from(rewards.coupons, enrolments, e.id == c.enrolment_id)
        .where(c.pool_code_id.is_not(None), c.valid_from.is_(None), e.journey_id == journey_id)
        .where(e.state.in_(("finished", "left")), sa.not_(used))
        .where(sa.not_(went.correlate_except(sends)))
        .order_by(c.id)
        .limit(BATCH)
    )
    taken = 0
    while True:
        with reading(engine) as connection:
            if connection.execute(query.limit(1)).first() is None:
                return taken
        with writing(engine) as connection:
            rows = connection.execute(query).all()
            gone = among(c.id, [row.id for row in rows], c.valid_from.is_(None))
            connection.execute(sa.delete(rewards.coupons).where(gone))
            pools.give_back(connection, [row.pool_code_id for row in rows])
        taken += len(rows)


# --- who


def _number(stand: Stand, step: Coupon) -> int:
    return stand.pin.number(step.id) or 0


def _people(connection: Connection, stand: Stand, step: Coupon, which: Any) -> Sequence[Person]:
    """(enrolment, customer, fixed end) of a batch of those whom `which` chooses, who came first before the others."""
    fixed: Any = sa.cast(sa.null(), sa.BigInteger)
    if step.valid_until is not None:
        fixed = FIELDS[step.valid_until.field].sql(stand.scope)
    query = (
        sa.select(e.id, e.customer_id, customers.c.zone, fixed.label("value"))
        .join_from(enrolments, customers, customers.c.id == e.customer_id)
        .where(which)
        .order_by(e.due_at, e.id)
        .limit(BATCH)
    )
    last = _pool_end(stand, step)
    return [(row.id, row.customer_id, _end(step, row, last)) for row in connection.execute(query)]


def _end(step: Coupon, row: Any, last: datetime | None) -> datetime | None:
    """`valid_until: trigger.date + 7 days`: the end of that day on the customer's clock; never after the pool's end."""
    if step.valid_until is None or row.value is None:
        return last
    end = end_of_day(move(as_moment(row.value, row.zone), step.valid_until.offset, row.zone), row.zone)
    return end if last is None else min(end, last)


def _pool_end(stand: Stand, step: Coupon) -> datetime | None:
    """The last moment of the pool's last day, on the shop's clock."""
    if step.ends is None:
        return None
    zone = stand.world.shop.zone
    return start_of(step.ends + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
