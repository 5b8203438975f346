"""Which orders used a coupon of ours, found out from whatever brings orders in: files, events and webhooks alike.

An order that names a code is noted in the transaction that writes it (`vefa.crm.coupon_uses`). Here the codes that are
ours are told apart. The first order that used a coupon, and was not cancelled, has used it up. A checkout may let
through what it should not; that is written down as it was, never hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.coupon_uses import coupon_keys, coupon_uses, order_codes
from vefa.crm.tables import events, orders
from vefa.database import among, inserting, reading, writing
from vefa.rewards.codes import key_of
from vefa.rewards.tables import coupons, pool_codes, redemptions

EVENT, SOURCE, KIND = "coupon.redeemed", "vefa", "coupon"
#: Orders in one transaction.
PART = 2_000

c, o, p, r, u = coupons.c, orders.c, pool_codes.c, redemptions.c, coupon_uses.c
k, n = coupon_keys.c, order_codes.c


def stands(use: Any, now: datetime) -> sa.ColumnElement[bool]:
    """Over redemptions: known by then, and its order not known to be cancelled."""
    return sa.and_(use.known_at <= now, sa.or_(use.undone_known_at.is_(None), use.undone_known_at > now))


@dataclass(frozen=True)
class Ours:
    """A code of ours: the coupon that it is, or the pool's row where nobody was given it."""

    pool_code_id: int | None
    coupon_id: int | None = None
    customer_id: int | None = None
    made_at: datetime | None = None
    valid_until: datetime | None = None
    terms: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Redemption:
    """A row of `redemptions`."""

    order_id: int
    coupon_id: int | None
    pool_code_id: int | None
    at: datetime
    known_at: datetime
    undone_known_at: datetime | None
    counts: bool
    again: bool
    late: bool
    small: bool
    not_theirs: bool
    other_currency: bool
    code_key: str


def anything_new(connection: Connection, now: datetime) -> bool:
    """Whether an order that names a code has not been looked at: one step along an index."""
    return bool(connection.scalar(sa.select(sa.exists().where(u.news_at <= now))))


def find_redemptions(engine: Engine, now: datetime) -> int:
    """Look at every order that names a code and of which something is new by `now`; how many there were.

    The same again changes nothing. Cut off anywhere, the next time goes on.
    """
    found = 0
    while True:
        with reading(engine) as connection:
            if not anything_new(connection, now):
                return found
        with writing(engine) as connection:
            found += (part := _take_part(connection, now))
        if not part:
            return found  # what is left is in other hands


def _take_part(connection: Connection, now: datetime) -> int:
    query = (
        sa.select(u.order_id, o.cancelled_known_at)
        .join_from(coupon_uses, orders, o.id == u.order_id)
        .where(u.news_at <= now)
        .order_by(u.news_at, u.order_id)
        .limit(PART)
        .with_for_update(skip_locked=True, of=coupon_uses)
    )
    rows = connection.execute(query).all()
    later = {row.order_id: at if (at := row.cancelled_known_at) is not None and at > now else None for row in rows}
    if not later:
        return 0
    update = sa.update(coupon_uses).where(u.order_id == sa.bindparam("order"))
    update = update.values(news_at=sa.bindparam("next", type_=u.news_at.type))
    connection.execute(update, [{"order": order, "next": at} for order, at in later.items()])
    _judge(connection, _note_keys(connection, list(later)), list(later), now)
    return len(rows)


def _note_keys(connection: Connection, order_ids: Sequence[int]) -> set[str]:
    """Write down by which keys these orders name their codes; all keys that they name, or named before."""
    before = set(connection.scalars(sa.select(k.code_key).where(among(k.order_id, order_ids))))
    connection.execute(sa.delete(coupon_keys).where(among(k.order_id, order_ids)))
    named: dict[tuple[int, str], str | None] = {}
    query = sa.select(n.order_id, n.code).where(among(n.order_id, order_ids)).order_by(n.order_id, n.place)
    for order, code in connection.execute(query):
        whole = key_of(code)
        named[order, whole] = None
        if len(parts := code.split()) > 1:
            for part in map(key_of, parts):
                named.setdefault((order, part), whole)
    rows = [{"order_id": order, "code_key": key, "within": whole} for (order, key), whole in named.items()]
    if rows:
        connection.execute(sa.insert(coupon_keys), rows)
    return before | {key for _, key in named}


def _judge(connection: Connection, keys: Collection[str], orders_seen: Sequence[int], now: datetime) -> None:
    """Write anew what became of these codes, and of these orders."""
    ours = _ours(connection, keys)
    uses = _uses(connection, ours, now)
    found = [use for key, those in uses.items() for use in _judged(key, ours[key], those, now)]
    known = {*orders_seen, *(row.order_id for row in found)}
    connection.execute(sa.delete(redemptions).where(among(r.order_id, known), r.code_key.in_(sorted(keys))))
    if not found:
        return
    connection.execute(sa.insert(redemptions), [asdict(row) for row in found])
    strange = [row.pool_code_id for row in found if row.coupon_id is None and row.pool_code_id is not None]
    if strange:  # somebody has used it already: nobody else is given it
        used = among(p.id, strange, p.taken_at.is_(None), p.aside_at.is_(None))
        connection.execute(sa.update(pool_codes).where(used).values(aside_at=now))
    _tell(connection, found, {one.coupon_id: one for one in ours.values()})


