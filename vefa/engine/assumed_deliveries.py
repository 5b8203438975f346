"""Parcels of which no carrier ever reports the arrival: they are taken to have arrived some days after they left.

Off unless `deliveries: delivered_after` in the settings says how long. What is assumed is marked as such, and gives way
to whatever a carrier, the shop system or an import says later. A parcel whose carrier does report, such as "in
transit", is left to the carrier.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.happenings import mark_stale_of, record_events, record_events_of
from vefa.crm.shops.settle import settle_orders
from vefa.crm.tables import customers, deliveries, moment_reports, orders
from vefa.database import Instant, among, reading, to_micros, writing
from vefa.settings import Deliveries

#: Parcels, and orders without parcels, in one write transaction.
PART = 500
#: A parcel that left so long ago should have arrived; older ones are not spoken of.
OVERDUE, FORGOTTEN = timedelta(days=14), timedelta(days=60)

d, o, r = deliveries.c, orders.c, moment_reports.c


@dataclass(frozen=True)
class Overdue:
    """Parcels that left 14 to 60 days ago: how many, and of how many of them nobody reported the arrival."""

    shipped: int
    silent: int


def assume_deliveries(engine: Engine, rules: Deliveries, now: datetime) -> int:
    """Mark as arrived what left long enough before `now`; how many parcels and orders. Nothing where it is off."""
    if not rules.is_on:
        return 0
    with reading(engine) as connection:
        found = bool(_silent_parcels(connection, rules, now)) or bool(_silent_orders(connection, rules, now))
    count = 0
    while found:
        with writing(engine) as connection:
            part = _assume_parcels(connection, rules, now) + _assume_orders(connection, rules, now)
        count += part
        found = part > 0
    return count


def overdue_parcels(connection: Connection, now: datetime) -> Overdue:
    """What a shop should know before it relies on `order.delivered`."""
    alone = sa.not_(sa.exists().where(d.order_id == o.id))
    parts = (
        (deliveries, sa.and_(_lately(d, now), d.cancelled_at.is_(None)), d.delivered_at),
        (orders, sa.and_(_lately(o, now), o.cancelled_at.is_(None), alone), o.delivered_at),
    )
    shipped = silent = 0
    for table, which, arrived in parts:
        query = sa.select(sa.func.count(), sa.func.count(arrived)).select_from(table).where(which)
        all_, with_word = connection.execute(query).one()
        shipped, silent = shipped + all_, silent + all_ - with_word
    return Overdue(shipped, silent)


def _lately(columns: Any, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(columns.shipped_at <= now - OVERDUE, columns.shipped_at > now - FORGOTTEN)


def _days(rules: Deliveries) -> sa.ColumnElement[int]:
    """Microseconds from leaving to arriving: the carrier's, else the country's, else those of all; null for never."""
    whens = [(sa.func.lower(d.carrier) == carrier.lower(), _micros(days)) for carrier, days in rules.carriers.items()]
    whens += [(customers.c.country == country, _micros(days)) for country, days in rules.countries.items()]
    otherwise = sa.null() if rules.delivered_after is None else _micros(rules.delivered_after)
    return sa.case(*whens, else_=otherwise) if whens else sa.cast(otherwise, sa.BigInteger)


def _micros(length: timedelta) -> sa.ColumnElement[int]:
    return sa.literal(int(length.total_seconds()) * 1_000_000, sa.BigInteger)


def _arrival(shipped_at: Any, rules: Deliveries) -> sa.ColumnElement[int]:
    return sa.type_coerce(shipped_at, sa.BigInteger) + _days(rules)


def _silent_parcels(connection: Connection, rules: Deliveries, now: datetime) -> list[Any]:
    arrival = _arrival(d.shipped_at, rules)
    reported = sa.exists().where(
        r.source == d.source, r.kind == "delivery", r.outside_id == d.outside_id, r.moment == "delivered"
    )
    query = (
        sa.select(d.id, d.order_id, o.source, o.outside_id, sa.type_coerce(arrival, Instant()).label("arrival"))
        .join_from(deliveries, orders, orders.c.id == d.order_id)
        .outerjoin(customers, customers.c.id == o.customer_id)
        .where(d.shipped_at.is_not(None), d.delivered_at.is_(None), d.cancelled_at.is_(None))
        .where(o.cancelled_at.is_(None), o.delivered_at.is_(None), arrival <= to_micros(now), sa.not_(reported))
        .order_by(d.id)
        .limit(PART)
    )
    return list(connection.execute(query))


def _assume_parcels(connection: Connection, rules: Deliveries, now: datetime) -> int:
    rows = _silent_parcels(connection, rules, now)
    if not rows:
        return 0
    values = {"delivered_at": sa.bindparam("arrival", type_=Instant()), "delivered_known_at": now, "assumed": True}
    update = sa.update(deliveries).where(d.id == sa.bindparam("number_")).values(values)
    connection.execute(update, [{"number_": row.id, "arrival": row.arrival} for row in rows])
    record_events(connection, "delivery", [row.id for row in rows])
    by_source: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_source[row.source].add(row.outside_id)
    for source, keys in sorted(by_source.items()):
        settle_orders(connection, keys, source, now)
    mine = sa.exists().where(d.order_id == o.id, d.assumed.is_(True), d.delivered_at == o.delivered_at)
    theirs = among(o.id, sorted({row.order_id for row in rows}))
    connection.execute(sa.update(orders).where(theirs, mine).values(assumed_delivered_at=o.delivered_at))
    return len(rows)


def _silent_orders(connection: Connection, rules: Deliveries, now: datetime) -> list[Any]:
    """Orders of shops that know no parcels."""
    arrival = _arrival(o.shipped_at, rules)
    query = (
        sa.select(o.id, sa.type_coerce(arrival, Instant()).label("arrival"))
        .outerjoin_from(orders, deliveries, d.order_id == o.id)
        .outerjoin(customers, customers.c.id == o.customer_id)
        .where(d.id.is_(None), o.shipped_at.is_not(None), o.delivered_at.is_(None), o.cancelled_at.is_(None))
        .where(arrival <= to_micros(now))
        .order_by(o.id)
        .limit(PART)
    )
    return list(connection.execute(query))


def _assume_orders(connection: Connection, rules: Deliveries, now: datetime) -> int:
    rows = _silent_orders(connection, rules, now)
    if not rows:
        return 0
    arrival = sa.bindparam("arrival", type_=Instant())
    values = {"delivered_at": arrival, "delivered_known_at": now, "assumed_delivered_at": arrival}
    update = sa.update(orders).where(o.id == sa.bindparam("number_")).values(values)
    connection.execute(update, [{"number_": row.id, "arrival": row.arrival} for row in rows])
    touched = sa.select(o.id).where(among(o.id, [row.id for row in rows]))
    record_events_of(connection, "order", touched)
    mark_stale_of(connection, sa.select(o.customer_id).where(o.id.in_(touched)))
    return len(rows)
