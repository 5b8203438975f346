"""Roll-ups of a customer's orders: kept for who did not change, made anew for who did (rule 24).

The same numbers can be asked of the dated base rows, as of any moment; that both agree is a law. What depends on
the time itself (how long ago, which fifth) is never stored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm.scope import Borders, Source
from vefa.crm.tables import facts, orders, refunds, stale_facts
from vefa.database import Instant, Money, among, inserting, to_micros, writing
from vefa.settings import Shop

#: Customers in one write transaction: with a handful of orders each about 100 ms (rule 19).
BATCH = 8_000


def counted(now: datetime, o: Any = orders.c) -> ColumnElement[bool]:
    """Orders that count as of `now`: known, and not known to be cancelled."""
    return sa.and_(o.placed_known_at <= now, sa.or_(o.cancelled_known_at.is_(None), o.cancelled_known_at > now))


def worth(shop: Shop) -> ColumnElement[Any]:
    """An order's total in the shop's own currency, as the shop adds it up; null where there is no rate for it."""
    total = sa.func.coalesce(*(sa.type_coerce(money, sa.BigInteger) for money in (orders.c.shop_total, orders.c.total)))
    whens: dict[str, Any] = {shop.currency: total}
    for currency, rate in shop.exchange_rates.items():
        # Whole numbers only: casts from floating point round on one database and cut on the other.
        millionths = total * sa.literal(int(rate * 1_000_000), sa.BigInteger)
        whens[currency] = millionths.op("/")(sa.literal(1_000_000, sa.BigInteger))
    return sa.case(whens, value=counted_currency(), else_=sa.null())


def counted_currency(o: Any = orders.c) -> ColumnElement[str]:
    """In which currency the shop adds an order up."""
    return sa.case((o.shop_total.is_not(None), sa.func.coalesce(o.shop_currency, o.currency)), else_=o.currency)


def unpriced(shop: Shop, o: Any = orders.c) -> ColumnElement[bool]:
    """Orders in a currency that the shop gives no rate for: they count, and what they are worth is unknown."""
    return counted_currency(o).not_in(sorted({shop.currency, *shop.exchange_rates}))


def _paid_back(now: datetime, shop: Shop) -> ColumnElement[Any]:
    """What had gone back of an order by `now`, in the shop's own currency."""
    r, amount = refunds.c, sa.type_coerce(refunds.c.amount, sa.BigInteger)
    currency = sa.func.coalesce(r.currency, orders.c.currency)
    whens: dict[str, Any] = {shop.currency: amount}
    for name, rate in shop.exchange_rates.items():
        millionths = amount * sa.literal(int(rate * 1_000_000), sa.BigInteger)
        whens[name] = millionths.op("/")(sa.literal(1_000_000, sa.BigInteger))
    total = sa.func.sum(sa.case(whens, value=currency, else_=0))
    query = sa.select(total).where(r.order_id == orders.c.id, r.refunded_known_at <= now)
    back = query.correlate(orders).scalar_subquery()
    return sa.cast(sa.func.coalesce(back, 0), sa.BigInteger)


def revenue(now: datetime, shop: Shop) -> ColumnElement[Any]:
    """What an order has brought by `now`: its worth without what went back."""
    return sa.type_coerce(worth(shop), sa.BigInteger) - _paid_back(now, shop)


def measures(now: datetime, shop: Shop) -> list[ColumnElement[Any]]:
    """count, revenue, first and last over `orders`, as of `now`. Shape: one row per group."""
    ok = counted(now)
    return [
        sa.func.count(sa.case((ok, 1))).label("orders_count"),
        sa.type_coerce(sa.func.coalesce(sa.func.sum(sa.case((ok, revenue(now, shop)), else_=0)), 0), Money()).label(
            "orders_revenue"
        ),
        sa.func.count(sa.case((sa.and_(ok, unpriced(shop)), 1))).label("orders_unpriced"),
        sa.type_coerce(sa.func.min(sa.case((ok, orders.c.placed_at))), Instant()).label("orders_first_at"),
        sa.type_coerce(sa.func.max(sa.case((ok, orders.c.placed_at))), Instant()).label("orders_last_at"),
    ]


def dated(now: datetime, shop: Shop) -> Select[Any]:
    """The roll-up of every buyer, straight from the orders, as of `now`."""
    return (
        sa.select(orders.c.customer_id, *measures(now, shop))
        .where(orders.c.customer_id.is_not(None), orders.c.placed_known_at <= now)
        .group_by(orders.c.customer_id)
    )


def dated_one(now: datetime, shop: Shop, customer_id: ColumnElement[int], measure: str) -> ColumnElement[Any]:
    """One measure of one customer, straight from their orders."""
    column = next(m for m in measures(now, shop) if m.name == measure)
    return sa.select(column).where(orders.c.customer_id == customer_id).correlate_except(orders).scalar_subquery()


def refresh(engine: Engine, now: datetime, shop: Shop) -> Source:
    """Make the roll-ups serve `now` where they can, and say which source serves it.

    A moment before what they were made for is served by the dated rows; the roll-ups are left alone then.
    """
    with engine.connect() as connection:
        if not serve(connection, now):
            return "dated"
    while _refresh_batch(engine, now, shop):
        pass
    return "rolled"


