"""Posting what is due in points: in batches of customers, each a short transaction that may be repeated at any point.

Whose points must be looked at stands in `points_due`; nobody else costs anything. A customer whose account already
holds moves of a later moment is left alone, so that looking at the past changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.points import mark_points, point_moves, point_uses, points_due, points_settled, tier_changes
from vefa.crm.tables import customers, events, orders
from vefa.database import among, inserting, reading, to_micros, writing
from vefa.plan.loyalty import Programme, span
from vefa.rewards.accounts import Account, level_walk, next_ageing
from vefa.rewards.points_read import Read, as_row, read
from vefa.rewards.settling import Settlement
from vefa.settings import Shop

logger = logging.getLogger("vefa.points")

#: Customers in one write transaction.
BATCH = 200
#: Customers marked at once after the programme has changed.
PART = 20_000
SOURCE = "loyalty"
#: So much later than due it may be told that points run out soon.
LATE = timedelta(days=1)


@dataclass
class Settled:
    """What was posted."""

    customers: int = 0
    moves: int = 0
    tiers: int = 0

    def add(self, other: Settled) -> None:
        """Count another batch."""
        self.customers += other.customers
        self.moves += other.moves
        self.tiers += other.tiers


def settle_points(
    engine: Engine,
    programme: Programme,
    shop: Shop,
    now: datetime,
    only: sa.Select[Any] | None = None,
    most: int | None = None,
) -> Settled:
    """Post everything due up to `now`, of `only` those customers whom a query names, in at `most` so many batches;
    nothing without a programme."""
    done = Settled()
    if not programme.runs:
        return done
    if only is None and most is None:
        _take_over(engine, programme)
    for _ in count() if most is None else range(most):
        batch = _batch(engine, programme, shop, now, only)
        if not batch.customers:
            break
        done.add(batch)
    if done.moves or done.tiers:
        logger.info("points settled", extra={"customers": done.customers, "moves": done.moves, "tiers": done.tiers})
    return done


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """When anybody's points must be looked at next, if nothing new comes in: one look along an index."""
    found: datetime | None = connection.scalar(sa.select(sa.func.min(points_due.c.at)).where(points_due.c.at > after))
    return found


def settle_one(connection: Connection, customer_id: int, programme: Programme, shop: Shop, now: datetime) -> bool:
    """The same for one customer in the caller's transaction, marked or not. False: later moves are posted already."""
    mark_points(connection, sa.select(customers.c.id).where(customers.c.id == customer_id))
    ids = list(connection.scalars(_waiting(now).where(points_due.c.customer_id == customer_id).with_for_update()))
    return bool(_settle(connection, ids, programme, shop, now).customers)


def _waiting(now: datetime) -> sa.Select[Any]:
    d, m = points_due.c, point_moves.alias("later")
    later = sa.exists().where(m.c.customer_id == d.customer_id, m.c.at > now)
    gone = sa.exists().where(customers.c.id == d.customer_id, customers.c.forgotten_at.is_not(None))
    return sa.select(d.customer_id).where(d.at <= now, sa.not_(later), sa.not_(gone))


def _batch(engine: Engine, programme: Programme, shop: Shop, now: datetime, only: sa.Select[Any] | None) -> Settled:
    query = _waiting(now).order_by(points_due.c.at, points_due.c.customer_id).limit(BATCH)
    if only is not None:
        query = query.where(points_due.c.customer_id.in_(only))
    with reading(engine) as connection:
        if connection.scalar(query.limit(1)) is None:
            return Settled()
    with writing(engine) as connection:
        # Who is being looked at by another run, or changed at this moment, is left for the next look.
        ids = list(connection.scalars(query.with_for_update(of=points_due, skip_locked=True)))
        return _settle(connection, ids, programme, shop, now)


def _settle(connection: Connection, ids: Sequence[int], programme: Programme, shop: Shop, now: datetime) -> Settled:
    if not ids:
        return Settled()
    found = read(connection, ids, programme, shop)
    due: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    for customer in ids:
        account = found.accounts[customer]
        settlement = Settlement(account, found.orders[customer], found.spent[customer], programme, shop.zone, now)
        settlement.settle()
        changed = list(_tiers(account, found.tiers.get(customer), programme, now))
        changes += changed
        told += [*_tier_events(changed, now, programme), *_expiring_events(account, programme, shop, now)]
        moments = [settlement.next_at, next_ageing(account.moves, span(programme.within), now)]
        if moment := min((each for each in moments if each is not None), default=None):
            due.append({"customer_id": customer, "at": moment})
    _write(connection, found, now)
    connection.execute(sa.delete(points_due).where(among(points_due.c.customer_id, ids)))
    for table, rows in ((points_due, due), (tier_changes, changes)):
        if rows:
            connection.execute(sa.insert(table), rows)
    if told:
        connection.execute(inserting(connection, events).on_conflict_do_nothing(), told)
    return Settled(len(ids), sum(len(found.accounts[each].new) for each in ids), len(changes))