def _ours(connection: Connection, keys: Collection[str]) -> dict[str, Ours]:
    """Those of the codes that are ours. A code that vefa has made is its own key."""
    wanted = sorted(keys)
    held = [c.id, c.customer_id, c.made_at, c.valid_until, c.terms]
    made = sa.select(c.code, sa.null(), *held).where(c.code.in_(wanted), c.pool_code_id.is_(None))
    pool = sa.select(p.code_key, p.id, *held).outerjoin_from(pool_codes, coupons, c.pool_code_id == p.id)
    rows = [*connection.execute(made), *connection.execute(pool.where(p.code_key.in_(wanted)))]
    return {row[0]: Ours(*row[1:]) for row in rows}


def _uses(connection: Connection, ours: Mapping[str, Ours], now: datetime) -> Mapping[str, list[Any]]:
    """Orders that name these codes, as known by now, the earliest first."""
    columns = (o.id, o.customer_id, o.total, o.currency, o.placed_at, o.placed_known_at, o.cancelled_known_at)
    beside = coupon_keys.alias("beside")
    others = sa.exists().where(beside.c.order_id == o.id, beside.c.within.is_(None), beside.c.code_key != k.code_key)
    alone = sa.and_(sa.not_(others), k.within.is_(None)).label("alone")
    query = sa.select(k.code_key, k.within, alone, *columns).join_from(coupon_keys, orders, o.id == k.order_id)
    query = query.where(k.code_key.in_(sorted(ours)), o.placed_known_at <= now).order_by(o.placed_at, o.id)
    rows = connection.execute(query).all()
    # A space stands within a code, as customers type it; only where the whole is none of ours, between two.
    wholes = _ours(connection, {row.within for row in rows if row.within is not None})
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row.within is None or row.within not in wholes:
            found[row.code_key].append(row)
    return found


def _judged(key: str, code: Ours, uses: Sequence[Any], now: datetime) -> Iterator[Redemption]:
    """Each order that used the code; the first that stands has used it up."""
    used_up = False
    for use in uses:
        stands_now = use.cancelled_known_at is None or use.cancelled_known_at > now
        yield Redemption(
            use.id,
            code.coupon_id,
            code.pool_code_id,
            use.placed_at,
            use.placed_known_at,
            use.cancelled_known_at,
            counts=stands_now and not used_up,
            again=stands_now and used_up,
            late=code.valid_until is not None and use.placed_at > code.valid_until,
            # What other codes took off the basket nobody knows.
            small=use.alone and _is_small(code.terms or {}, use.total, use.currency),
            not_theirs=None not in (use.customer_id, code.customer_id) and use.customer_id != code.customer_id,
            other_currency=_is_foreign(code.terms or {}, use.currency),
            code_key=key,
        )
        used_up = used_up or stands_now


def _is_small(terms: Mapping[str, Any], total: Decimal, currency: str) -> bool:
    """The basket was surely below the minimum, even before the discount."""
    if terms.get("minimum") is None or terms.get("minimum_currency") != currency:
        return False
    return total + discount(terms, total, currency) < Decimal(terms["minimum"])


def _is_foreign(terms: Mapping[str, Any], currency: str) -> bool:
    return any(terms.get(name) not in (None, currency) for name in ("currency", "minimum_currency"))


def discount(terms: Mapping[str, Any], total: Decimal, currency: str) -> Decimal:
    """What a coupon took off orders that cost `total` after it: of a percentage exactly, of a sum at most.

    Nothing where it gave free shipping, which no order tells the price of, and where it took off all there was.
    """
    if terms.get("percent") is not None:
        percent = Decimal(terms["percent"])
        return total * percent / (100 - percent) if percent < 100 else Decimal(0)
    if terms.get("amount") is not None and terms.get("currency") == currency:
        return Decimal(terms["amount"])
    return Decimal(0)


def _tell(connection: Connection, found: Sequence[Redemption], ours: Mapping[int | None, Ours]) -> None:
    """An event about the coupon, and its holder, for each order that used it up. It is known once the order is, and
    once an earlier one is known to be cancelled."""
    freed: dict[int | None, datetime] = {}
    for row in found:
        if not row.counts and not row.again and row.undone_known_at is not None:
            freed[row.coupon_id] = max(row.undone_known_at, freed.get(row.coupon_id, row.undone_known_at))
    rows = [
        {
            "source": SOURCE,
            "type": EVENT,
            "object_kind": KIND,
            "object_key": f"{row.coupon_id}/{row.order_id}",
            "object_id": row.coupon_id,
            "order_id": row.order_id,
            "customer_id": ours[row.coupon_id].customer_id,
            "occurred_at": row.at,
            "known_at": max(row.known_at, freed.get(row.coupon_id, row.known_at)),
        }
        for row in found
        if row.counts and row.coupon_id is not None
    ]
    if rows:
        connection.execute(inserting(connection, events).on_conflict_do_nothing(), rows)


def look_again(connection: Connection, keys: Collection[str], now: datetime) -> None:
    """There is something new of these codes: orders that named them before we knew them are looked at."""
    named = sa.select(k.order_id).where(k.code_key.in_(sorted(keys)))
    connection.execute(sa.update(coupon_uses).where(u.order_id.in_(named)).values(news_at=now))
