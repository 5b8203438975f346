"""What the database holds of a shop, in the shape in which the plain model says it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from vefa.crm import tables as t
from vefa.crm.coupon_uses import order_codes


def read(engine: sa.Engine) -> dict[str, Any]:
    """Table by table; what was withdrawn is left out."""
    with engine.connect() as connection:
        customers = _customers(connection)
        names = {number: label for number, (label, _) in customers.items()}
        orders = _orders(connection, names)
        rows: dict[str, Any] = {"orders": {key: row for key, (_, row) in orders.items()}}
        keys = {number: key for key, (number, _) in orders.items()}
        owners = {row[0] for row in rows["orders"].values()}
        rows["customers"] = {label: about for label, about in customers.values() if label in owners or "@" not in label}
        rows["lines"] = _lines(connection, keys)
        rows |= _after_the_sale(connection, keys)
        rows |= _events(connection, names)
        rows["consents"] = _consents(connection, names)
        rows["tags"] = _tags(connection, names)
        return rows


def _customers(connection: sa.Connection) -> dict[int, tuple[str, tuple[str, str | None]]]:
    """Each by the shop's number, or by the e-mail address where there is none."""
    emails = sa.select(t.contacts).where(t.contacts.c.channel == "email").subquery()
    query = sa.select(
        t.customers.c.id, t.customers.c.outside_id, t.customers.c.first_name, emails.c.address
    ).outerjoin_from(t.customers, emails, emails.c.customer_id == t.customers.c.id)
    found = {}
    for row in connection.execute(query):
        guest = row.outside_id.startswith("guest:")
        about = (row.address, None if guest else row.first_name)
        found[row.id] = (row.address if guest else row.outside_id, about)
    return found


def _orders(connection: sa.Connection, names: dict[int, str]) -> dict[str, tuple[int, Any]]:
    found, codes = {}, _codes(connection)
    for row in connection.execute(sa.select(t.orders).where(t.orders.c.withdrawn.is_(None))):
        moments = (row.placed_at, row.shipped_at, row.delivered_at, row.cancelled_at)
        about = (names.get(row.customer_id), *moments, row.total, codes.get(row.id, ()))
        found[row.outside_id] = (row.id, about)
    return found


def _codes(connection: sa.Connection) -> dict[int, tuple[str, ...]]:
    """All discount codes of each order, in the letters of the plain model."""
    query = sa.select(order_codes.c.order_id, order_codes.c.code).order_by(order_codes.c.place)
    found: dict[int, tuple[str, ...]] = {}
    for order, code in connection.execute(query):
        found[order] = (*found.get(order, ()), code.upper())
    return found


def _lines(connection: sa.Connection, keys: dict[int, str]) -> dict[str, Any]:
    query = sa.select(t.order_lines, t.products.c.outside_id).join(t.products)
    found: dict[str, Any] = {key: {} for key in keys.values()}
    for row in connection.execute(query):
        if row.order_id in keys:
            found[keys[row.order_id]][row.outside_id] = (row.quantity, row.unit_price)
    return found


def _after_the_sale(connection: sa.Connection, keys: dict[int, str]) -> dict[str, Any]:
    d, r, b = t.deliveries, t.refunds, t.returns
    parcels = connection.execute(sa.select(d).where(d.c.cancelled_at.is_(None))).all()
    refunds = connection.execute(sa.select(r).where(r.c.amount.is_not(None))).all()
    returns = connection.execute(sa.select(b)).all()

    def of(row: Any) -> str:
        return keys.get(row.order_id, "")

    return {
        "parcels": {p.outside_id: (of(p), p.shipped_at, p.delivered_at) for p in parcels if of(p)},
        "refunds": {m.outside_id: (of(m), m.amount) for m in refunds if of(m)},
        "returns": {g.outside_id: (of(g), g.refunded_at) for g in returns if of(g)},
    }


def _events(connection: sa.Connection, names: dict[int, str]) -> dict[str, Any]:
    e = t.events.c
    mine = e.type.like("order.%"), e.customer_id.is_not(None)
    orders = connection.execute(sa.select(t.events).where(*mine)).all()
    signed_up = sa.select(e.object_key).where(e.type == "customer.created")
    return {
        "events": {(row.type, row.object_key): (names[row.customer_id], row.occurred_at) for row in orders},
        "sign_ups": set(connection.scalars(signed_up)),
    }


def _consents(connection: sa.Connection, names: dict[int, str]) -> set[tuple[str, str]]:
    c = t.consents.c
    last: dict[tuple[str, str], bool] = {}
    for row in connection.execute(sa.select(t.consents).order_by(c.occurred_at, c.granted.desc())):
        last[names[row.customer_id], row.channel] = row.granted
    return {key for key, granted in last.items() if granted}


def _tags(connection: sa.Connection, names: dict[int, str]) -> set[tuple[str, str]]:
    return {(names[row.customer_id], row.tag) for row in connection.execute(sa.select(t.tags)) if row.until is None}
