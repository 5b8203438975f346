"""What coupons brought and cost: by journey, step and pool, in money by currency, counted by the database in sets."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import orders
from vefa.engine.tables import enrolments, journeys, step_names
from vefa.rewards.redemptions import discount, stands
from vefa.rewards.tables import coupons, pool_codes, redemptions

c, r, o, p, e = coupons.c, redemptions.c, orders.c, pool_codes.c, enrolments.c

#: What a checkout let through although it should not have, by its column, in words.
ANOMALIES = {
    "again": "used twice",
    "late": "after its last day",
    "small": "basket below the minimum",
    "not_theirs": "another customer's",
    "other_currency": "in another currency",
}
NEVER_GIVEN = "a code that nobody was given"


@dataclass
class Given:
    """The coupons of one step. `told`: their owner has read, or may have read, the code; `rate` is of these.

    `revenue` is what the orders cost that used them, `cost` what the coupons took off at most, each by currency;
    free shipping is in neither, for no order tells what it would have cost. `open`: told, still good and not used.
    """

    journey: str
    step: str
    pool: str | None
    given: int = 0
    told: int = 0
    redeemed: int = 0
    expired: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)
    cost: dict[str, Decimal] = field(default_factory=dict)
    free_shippings: int = 0
    anomalies: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share of those told that was used."""
        return self.redeemed / self.told if self.told else None


@dataclass(frozen=True)
class CouponReport:
    """All coupons as of a moment; `strange`: uses of a pool's codes that nobody was given, by pool."""

    now: datetime
    steps: tuple[Given, ...]
    strange: Mapping[str, int]


def coupon_report(connection: Connection, now: datetime, journey: str | None = None) -> CouponReport:
    """Everything about all coupons, or those of one journey, as known at `now`."""
    found: dict[tuple[Any, ...], Given] = {}
    mine = [] if journey is None else [journeys.c.name == journey]
    for key, given, told, expired in _given(connection, now, mine):
        found[key] = Given(key[0], key[1], key[2], given, told, 0, expired)
    for key, terms, currency, count, total in _used(connection, now, mine):
        _add_use(found[key], terms, currency, count, total)
    for key, anomalies in _anomalies(connection, now, mine):
        found[key].anomalies = anomalies
    steps = tuple(sorted(found.values(), key=lambda one: (one.journey, one.step, one.pool or "")))
    return CouponReport(now, steps, {} if mine else _strange(connection, now))


def _add_use(one: Given, terms: Mapping[str, Any], currency: str, count: int, total: Decimal) -> None:
    one.redeemed += count
    one.revenue[currency] = one.revenue.get(currency, Decimal(0)) + total
    if terms.get("free_shipping"):
        one.free_shippings += count
        return
    # A percentage of a sum of orders is the sum of the percentages; a sum off is taken off each order.
    times = count if terms.get("amount") is not None else 1
    took = discount(terms, total, currency) * times
    if took:
        one.cost[currency] = one.cost.get(currency, Decimal(0)) + took.quantize(Decimal("0.01"))


def _of_steps(*columns: Any) -> tuple[sa.Select[Any], list[Any]]:
    """Over coupons with their journey, step and pool; and these three, to group by."""
    key = [journeys.c.name.label("journey"), step_names.c.name.label("step"), p.pool]
    source = (
        coupons.join(enrolments, e.id == c.enrolment_id)
        .join(journeys, journeys.c.id == e.journey_id)
        .join(step_names, step_names.c.id == c.step)
        .outerjoin(pool_codes, p.id == c.pool_code_id)
    )
    return sa.select(*key, *columns).select_from(source), key


def _given(connection: Connection, now: datetime, mine: list[Any]) -> Iterator[tuple[Any, int, int, int]]:
    used = sa.exists().where(r.coupon_id == c.id, stands(r, now)).correlate_except(redemptions)
    told = sa.case((c.valid_from <= now, 1), else_=0)
    over = sa.case((sa.and_(c.valid_until < now, sa.not_(used)), 1), else_=0)
    query, key = _of_steps(sa.func.count(), sa.func.sum(told), sa.func.sum(over))
    for *named, count, told_of, expired in connection.execute(query.where(c.made_at <= now, *mine).group_by(*key)):
        yield tuple(named), count, int(told_of), int(expired)


def _used(
    connection: Connection, now: datetime, mine: list[Any]
) -> Iterator[tuple[Any, Mapping[str, Any], str, int, Decimal]]:
    terms = sa.cast(c.terms, sa.Text)
    total = sa.type_coerce(sa.cast(sa.func.sum(sa.type_coerce(o.total, sa.BigInteger)), sa.BigInteger), o.total.type)
    query, key = _of_steps(terms, o.currency, sa.func.count(), total)
    query = query.join(redemptions, r.coupon_id == c.id).join(orders, o.id == r.order_id)
    query = query.where(c.made_at <= now, r.counts, stands(r, now), *mine).group_by(*key, terms, o.currency)
    for *named, text, currency, count, sum_ in connection.execute(query):
        yield tuple(named), json.loads(text), currency, count, sum_


def _anomalies(connection: Connection, now: datetime, mine: list[Any]) -> Iterator[tuple[Any, dict[str, int]]]:
    counts = [sa.func.sum(sa.case((r[name], 1), else_=0)) for name in ANOMALIES]
    query, key = _of_steps(*counts)
    query = query.join(redemptions, r.coupon_id == c.id)
    query = query.where(c.made_at <= now, stands(r, now), sa.or_(*(r[name] for name in ANOMALIES)), *mine)
    for journey, step, pool, *numbers in connection.execute(query.group_by(*key)):
        words = zip(ANOMALIES.values(), numbers, strict=True)
        yield (journey, step, pool), {word: int(count) for word, count in words if count}


def _strange(connection: Connection, now: datetime) -> dict[str, int]:
    query = sa.select(p.pool, sa.func.count()).join_from(redemptions, pool_codes, p.id == r.pool_code_id)
    query = query.where(r.coupon_id.is_(None), stands(r, now)).group_by(p.pool).order_by(p.pool)
    return dict(connection.execute(query).tuples().all())


def totals(report: CouponReport) -> Given:
    """All steps added up."""
    whole, money = Given("all", "", None), (defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal))
    for one in report.steps:
        for name in ("given", "told", "redeemed", "expired", "free_shippings"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        for sums, part in zip(money, (one.revenue, one.cost), strict=True):
            for currency, amount in part.items():
                sums[currency] += amount
        for word, count in one.anomalies.items():
            whole.anomalies[word] = whole.anomalies.get(word, 0) + count
    whole.revenue, whole.cost = dict(money[0]), dict(money[1])
    return whole
