"""What conditions and words ask of points and tiers, as SQL as of a moment."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm.points import CUSTOMER, ISSUED, point_moves, point_uses, tier_changes
from vefa.crm.scope import Scope
from vefa.database import Instant, Money
from vefa.plan.loyalty import span

#: A name of its own for each sub-query, since some stand inside others.
_M, _LOT, _SOON, _USED, _T = (
    point_moves.alias("pm"),
    point_moves.alias("lot"),
    point_moves.alias("soon"),
    point_uses.alias("used"),
    tier_changes.alias("tc"),
)


def signed(m: Any) -> ColumnElement[int]:
    """What a move means to its customer."""
    return sa.case((m.credit == CUSTOMER, m.points), else_=-m.points)


def _sum(value: Any, *where: Any) -> ColumnElement[int]:
    query = sa.select(sa.func.coalesce(sa.func.sum(value), 0)).where(*where).correlate_except(_M)
    return sa.cast(query.scalar_subquery(), sa.BigInteger)


def points(scope: Scope) -> ColumnElement[int]:
    """All moves so far; a customer who owes points has less than none."""
    return _sum(signed(_M.c), _M.c.customer_id == scope.customer_id, _M.c.at <= scope.now)


def points_of_all(scope: Scope) -> Select[Any]:
    """The same for everybody who has any moves."""
    m = point_moves.c
    total = sa.cast(sa.func.sum(signed(m)), sa.BigInteger).label("value")
    return sa.select(m.customer_id, total).where(m.at <= scope.now).group_by(m.customer_id)


def worth(scope: Scope) -> ColumnElement[Any]:
    """In the shop's currency; nothing owed is worth nothing."""
    each = scope.world.loyalty.worth
    if each is None:
        return sa.type_coerce(sa.cast(sa.null(), sa.BigInteger), Money())
    have = points(scope)
    return sa.type_coerce(
        sa.case((have > 0, have), else_=0) * sa.literal(int(each * Money.scale), sa.BigInteger), Money()
    )


def of_order(scope: Scope) -> ColumnElement[int]:
    """What was issued for the order at hand, less what was taken back; empty where there is none."""
    if scope.order_id is None:
        return sa.cast(sa.null(), sa.BigInteger)
    own = (_M.c.order_id == scope.order_id, _M.c.customer_id == scope.customer_id)
    return _sum(signed(_M.c), *own, sa.or_(_M.c.debit == ISSUED, _M.c.credit == ISSUED), _M.c.at <= scope.now)


def _left(lot: Any, scope: Scope) -> ColumnElement[int]:
    used = sa.select(sa.func.coalesce(sa.func.sum(_USED.c.points), 0))
    used = used.where(_USED.c.lot_id == lot.c.id, _USED.c.at <= scope.now)
    left: ColumnElement[int] = lot.c.points - sa.cast(used.correlate_except(_USED).scalar_subquery(), sa.Integer)
    return left


def _open(lot: Any, scope: Scope) -> ColumnElement[bool]:
    """Lots of the customer's that can be spent, and run out some day."""
    mine = sa.and_(lot.c.customer_id == scope.customer_id, lot.c.credit == CUSTOMER, lot.c.at <= scope.now)
    return sa.and_(mine, lot.c.runs_out_at >= scope.now, _left(lot, scope) > 0)


def expires_at(scope: Scope) -> ColumnElement[Any]:
    """The end of the lots that run out next."""
    query = sa.select(sa.func.min(_SOON.c.runs_out_at)).where(_open(_SOON, scope)).correlate_except(_SOON)
    return sa.type_coerce(query.scalar_subquery(), Instant())


def expiring(scope: Scope) -> ColumnElement[int]:
    """What is left of them."""
    same = sa.type_coerce(_LOT.c.runs_out_at, sa.BigInteger) == sa.type_coerce(expires_at(scope), sa.BigInteger)
    query = sa.select(sa.func.coalesce(sa.func.sum(_left(_LOT, scope)), 0)).where(_open(_LOT, scope), same)
    return sa.cast(query.correlate_except(_LOT).scalar_subquery(), sa.BigInteger)


def tier(scope: Scope) -> ColumnElement[str]:
    """The latest one."""
    query = sa.select(_T.c.tier).where(_T.c.customer_id == scope.customer_id, _T.c.since <= scope.now)
    return query.order_by(_T.c.since.desc()).limit(1).correlate_except(_T).scalar_subquery()


def tier_of_all(scope: Scope) -> Select[Any]:
    """The same for everybody who is or was in one."""
    t, last = tier_changes.c, tier_changes.alias("last").c
    newest = sa.select(last.customer_id, sa.func.max(last.since).label("since")).where(last.since <= scope.now)
    ends = newest.group_by(last.customer_id).subquery("newest")
    here = sa.and_(ends.c.customer_id == t.customer_id, ends.c.since == t.since)
    return sa.select(t.customer_id, t.tier.label("value")).join(ends, here).where(t.tier.is_not(None))


def lately(scope: Scope) -> ColumnElement[int]:
    """The points that tiers count."""
    since = scope.now - span(scope.world.loyalty.within)
    own = (_M.c.customer_id == scope.customer_id, _M.c.at <= scope.now, _M.c.earned_at > since)
    return _sum(signed(_M.c), *own)


def next_tier(scope: Scope) -> ColumnElement[Any]:
    """The first that begins above what was earned lately."""
    levels = scope.world.loyalty.levels
    if not levels:
        return sa.cast(sa.null(), sa.Text)
    have = lately(scope)
    return sa.case(*((have < level.start, sa.literal(level.name, sa.Text)) for level in levels))


def to_next_tier(scope: Scope) -> ColumnElement[Any]:
    """How much of it is lacking."""
    levels = scope.world.loyalty.levels
    if not levels:
        return sa.cast(sa.null(), sa.BigInteger)
    have = lately(scope)
    return sa.case(*((have < level.start, sa.literal(level.start, sa.BigInteger) - have) for level in levels))
