"""What follows for orders from everything that is known of them: reports, parcels and refunds together.

Each value is a function of the rows that are there, so the order in which they came makes no difference. A value
that came by another way, such as an import, stands unless a report says something else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.happenings import mark_stale, record_events, withdraw_events
from vefa.crm.shops.moments import NOTHING, Verdict, read_verdicts
from vefa.crm.shops.versions import Version, read_versions
from vefa.crm.tables import deliveries, orders, refunds, returns
from vefa.database import among, inserting

_MOMENTS = ("placed", "shipped", "delivered", "cancelled")


@dataclass
class _Known:
    """What there is of one order."""

    row: Any
    verdicts: dict[str, Verdict]
    version: Version | None
    parcels: list[Any] = field(default_factory=list)
    refunds: list[Any] = field(default_factory=list)


def settle_orders(connection: Connection, keys: Collection[str], source: str, now: datetime) -> None:
    """Write the moments of these orders, and the events, returns and marks that follow."""
    known = _read(connection, keys, source)
    if not known:
        return
    changes = [change for each in known if (change := _change(each, now))]
    if changes:
        columns = sorted({name for change in changes for name in change if name != "number_"})
        values = {name: sa.bindparam(f"new_{name}", type_=orders.c[name].type) for name in columns}
        update = sa.update(orders).where(orders.c.id == sa.bindparam("number_")).values(values)
        rows = {each.row.id: each.row for each in known}
        connection.execute(update, [_whole(change, rows[change["number_"]], columns) for change in changes])
    ids = [each.row.id for each in known]
    record_events(connection, "order", ids)
    record_events(connection, "delivery", [parcel.id for each in known for parcel in each.parcels])
    record_events(connection, "refund", [refund.id for each in known for refund in each.refunds])
    withdraw_events(connection, "order", ids)
    _put_returns(connection, known, source, now)
    mark_stale(connection, sorted({each.row.customer_id for each in known if each.row.customer_id is not None}))


def _whole(change: dict[str, Any], row: Any, columns: Sequence[str]) -> dict[str, Any]:
    """One shape for all rows of a statement: what does not change is written as it is."""
    values = {f"new_{name}": change.get(name, getattr(row, name)) for name in columns}
    return values | {"number_": row.id}


def _read(connection: Connection, keys: Collection[str], source: str) -> list[_Known]:
    query = sa.select(orders).where(orders.c.source == source, orders.c.outside_id.in_(sorted(keys)))
    rows = connection.execute(query.order_by(orders.c.id)).all()
    names = [("order", row.outside_id) for row in rows]
    verdicts, versions = read_verdicts(connection, names, source), read_versions(connection, names, source)
    known = {
        row.id: _Known(row, verdicts.get(key, {}), versions.get(key)) for row, key in zip(rows, names, strict=True)
    }
    for parcel in connection.execute(sa.select(deliveries).where(among(deliveries.c.order_id, sorted(known)))):
        known[parcel.order_id].parcels.append(parcel)
    for refund in connection.execute(sa.select(refunds).where(among(refunds.c.order_id, sorted(known)))):
        known[refund.order_id].refunds.append(refund)
    return list(known.values())


def _change(known: _Known, now: datetime) -> dict[str, Any]:
    """The columns of the order that become others."""
    row = known.row
    withdrawn = _withdrawn(known)
    wanted: dict[str, datetime | None] = {
        "placed": known.verdicts.get("placed", NOTHING).at or row.placed_at,
        "shipped": _shipped(known),
        "delivered": _delivered(known),
    }
    wanted["cancelled"] = _cancelled(known, wanted["shipped"], withdrawn)
    changed: dict[str, Any] = {}
    for name in _MOMENTS:
        at = getattr(row, f"{name}_at")
        value = wanted[name]
        if value != at:
            learned = max(now, value) if value is not None else None
            known_at = getattr(row, f"{name}_known_at") if at is not None and learned is not None else learned
            changed |= {f"{name}_at": value, f"{name}_known_at": known_at}
    if withdrawn != row.withdrawn:
        changed["withdrawn"] = withdrawn
        if withdrawn is None:  # it is an order again, and that is new
            changed.setdefault("placed_at", row.placed_at)
    return changed | {"number_": row.id} if changed else {}


def _withdrawn(known: _Known) -> str | None:
    if known.version is not None and known.version.withdrawn is not None:
        return known.version.withdrawn
    placed = known.verdicts.get("placed", NOTHING)
    return "unpaid" if placed.denied and placed.at is None else None


def _shipped(known: _Known) -> datetime | None:
    """With the first parcel; else as the order itself says."""
    verdict, was = known.verdicts.get("shipped", NOTHING), known.row.shipped_at
    parcels = [parcel.shipped_at for parcel in known.parcels if parcel.shipped_at is not None]
    first = min((p.shipped_at for p in known.parcels if p.shipped_at and p.cancelled_at is None), default=None)
    return _value(first or verdict.at, was, {*verdict.reported, *parcels})


def _delivered(known: _Known) -> datetime | None:
    """With the last parcel, once all goods have left and every parcel has arrived."""
    verdict, was = known.verdicts.get("delivered", NOTHING), known.row.delivered_at
    valid = [parcel for parcel in known.parcels if parcel.cancelled_at is None]
    arrived: list[datetime] = [parcel.delivered_at for parcel in valid if parcel.delivered_at is not None]
    to_come = known.version is not None and known.version.partial is True
    whole = bool(valid) and len(arrived) == len(valid) and not to_come
    every = {parcel.delivered_at for parcel in known.parcels if parcel.delivered_at is not None}
    return _value(max(arrived, default=None) if whole else verdict.at, was, {*verdict.reported, *every})


def _cancelled(known: _Known, shipped: datetime | None, withdrawn: str | None) -> datetime | None:
    """As reported; a withdrawn order, and one whose money went back before anything was sent, have ended too."""
    verdict, row = known.verdicts.get("cancelled", NOTHING), known.row
    paid_back = [each for each in known.refunds if each.refunded_at is not None and each.amount is not None]
    last = max((each.refunded_at for each in paid_back), default=None)
    whole = sum((each.amount for each in paid_back), Decimal(0)) >= row.total > 0
    ended = last if whole and shipped is None else None
    at = verdict.at or ended
    if at is None and withdrawn is not None:
        at = row.placed_at
    ours = {*verdict.reported, *(each.refunded_at for each in paid_back)}
    return _value(at, row.cancelled_at, {*ours, row.cancelled_at} if row.withdrawn is not None else ours)


def _value(wanted: datetime | None, was: datetime | None, ours: Collection[datetime | None]) -> datetime | None:
    """What is wanted; where that is nothing, what was there is taken away only if it came from the shop system."""
    if wanted is not None:
        return wanted
    return None if was in ours else was


def _put_returns(connection: Connection, known: Sequence[_Known], source: str, now: datetime) -> None:
    """Goods that came back with a refund, of orders of which something had been sent by then."""
    c = orders.c
    query = sa.select(c.id, c.customer_id, c.shipped_at).where(among(c.id, [each.row.id for each in known]))
    sent = {row.id: row for row in connection.execute(query)}
    rows = []
    for each in known:
        order = sent[each.row.id]
        for refund in each.refunds:
            if refund.goods_back and order.customer_id is not None and _was_sent(order, refund):
                rows.append(_return(refund, order.customer_id, source, now))
    if not rows:
        return
    insert = inserting(connection, returns)
    names = ("customer_id", "order_id", "reason", "amount", "currency", "requested_at", "received_at", "refunded_at")
    changed = {name: insert.excluded[name] for name in names}
    key = ["source", "outside_id"]
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)
    ids = sa.select(returns.c.id).where(
        returns.c.source == source, returns.c.outside_id.in_(sorted(row["outside_id"] for row in rows))
    )
    record_events(connection, "return", sorted(connection.scalars(ids)))


def _was_sent(order: Any, refund: Any) -> bool:
    return order.shipped_at is not None and order.shipped_at <= refund.refunded_at


def _return(refund: Any, customer_id: int, source: str, now: datetime) -> dict[str, Any]:
    at = refund.refunded_at
    known = max(now, at)
    paid = refund.amount is not None
    return {
        "source": source,
        "outside_id": refund.outside_id,
        "customer_id": customer_id,
        "order_id": refund.order_id,
        "reason": refund.reason,
        "amount": refund.amount,
        "currency": refund.currency,
        "requested_at": at,
        "requested_known_at": known,
        "received_at": None if paid else at,  # one word on the money says that the goods are here, too
        "received_known_at": None if paid else known,
        "refunded_at": at if paid else None,
        "refunded_known_at": known if paid else None,
    }


def read_orders(connection: Connection, keys: Collection[str], source: str) -> dict[str, Any]:
    """The rows (id, customer_id) of these orders."""
    query = sa.select(orders.c.outside_id, orders.c.id, orders.c.customer_id)
    query = query.where(orders.c.source == source, orders.c.outside_id.in_(sorted(keys)))
    return {row.outside_id: row for row in connection.execute(query)}
