"""What a batch of customers' points are settled from, read in a handful of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted_currency
from vefa.crm.lines import price_of
from vefa.crm.points import point_moves, point_uses, redemptions, tier_changes
from vefa.crm.tables import order_lines, orders, products, refunds, returns
from vefa.database import among
from vefa.plan.loyalty import Programme
from vefa.rewards.accounts import Account, Move, Use
from vefa.rewards.settling import OrderFacts, Spent, Taken
from vefa.settings import Shop

_MOVE = tuple(Move.__dataclass_fields__)


@dataclass
class Read:
    """By customer: what is written down, and what it is settled from."""

    accounts: dict[int, Account]
    numbers: dict[str, int]
    orders: dict[int, list[OrderFacts]] = field(default_factory=lambda: defaultdict(list))
    spent: dict[int, list[Spent]] = field(default_factory=lambda: defaultdict(list))
    tiers: dict[int, tuple[datetime, str | None]] = field(default_factory=dict)


def read(connection: Connection, customer_ids: Sequence[int], programme: Programme, shop: Shop) -> Read:
    """Everything of these customers."""
    found = _accounts(connection, customer_ids)
    _orders(connection, customer_ids, programme, shop, found)
    r, t = redemptions.c, tier_changes.c
    spent = sa.select(r.customer_id, r.id, r.points, r.redeemed_known_at, r.order_id)
    for customer, *row in connection.execute(spent.where(among(r.customer_id, customer_ids))):
        found.spent[customer].append(Spent(*row))
    changes = sa.select(t.customer_id, t.since, t.tier).where(among(t.customer_id, customer_ids)).order_by(t.since)
    for customer, since, tier in connection.execute(changes):
        found.tiers[customer] = (since, tier)
    return found


def _accounts(connection: Connection, customer_ids: Sequence[int]) -> Read:
    m, u = point_moves.c, point_uses.c
    mine = among(m.customer_id, customer_ids)
    moves: dict[int, list[Move]] = defaultdict(list)
    uses: dict[int, list[Use]] = defaultdict(list)
    keys: dict[int, str] = {}
    for number, *row in connection.execute(sa.select(m.id, *(m[name] for name in _MOVE)).where(mine)):
        move = Move(*row)
        moves[move.customer_id].append(move)
        keys[number] = move.key
    query = sa.select(m.customer_id, u.spend_id, u.lot_id, u.points, u.at).join(point_uses, u.spend_id == m.id)
    for customer, spend, lot, points, at in connection.execute(query.where(mine)):
        uses[customer].append(Use(keys[spend], keys[lot], points, at))
    accounts = {each: Account.of(each, moves[each], uses[each]) for each in customer_ids}
    return Read(accounts, {key: number for number, key in keys.items()})


def _orders(connection: Connection, ids: Sequence[int], programme: Programme, shop: Shop, found: Read) -> None:
    o = orders.c
    total = sa.func.coalesce(o.shop_total, o.total, type_=o.total.type)
    money = (total.label("total"), counted_currency(o).label("currency"))
    columns = (o.id, o.customer_id, *money, o.placed_at, o.placed_known_at)
    query = sa.select(*columns, o.delivered_known_at, o.cancelled_known_at).where(among(o.customer_id, ids))
    rows = list(connection.execute(query))
    earning = [row for row in rows if _earns(row.placed_at, programme, shop)]
    numbers = [row.id for row in earning]
    taken, lines = _taken(connection, numbers, shop), _lines(connection, numbers, programme)
    for row in rows:
        counts = None
        if row.id in taken:
            late = programme.earn is not None and programme.earn.on == "delivered"
            counts = row.delivered_known_at if late else row.placed_known_at
        facts = OrderFacts(
            row.id,
            row.placed_at,
            row.placed_known_at,
            row.cancelled_known_at,
            counts,
            worth(row.total, row.currency, shop),
            tuple(taken.get(row.id, ())),
            lines.get(row.id, {}),
        )
        found.orders[row.customer_id].append(facts)


def _earns(placed_at: datetime, programme: Programme, shop: Shop) -> bool:
    if programme.starts is None:
        return False
    return placed_at >= datetime.combine(programme.starts, time(0), ZoneInfo(shop.zone))


def worth(amount: Decimal, currency: str | None, shop: Shop) -> Decimal:
    """An amount in the shop's currency; nothing where the shop gives no rate for it."""
    if currency in (shop.currency, None):
        return amount
    return amount * shop.exchange_rates.get(currency, Decimal(0))


def _taken(connection: Connection, order_ids: Sequence[int], shop: Shop) -> dict[int, list[Taken]]:
    """What came back, from the moment at which the goods or the money did: asking for it alone takes nothing."""
    r = returns.c
    known = (r.received_known_at, r.refunded_known_at)
    found: dict[int, list[Taken]] = {number: [] for number in order_ids}
    m = refunds.c
    paid = sa.select(m.order_id, m.amount, m.currency, m.refunded_known_at).where(m.amount.is_not(None))
    for order_id, amount, currency, moment in connection.execute(
        paid.where(among(m.order_id, order_ids)).order_by(m.id)
    ):
        found[order_id].append(Taken(moment, worth(amount, currency, shop)))
    # A return whose money is a refund of the same name is taken once.
    same = sa.exists().where(m.source == r.source, m.outside_id == r.outside_id, m.amount.is_not(None))
    query = sa.select(r.order_id, r.amount, r.currency, *known).where(among(r.order_id, order_ids), ~same)
    query = query.order_by(r.id)
    for order_id, amount, currency, *moments in connection.execute(query):
        came = [moment for moment in moments if moment is not None]
        if came:
            value = None if amount is None else worth(amount, currency, shop)
            found[order_id].append(Taken(min(came), value))
    return found


def _lines(
    connection: Connection, order_ids: Sequence[int], programme: Programme
) -> dict[int, dict[str | None, Decimal]]:
    """The worth of each order's lines by category, where categories make a difference."""
    if programme.earn is None or not programme.earn.categories:
        return {}
    line, p = order_lines.c, products.c
    query = sa.select(line.order_id, p.category, line.quantity, line.unit_price)
    query = query.join(products, p.id == line.product_id).where(among(line.order_id, order_ids))
    found: dict[int, dict[str | None, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for order_id, category, quantity, price in connection.execute(query):
        found[order_id][category] += price_of(quantity, price)
    return found


def as_row(move: Move, now: datetime) -> dict[str, Any]:
    """The move as a row."""
    return {**{name: getattr(move, name) for name in _MOVE}, "posted_at": now}
