"""Codes made by vefa on their way to the shop's checkout: each is handed over once, and again when its last moment is
known.

An export is a row, and its codes bear its number from the moment at which they are chosen. Whoever dies half-way leaves
an open export, so nothing is lost; it goes again under the same number, so nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.tables import customers
from vefa.database import reading, writing
from vefa.rewards.coupons import KNOWN_THERE, UNDATED, UNTOLD
from vefa.rewards.tables import coupon_exports, coupons

Way = Literal["file", "push"]
#: Codes in one transaction.
PART = 5_000

c, x = coupons.c, coupon_exports.c


@dataclass(frozen=True)
class CheckoutCode:
    """A code as the checkout must know it. Until the first message tells it, its end may be `valid_days` from then."""

    code: str
    percent: Decimal | None
    amount: Decimal | None
    currency: str | None
    free_shipping: bool
    minimum: Decimal | None
    minimum_currency: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    valid_days: int | None
    customer: str
    single_use: bool = True


@dataclass(frozen=True)
class Export:
    """Codes that are handed over together."""

    id: int
    way: str
    target: str
    codes: int


def begin(engine: Engine, way: Way, target: str, now: datetime, wall_end: datetime, most: int | None = None) -> Export:
    """Choose codes that the checkout has not heard all of, at most `most`, and give them the number of a new export."""
    with writing(engine) as connection:
        row = {"way": way, "target": target, "codes": 0, "begun_at": now, "attempts": 1, "leased_until": wall_end}
        made = connection.execute(sa.insert(coupon_exports).values(row)).inserted_primary_key
        number = int(made[0]) if made else 0
    count, left = 0, most
    while part := _choose(engine, number, PART if left is None else min(PART, left)):
        count, left = count + part, None if left is None else left - part
        if left == 0:
            break
    with writing(engine) as connection:
        done = {"codes": count} | ({} if count else {"ended_at": now})
        connection.execute(sa.update(coupon_exports).where(x.id == number).values(done))
    return Export(number, way, target, count)


def _choose(engine: Engine, number: int, most: int) -> int:
    dated = sa.or_(c.valid_from.is_not(None), c.valid_days.is_(None))
    chosen = sa.select(c.id).where(c.exported == UNTOLD).order_by(c.id).limit(most)
    cte = chosen.with_for_update(skip_locked=True).cte("chosen").prefix_with("MATERIALIZED", dialect="postgresql")
    update = sa.update(coupons).where(c.id.in_(sa.select(cte.c.id)), c.exported == UNTOLD)
    with writing(engine) as connection:
        values: dict[str, Any] = {"export_id": number, "exported": sa.case((dated, KNOWN_THERE), else_=UNDATED)}
        # Counted by hand: sqlite3 tells no number of rows for a statement that begins with WITH.
        return len(connection.execute(update.values(values).returning(c.id)).all())


def anything_untold(connection: Connection) -> bool:
    """Whether there are codes that no export has, or exports that the checkout may not have."""
    new = sa.exists().where(c.exported == UNTOLD)
    return bool(connection.scalar(sa.select(sa.or_(new, sa.exists().where(x.ended_at.is_(None))))))


def open_exports(connection: Connection, way: Way) -> list[Any]:
    """Exports of that way that are not surely done, the oldest first."""
    query = sa.select(coupon_exports).where(x.ended_at.is_(None), x.way == way).order_by(x.id)
    return list(connection.execute(query))


def lease(engine: Engine, export_id: int, wall: datetime, until: datetime) -> bool:
    """Take an open export that nobody is at."""
    free = sa.or_(x.leased_until.is_(None), x.leased_until <= wall)
    mine = sa.and_(x.id == export_id, x.ended_at.is_(None), free)
    with writing(engine) as connection:
        values = {"leased_until": until, "attempts": x.attempts + 1}
        return connection.execute(sa.update(coupon_exports).where(mine).values(values)).rowcount == 1


def end(engine: Engine, export_id: int, now: datetime) -> None:
    """The checkout has these codes."""
    with writing(engine) as connection:
        done = sa.update(coupon_exports).where(x.id == export_id, x.ended_at.is_(None))
        connection.execute(done.values(ended_at=now, problem=None))


def fail(engine: Engine, export_id: int, problem: str, until: datetime) -> None:
    """It was not taken, or nobody knows: it goes again, under the same number, after a while."""
    with writing(engine) as connection:
        open_still = sa.update(coupon_exports).where(x.id == export_id, x.ended_at.is_(None))
        connection.execute(open_still.values(problem=problem, leased_until=until))


def undo(engine: Engine, export_id: int, now: datetime) -> None:
    """Nothing came of it: its codes are as new as before."""
    with writing(engine) as connection:
        mine = sa.update(coupons).where(c.export_id == export_id)
        connection.execute(mine.values(export_id=None, exported=UNTOLD))
        connection.execute(sa.update(coupon_exports).where(x.id == export_id).values(ended_at=now, codes=0))


def codes_of(engine: Engine, which: Any) -> Iterator[CheckoutCode]:
    """The codes that `which` (over `coupons`) chooses, in the order in which they were made."""
    after = 0
    while True:
        query = (
            sa.select(coupons, customers.c.outside_id)
            .join(customers, customers.c.id == c.customer_id)
            .where(which, c.pool_code_id.is_(None), c.id > after)
            .order_by(c.id)
            .limit(PART)
        )
        with reading(engine) as connection:
            rows = connection.execute(query).all()
        yield from map(_code, rows)
        if len(rows) < PART:
            return
        after = rows[-1].id


def _code(row: Any) -> CheckoutCode:
    terms = row.terms
    begun = row.valid_from is not None or row.valid_days is None
    return CheckoutCode(
        code=row.code,
        percent=_number(terms["percent"]),
        amount=_number(terms["amount"]),
        currency=terms["currency"],
        free_shipping=bool(terms["free_shipping"]),
        minimum=_number(terms["minimum"]),
        minimum_currency=terms["minimum_currency"],
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        valid_days=None if begun else row.valid_days + (1 if row.valid_seconds else 0),
        customer=row.outside_id,
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def known_there(enrolment_id: Any, step: int) -> sa.ColumnElement[bool]:
    """That the checkout has the coupon of an enrolment's step."""
    told = sa.exists().where(
        c.enrolment_id == enrolment_id, c.step == step, x.id == c.export_id, x.ended_at.is_not(None)
    )
    return told.correlate_except(coupons, coupon_exports)
