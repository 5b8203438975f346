"""What the loyalty programme brings and owes, and which rewards customers like: counted by the database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.points import CUSTOMER, point_moves, tier_changes
from vefa.crm.points_fields import signed
from vefa.crm.tables import customers
from vefa.plan.loyalty import Programme
from vefa.rewards.redemptions import stands
from vefa.rewards.tables import coupons, redemptions
from vefa.settings import Shop


@dataclass(frozen=True)
class Flow:
    """Points that came or went in the time asked about, by what for."""

    kind: str
    rule: str | None
    customers: int
    moves: int
    points: int


@dataclass(frozen=True)
class Tier:
    """How many customers are in it, and what they have."""

    tier: str | None
    members: int
    points: int


@dataclass(frozen=True)
class Reward:
    """A kind of gift: to how many it was given, and how many made use of it."""

    reward: str
    given: int
    used: int

    @property
    def rate(self) -> float:
        return self.used / self.given if self.given else 0.0


@dataclass(frozen=True)
class LoyaltyReport:
    """`outstanding` is what customers can still spend at the end, `owed` what they owe the shop."""

    since: datetime
    until: datetime
    currency: str
    flows: tuple[Flow, ...]
    tiers: tuple[Tier, ...]
    rewards: tuple[Reward, ...]
    members: int
    outstanding: int
    owed: int
    liability: Decimal | None

    def total(self, *kinds: str) -> int:
        """All points of those kinds."""
        return sum(flow.points for flow in self.flows if flow.kind in kinds)

    @property
    def issued(self) -> int:
        return self.total("earn", "grant") + sum(max(f.points, 0) for f in self.flows if f.kind == "correct")

    @property
    def redemption_rate(self) -> float | None:
        """Points spent of those issued in the same time."""
        return self.spent / self.issued if self.issued else None

    @property
    def spent(self) -> int:
        return -self.total("redeem", "give_back")


def loyalty_report(
    connection: Connection, programme: Programme, shop: Shop, since: datetime, until: datetime
) -> LoyaltyReport:
    """What came and went from `since` to `until`; who stands where at its end."""
    balances = _balances(until)
    have, owe = (sa.func.coalesce(sa.func.sum(sa.case((sign, balances.c.points))), 0) for sign in _signs(balances))
    members, outstanding, owed = connection.execute(sa.select(sa.func.count(), have, owe).select_from(balances)).one()
    return LoyaltyReport(
        since,
        until,
        shop.currency,
        tuple(_flows(connection, since, until)),
        tuple(_tiers(connection, programme, balances, until)),
        tuple(_rewards(connection, since, until)),
        members,
        int(outstanding),
        -int(owed),
        None if programme.worth is None else int(outstanding) * programme.worth,
    )


def _signs(balances: Any) -> tuple[Any, Any]:
    return balances.c.points > 0, balances.c.points < 0


def _balances(until: datetime) -> Any:
    """Everybody who has ever had points, and is not forgotten."""
    m = point_moves.c
    query = sa.select(m.customer_id, sa.cast(sa.func.sum(signed(m)), sa.BigInteger).label("points"))
    query = query.join(customers, customers.c.id == m.customer_id)
    query = query.where(m.at <= until, customers.c.forgotten_at.is_(None))
    return query.group_by(m.customer_id).subquery("balances")


def _flows(connection: Connection, since: datetime, until: datetime) -> Iterator[Flow]:
    m = point_moves.c
    counts = (sa.func.count(m.customer_id.distinct()), sa.func.count(), sa.func.sum(signed(m)))
    query = sa.select(m.kind, m.rule, *counts).where(m.at > since, m.at <= until).group_by(m.kind, m.rule)
    found = sorted(connection.execute(query), key=lambda row: (-abs(int(row[4])), row[0], row[1] or ""))
    for kind, rule, people, moves, points in found:
        yield Flow(kind, rule if kind in ("earn", "grant", "take_back") else None, people, moves, int(points))


def _tiers(connection: Connection, programme: Programme, balances: Any, until: datetime) -> Iterator[Tier]:
    t, later = tier_changes.c, tier_changes.alias("later")
    newer = sa.exists().where(later.c.customer_id == t.customer_id, later.c.since > t.since, later.c.since <= until)
    query = (
        sa.select(t.tier, sa.func.count(), sa.func.sum(balances.c.points))
        .join(balances, balances.c.customer_id == t.customer_id)
        .where(t.since <= until, sa.not_(newer))
        .group_by(t.tier)
    )
    found = {tier: Tier(tier, members, int(points)) for tier, members, points in connection.execute(query)}
    names = [level.name for level in programme.levels]
    for name in [*names, *(tier for tier in found if tier not in names)]:
        yield found.get(name, Tier(name, 0, 0))


def _rewards(connection: Connection, since: datetime, until: datetime) -> Iterator[Reward]:
    """Coupons by what they are worth, and points: of who got any in that time, how many have spent any by its end."""
    c = coupons.c
    used = sa.exists().where(redemptions.c.coupon_id == c.id, stands(redemptions.c, until))
    terms = sa.cast(c.terms, sa.Text)
    counts = (sa.func.count(), sa.func.sum(sa.case((used, 1), else_=0)))
    query = sa.select(terms, *counts).where(c.made_at > since, c.made_at <= until).group_by(terms)
    kinds: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for text, given, taken in connection.execute(query):
        each = kinds[_worth(json.loads(text))]
        each[0] += given
        each[1] += int(taken)
    m, spent = point_moves.c, point_moves.alias("spent")
    spends = sa.exists().where(spent.c.customer_id == m.customer_id, spent.c.kind == "redeem", spent.c.at <= until)
    people = sa.func.count(m.customer_id.distinct())
    got = sa.select(people).where(m.credit == CUSTOMER, m.at > since, m.at <= until)
    kinds["points"] = [connection.scalar(got) or 0, connection.scalar(got.where(spends)) or 0]
    rewards = [Reward(name, given, taken) for name, (given, taken) in kinds.items() if given]
    yield from sorted(rewards, key=lambda reward: (-reward.rate, reward.reward))


def _worth(terms: dict[str, Any]) -> str:
    if terms.get("percent"):
        return f"coupon, {Decimal(terms['percent']):f} % off"
    if terms.get("amount"):
        return f"coupon, {Decimal(terms['amount']):f} {terms.get('currency')} off"
    return "coupon, free shipping" if terms.get("free_shipping") else "coupon"