def fresh(engine: Engine, now: datetime) -> bool:
    """Whether the roll-ups serve `now` as they are."""
    stale = sa.exists().where(stale_facts.c.customer_id.is_not(None))
    with engine.connect() as connection:
        if not serve(connection, now):
            return True  # the dated rows serve it, and nothing is made anew
        return not connection.scalar(sa.select(sa.or_(stale, sa.exists().where(facts.c.until <= now))))


def serve(connection: Connection, moment: datetime) -> bool:
    """Whether no roll-up was made for a later moment. Those that are not stale then tell of this moment."""
    as_of = connection.scalar(sa.select(sa.func.max(facts.c.as_of)))
    return as_of is None or as_of <= moment


def _refresh_batch(engine: Engine, now: datetime, shop: Shop) -> int:
    marked, past = stale_facts.c.customer_id, facts.c.customer_id
    # One after the other, each along its index: a batch must not cost as much as all that is left to do.
    waiting = (
        sa.select(marked).order_by(marked).limit(BATCH),
        sa.select(past).where(facts.c.until <= now).order_by(facts.c.until).limit(BATCH),
    )
    with engine.connect() as connection:
        ids = next((found for query in waiting if (found := list(connection.scalars(query)))), [])
    if not ids:
        return 0
    with writing(engine) as connection:
        # First the marks, then the orders: a mark made after this point is for the next round.
        connection.execute(sa.delete(stale_facts).where(among(stale_facts.c.customer_id, ids)))
        # Whose last order went over to somebody else keeps no row.
        bought = sa.exists().where(orders.c.customer_id == facts.c.customer_id)
        connection.execute(sa.delete(facts).where(among(facts.c.customer_id, ids), sa.not_(bought)))
        _store(connection, now, shop, among(orders.c.customer_id, ids))
    return len(ids)


def _store(connection: Connection, now: datetime, shop: Shop, which: ColumnElement[bool]) -> None:
    # What is known from a later moment on ends the row's validity at that moment.
    r, far = refunds.c, sa.literal(2**62, sa.BigInteger)
    back = sa.select(sa.func.min(r.refunded_known_at)).where(r.order_id == orders.c.id, r.refunded_known_at > now)
    moments = (
        sa.case((orders.c.placed_known_at > now, orders.c.placed_known_at), else_=far),
        sa.case((orders.c.cancelled_known_at > now, orders.c.cancelled_known_at), else_=far),
        sa.func.coalesce(back.correlate(orders).scalar_subquery(), far),
    )
    soonest = sa.func.nullif(_least([sa.func.min(each) for each in moments]), far)
    rows = (
        sa.select(
            orders.c.customer_id,
            *measures(now, shop),
            sa.literal(to_micros(now), sa.BigInteger).label("as_of"),
            soonest.label("until"),
        )
        .where(which)
        .group_by(orders.c.customer_id)
    )
    insert = inserting(connection, facts).from_select(
        [facts.c.customer_id, *(facts.c[m.name] for m in measures(now, shop)), facts.c.as_of, facts.c.until],
        rows,
    )
    updates = {c.name: insert.excluded[c.name] for c in facts.c if c.name != "customer_id"}
    connection.execute(insert.on_conflict_do_update(index_elements=[facts.c.customer_id], set_=updates))


def _least(values: list[Any]) -> Any:
    """The smallest of several numbers, none of which is null."""
    least: Any = sa.type_coerce(values[0], sa.BigInteger)
    for value in values[1:]:
        least = sa.case((sa.type_coerce(value, sa.BigInteger) < least, value), else_=least)
    return least


def borders(connection: Connection, now: datetime, shop: Shop, source: Source) -> Borders:
    """Quintile borders of all who have bought. Ties fall on the same side, whatever the database."""
    if source == "dated":
        return _dated_borders(connection, now, shop)
    buyers = facts.c.orders_count > 0
    n = connection.scalar(sa.select(sa.func.count()).select_from(facts).where(buyers)) or 0

    def cut(column: Any) -> tuple[int, ...]:
        in_order = sa.select(sa.type_coerce(column, sa.BigInteger)).where(buyers).order_by(column)
        # Each border is a step along the column's index; no table is read and nothing is sorted.
        found = (connection.scalar(in_order.offset(n * k // 5).limit(1)) for k in range(1, 5))
        return tuple(v for v in found if v is not None)

    return Borders(*(cut(facts.c[name]) for name in _RANKED)) if n else Borders()


_RANKED = ("orders_last_at", "orders_count", "orders_revenue")


def _dated_borders(connection: Connection, now: datetime, shop: Shop) -> Borders:
    """The same straight from the orders: these are read once, then sorted once for each measure."""
    base = dated(now, shop).cte("base")
    parts = []
    for number, name in enumerate(_RANKED):
        value = sa.type_coerce(base.c[name], sa.BigInteger).label("value")
        place = (sa.func.row_number().over(order_by=value) - 1).label("place")
        n = sa.func.count().over().label("n")
        ranked = sa.select(value, place, n).where(base.c.orders_count > 0).subquery(f"ranked_{number}")
        wanted = [ranked.c.place == (ranked.c.n * k).op("/")(sa.literal(5, sa.Integer)) for k in range(1, 5)]
        # Several borders may fall on one place in a small shop, so each is asked for by itself.
        parts += [sa.select(sa.literal(number), sa.literal(k), ranked.c.value).where(w) for k, w in enumerate(wanted)]
    found: list[list[int]] = [[], [], []]
    for number, _, value in sorted(tuple(row) for row in connection.execute(sa.union_all(*parts))):
        found[number].append(value)
    return Borders(*(tuple(values) for values in found))