def _write(connection: Connection, found: Read, now: datetime) -> None:
    """The new moves, then which lots they use."""
    moves = [move for account in found.accounts.values() for move in account.new]
    uses = [use for account in found.accounts.values() for use in account.uses]
    numbers = found.numbers
    if moves:
        insert = sa.insert(point_moves).returning(point_moves.c.key, point_moves.c.id)
        rows = connection.execute(insert, [as_row(move, now) for move in moves])
        numbers |= dict(rows.tuples().all())
    if uses:
        pairs = [
            {"spend_id": numbers[use.spend], "lot_id": numbers[use.lot], "points": use.points, "at": use.at}
            for use in uses
        ]
        connection.execute(sa.insert(point_uses), pairs)


def _tiers(
    account: Account, last: tuple[datetime, str | None] | None, programme: Programme, now: datetime
) -> Iterator[dict[str, Any]]:
    """Each change of tier since the last one; who has never had points is in none."""
    since, tier = last or (None, None)
    for moment, points in level_walk(account.moves, span(programme.within), since, now):
        level = programme.level(points)
        name = level.name if level else None
        if name != tier:
            yield {"customer_id": account.customer_id, "since": moment, "tier": name, "before": tier}
            tier = name


def _tier_events(changes: Sequence[dict[str, Any]], now: datetime, programme: Programme) -> Iterator[dict[str, Any]]:
    names = [level.name for level in programme.levels]
    ranks: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    for change in changes:
        customer, tier, before = change["customer_id"], change["tier"], change["before"]
        if before is None and tier == names[0]:
            continue  # the lowest tier is where everybody begins
        data = {"tier": tier, "before": before}
        key = f"{customer}:{to_micros(change['since'])}"
        yield _event("loyalty.tier_changed", customer, key, change["since"], now, data)
        if ranks.get(tier, -1) > ranks.get(before, -1):
            yield _event("loyalty.tier_raised", customer, key, change["since"], now, data)


def _expiring_events(account: Account, programme: Programme, shop: Shop, now: datetime) -> Iterator[dict[str, Any]]:
    """One word for all lots that end together."""
    ends = {end for end, _ in account.open_lots(now) if end is not None}
    for end in sorted(ends):
        told = programme.told_from(end)
        if told is not None and told <= now:
            day = end.astimezone(ZoneInfo(shop.zone)).date().isoformat()
            points = sum(left for other, left in account.open_lots(now) if other == end)
            key = f"{account.customer_id}:{day}"
            happened = told if now - told <= LATE else now  # a word that is late is no word of the past
            yield _event("points.expiring", account.customer_id, key, happened, now, {"points": points, "until": day})


def _event(
    kind: str, customer: int, key: str, occurred: datetime, now: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "type": kind,
        "object_key": key,
        "customer_id": customer,
        "occurred_at": occurred,
        "known_at": now,
        "data": data,
    }


def _take_over(engine: Engine, programme: Programme) -> None:
    """After a change of the rules everybody who has bought is looked at once more."""
    with reading(engine) as connection:
        if connection.scalar(sa.select(points_settled.c.programme)) == programme.stamp:
            return
        last = connection.scalar(sa.select(sa.func.max(customers.c.id))) or 0
    for start in range(0, last, PART):
        with writing(engine) as connection:
            some = sa.select(orders.c.customer_id).where(orders.c.customer_id.between(start + 1, start + PART))
            mark_points(connection, some)
            moved = sa.select(point_moves.c.customer_id).where(
                point_moves.c.customer_id.between(start + 1, start + PART)
            )
            mark_points(connection, moved)
    with writing(engine) as connection:
        now_by = {"programme": programme.stamp}  # two runs may come here at once
        insert = inserting(connection, points_settled).values(id=1, **now_by)
        connection.execute(insert.on_conflict_do_update(index_elements=[points_settled.c.id], set_=now_by))
