"""What the database must hold of a made-up shop: computed from what is true at its end, in plain Python."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.shops.truth import Account, MadeUpShop, Order


def expected(shop: MadeUpShop) -> dict[str, Any]:
    """Table by table, in the shape that `tests.shops.database.read` gives."""
    real = [o for o in shop.orders.values() if o.placed is not None and o.gone is None]
    kept = [a for a in shop.accounts.values() if a.merged_into is None]
    rows: dict[str, Any] = {"customers": {str(a.id): (a.email, a.name) for a in kept}}
    for table in ("orders", "lines", "parcels", "refunds", "returns", "events"):
        rows[table] = {}
    for order in real:
        who, key = owner(shop, order), str(order.id)
        if who == order.email:
            rows["customers"][who] = (order.email, None)
        moments = {
            "placed": order.placed,
            "shipped": shipped(order),
            "delivered": delivered(order),
            "cancelled": order.cancelled,
        }
        rows["orders"][key] = (who, *moments.values(), order.total, tuple(order.codes))
        left = {line.product: (line.now, line.price) for line in order.lines if line.now}
        rows["lines"][key] = left or None
        for parcel in order.valid_parcels():
            rows["parcels"][str(parcel.id)] = (key, parcel.shipped, parcel.delivered)
        for refund in order.refunds:
            if refund.status == "success":
                rows["refunds"][str(refund.id)] = (key, refund.amount)
            if refund.status == "success" and refund.goods:
                rows["returns"][str(refund.id)] = (key, refund.paid)
        rows["events"] |= {(f"order.{n}", key): (who, at) for n, at in moments.items() if at}
        done = [r for r in order.refunds if r.status == "success"]
        rows["events"] |= {("order.refunded", str(r.id)): (who, r.paid) for r in done}
    rows["sign_ups"] = {str(a.id) for a in shop.accounts.values() if a.enabled}
    rows["consents"] = {(str(a.id), c) for a in kept for c, v in a.consents.items() if agreed(v)}
    rows["tags"] = {(str(a.id), tag) for a in kept for tag in a.tags}
    return rows


def agreed(consent: tuple[str, datetime]) -> bool:
    """Only who subscribed, and said nothing else since, has agreed."""
    return consent[0] == "subscribed"


def owner(shop: MadeUpShop, order: Order) -> str:
    """Whose order it is: the shop's number, else the account with its e-mail address, else that."""
    account: Account | None = shop.accounts.get(order.account or 0)
    same = (a for a in shop.accounts.values() if a.email == order.email)
    account = account or next(same, None)
    while account is not None and account.merged_into is not None:
        account = shop.accounts[account.merged_into]
    return str(account.id) if account else order.email


def shipped(order: Order) -> datetime | None:
    """With the first parcel, or as the shop's own state says."""
    return min((parcel.shipped for parcel in order.valid_parcels()), default=order.shipped)


def delivered(order: Order) -> datetime | None:
    """With the last parcel, once all goods have left and every parcel has arrived."""
    moments = [parcel.delivered for parcel in order.valid_parcels()]
    if not moments:
        return order.delivered
    arrived = [moment for moment in moments if moment is not None]
    return max(arrived) if len(arrived) == len(moments) >= order.parts else None
