"""Whether the points ledger keeps its promises: counted anew from its lines, by the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.points import (
    CUSTOMER,
    EXPIRED,
    ISSUED,
    REDEEMED,
    point_moves,
    point_uses,
    points_due,
    redemptions,
)
from vefa.crm.points_fields import signed
from vefa.database import EPOCH

ACCOUNTS = (ISSUED, CUSTOMER, REDEEMED, EXPIRED)


@dataclass(frozen=True)
class Fault:
    """A promise that is broken, how often, and by which moves at most a few are named."""

    says: str
    count: int
    moves: tuple[int, ...]


@dataclass(frozen=True)
class Checked:
    """What every account holds (all together nothing), and what is wrong."""

    moves: int
    accounts: dict[str, int]
    faults: tuple[Fault, ...]


def check_ledger(connection: Connection) -> Checked:
    """The whole ledger."""
    m = point_moves.c
    accounts = {}
    for account in ACCOUNTS:
        change = sa.case((m.credit == account, m.points), (m.debit == account, -m.points), else_=0)
        accounts[account] = int(connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(change), 0))) or 0)
    total = connection.scalar(sa.select(sa.func.count()).select_from(point_moves)) or 0
    return Checked(total, accounts, tuple(_faults(connection)))


def _faults(connection: Connection) -> Iterator[Fault]:
    for says, query in _promises():
        found = list(connection.scalars(query))
        if found:
            yield Fault(says, len(found), tuple(found[:5]))


def _promises() -> Iterator[tuple[str, sa.Select[tuple[int]]]]:
    m, u = point_moves.c, point_uses.c
    lot, spend = point_moves.alias("lot"), point_moves.alias("spend")
    used = sa.select(m.id).join(point_uses, u.lot_id == m.id).group_by(m.id, m.points)
    yield "a lot was used up more than once", used.having(sa.func.sum(u.points) > m.points)
    spent = sa.select(m.id).join(point_uses, u.spend_id == m.id).group_by(m.id, m.points)
    yield "a spending took more than it says", spent.having(sa.func.sum(u.points) > m.points)
    both = sa.select(spend.c.id).join(point_uses, u.spend_id == spend.c.id).join(lot, u.lot_id == lot.c.id)
    wrong = sa.or_(lot.c.credit != CUSTOMER, spend.c.debit != CUSTOMER, lot.c.customer_id != spend.c.customer_id)
    yield "points of one customer went into another's spending", both.where(wrong)
    early = sa.or_(u.at < lot.c.at, u.at < spend.c.at)
    late = sa.and_(u.at > lot.c.runs_out_at, spend.c.credit != EXPIRED)
    yield "points were spent before they came, or after they ran out", both.where(sa.or_(early, late))
    issued = sa.or_(m.debit == ISSUED, m.credit == ISSUED)
    orders = sa.select(sa.func.min(m.id)).where(m.order_id.is_not(None), issued)
    yield (
        "more was taken back than an order brought",
        orders.group_by(m.order_id, m.customer_id, m.rule).having(sa.func.sum(signed(m)) < 0),
    )
    r = redemptions.c
    told = sa.select(sa.func.min(m.id)).join(redemptions, r.id == m.redemption_id)
    waits = sa.exists().where(points_due.c.customer_id == m.customer_id, points_due.c.at == EPOCH)
    told = told.where(sa.not_(waits)).group_by(r.id, r.points)
    yield "a spending was posted otherwise than the shop told it", told.having(-sa.func.sum(signed(m)) != r.points)
