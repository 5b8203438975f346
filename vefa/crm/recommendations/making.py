"""Links made anew from the orders of two years, and put in the place of the ones before in one moment.

The rows of a making come in beside the ready ones, in short transactions; then one of them says that it is ready. Who
reads meanwhile, reads the ones before. A making that was cut off is never ready, and the next one clears it away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.facts import counted
from vefa.crm.recommendations.counting import Counting, Ints, Page
from vefa.crm.recommendations.tables import GONE, MAKING, READY, link_makings, product_links
from vefa.crm.recommendations.weighing import Links, Weigh, strongest, surprise
from vefa.crm.tables import order_lines, orders, products
from vefa.database import beside, reading, writing
from vefa.errors import UserError

#: Orders older than that say little of what is bought today.
SPAN = timedelta(days=730)
#: Orders on one page, and of customers whose orders do not end there some more.
PAGE = 20_000
#: Rows in one transaction (rule 19).
PART = 2_000
#: Ready makings that stay: for who reads while the next one comes, and for a look back.
STAY = 3

Told = Callable[[int, int], None]
m, p = link_makings.c, product_links.c


class Overtaken(UserError):
    """Somebody else began to make the recommendations anew meanwhile."""


@dataclass(frozen=True)
class Made:
    """One making."""

    id: int
    as_of: datetime
    orders: int
    together: int
    next: int


def make_links(engine: Engine, now: datetime, told: Told | None = None, weigh: Weigh = surprise) -> Made:
    """Count, weigh, keep, and let messages from `now` on read it. `told` hears of orders read and of all."""
    _clear(engine)
    counting = count(engine, now, told)
    kinds = {"together": strongest(counting.together(), weigh), "next": strongest(counting.next(), weigh)}
    making = _begin(engine, now, counting.orders)
    for rows in _parts(making, kinds):
        with writing(engine) as connection:
            _still_ours(connection, making, len(rows))
            connection.execute(sa.insert(product_links), rows)
    with writing(engine) as connection:
        _still_ours(connection, making, 0)
        connection.execute(sa.update(link_makings).where(m.id == making).values(state=READY))
        _retire(connection, making, now)
    _clear(engine)
    return Made(making, now, counting.orders, len(kinds["together"]), len(kinds["next"]))


# --- reading


def count(engine: Engine, now: datetime, told: Told | None = None) -> Counting:
    """The orders that count as of `now`, page by page; each page is a read of its own."""
    with reading(engine) as connection:
        highest = connection.scalar(sa.select(sa.func.max(products.c.id))) or 0
        total = connection.scalar(sa.select(sa.func.count()).select_from(orders)) or 0
    counting = Counting(highest + 1)
    for page in chain(_of_customers(engine, now), _of_nobody(engine, now)):
        counting.add(page)
        if told is not None:
            told(counting.orders, total)
    return counting


def _of_customers(engine: Engine, now: datetime) -> Iterator[Page]:
    """By customer, each with all their orders on one page."""
    o, low = orders.c, 0
    while True:
        after = sa.select(o.customer_id).where(o.customer_id > low).order_by(o.customer_id)
        with reading(engine) as connection:
            high = connection.scalar(after.offset(PAGE).limit(1))
            here = o.customer_id > low if high is None else sa.and_(o.customer_id > low, o.customer_id <= high)
            page = _page(connection, now, here, o.customer_id, o.placed_at)
        yield page
        if high is None:
            return
        low = high


def _of_nobody(engine: Engine, now: datetime) -> Iterator[Page]:
    """Orders without an account, as they come."""
    o, low = orders.c, 0
    while True:
        mine = sa.and_(o.id > low, beside(o.customer_id.is_(None)))
        some = sa.select(o.id).where(mine).order_by(o.id).limit(PAGE).subquery()
        with reading(engine) as connection:
            high = connection.scalar(sa.select(sa.func.max(some.c.id)))
            if high is None:
                return
            page = _page(connection, now, sa.and_(mine, o.id <= high))
        yield page
        low = high


def _page(connection: Connection, now: datetime, which: Any, *order: Any) -> Page:
    o, line = orders.c, order_lines.c
    query = (
        sa.select(
            sa.func.coalesce(o.customer_id, -1), o.id, sa.type_coerce(o.placed_at, sa.BigInteger), line.product_id
        )
        .join_from(orders, order_lines, line.order_id == o.id)
        .where(which, beside(o.placed_at > now - SPAN), beside(counted(now)))
        .order_by(*order, o.id)
    )
    flat: Ints = np.fromiter(chain.from_iterable(connection.execute(query)), dtype=np.int64).reshape(-1, 4)
    return Page(flat[:, 0], flat[:, 1], flat[:, 2], flat[:, 3])


# --- writing


def _begin(engine: Engine, now: datetime, read: int) -> int:
    with writing(engine) as connection:
        given = {"as_of": now, "state": MAKING, "orders": read, "links": 0}
        return int(connection.execute(sa.insert(link_makings).values(given).returning(m.id)).scalar_one())


def _parts(making: int, kinds: dict[str, Links]) -> Iterator[list[dict[str, Any]]]:
    for kind, links in kinds.items():
        for start in range(0, len(links), PART):
            part = slice(start, start + PART)
            columns = (links.product, links.place, links.other, np.round(links.weight * 1000).astype(int), links.times)
            names = ("product_id", "place", "other_id", "weight", "times")
            rows = zip(*(column[part].tolist() for column in columns), strict=True)
            yield [{"making_id": making, "kind": kind, **dict(zip(names, row, strict=True))} for row in rows]


def _still_ours(connection: Connection, making: int, more: int) -> None:
    ours = sa.and_(m.id == making, m.state == MAKING)
    if not connection.execute(sa.update(link_makings).where(ours).values(links=m.links + more)).rowcount:
        raise Overtaken("Somebody else began to make the recommendations anew meanwhile; this making was given up.")


def _retire(connection: Connection, making: int, now: datetime) -> None:
    """This one stays, and the newest of other moments: what was made for the same moment says no more than this."""
    kept, moments = [making], {now}
    ready = sa.select(m.id, m.as_of).where(m.state == READY).order_by(m.as_of.desc(), m.id.desc())
    for other, as_of in connection.execute(ready).all():
        if len(kept) < STAY and as_of not in moments:
            kept.append(other)
            moments.add(as_of)
    connection.execute(sa.update(link_makings).where(m.state == READY, m.id.not_in(kept)).values(state=GONE))


def _clear(engine: Engine) -> None:
    """Remove what is not read any more, and what was cut off."""
    with writing(engine) as connection:
        old = list(connection.scalars(sa.select(m.id).where(m.state != READY)))
        connection.execute(sa.update(link_makings).where(m.id.in_(old)).values(state=GONE))
    for making in old:
        while _cleared(engine, making):
            pass
        with writing(engine) as connection:
            connection.execute(sa.delete(link_makings).where(m.id == making))


def _cleared(engine: Engine, making: int) -> bool:
    """Remove a part of its rows; whether there is more."""
    mine = p.making_id == making
    with writing(engine) as connection:
        border = sa.select(p.product_id).where(mine).order_by(p.product_id).offset(PART).limit(1)
        high = connection.scalar(border)
        connection.execute(sa.delete(product_links).where(mine, sa.true() if high is None else p.product_id <= high))
    return high is not None


def newest(now: datetime) -> Any:
    """The making that a message of that moment reads."""
    ready = sa.select(m.id).where(m.state == READY, m.as_of <= now)
    return ready.order_by(m.as_of.desc(), m.id.desc()).limit(1)
