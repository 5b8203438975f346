"""WooCommerce's orders and customers, as its webhooks show them.

It knows no parcels and has one state an order. What `completed` and states of plug-ins mean, the shop says in its
settings. An order is placed once it is no longer waiting for its payment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from vefa.crm.arrivals import Arrival
from vefa.crm.shops.contents import ShopLine, code_data, line_data, unit_price, variant_of
from vefa.crm.shops.update import (
    MomentReport,
    RefundReport,
    Unreadable,
    Update,
    amount,
    each,
    inside,
    moment,
    needed,
    person,
    text,
)

TOPICS = (
    *("order.created", "order.updated", "order.restored", "order.deleted"),
    *("customer.created", "customer.updated"),
)
#: An account that was deleted: the shop's owner erases who it was.
PRIVACY: dict[str, Literal["erase", "export", "erase_shop"]] = {"customer.deleted": "erase"}
#: What vefa keeps nothing of.
NO_USE = frozenset(
    {f"{kind}.{verb}" for kind in ("product", "coupon") for verb in ("created", "updated", "deleted", "restored")}
)
#: Nobody has bought anything yet: they wait for a payment, a bank transfer among others.
WAITING = {"pending", "on-hold", "failed", "checkout-draft", "auto-draft", "draft", ""}
#: Paid for at the door: placed as it was made.
_AT_THE_DOOR = {"cod"}
_RANKS = {
    **dict.fromkeys(WAITING, 0),
    "failed": 1,
    "on-hold": 1,
    "processing": 2,
    "refunded": 6,
    "cancelled": 7,
    "trash": 8,
}


def tell(topic: str, given: Mapping[str, Any], statuses: Mapping[str, str], received: datetime) -> list[Update]:
    """What a message says. Raises Unreadable."""
    if topic.startswith("customer."):
        return [_customer(given, received)]
    if topic == "order.deleted":  # the bin, or for good: the body holds the id alone
        return [Update("order", needed(given, "id"), received, None, rank=9, withdrawn="deleted")]
    # What was fetched from the bin is later than its way there, though nothing else was changed.
    restored = received if topic == "order.restored" else None
    return [_order(given, statuses, received, restored), *_refunds(given, received)]


def _order(
    given: Mapping[str, Any], statuses: Mapping[str, str], received: datetime, restored: datetime | None
) -> Update:
    number, status = needed(given, "id"), text(given.get("status")).removeprefix("wc-")
    changed = _changed(given) or received
    total, made = amount(given.get("total")), moment(given.get("date_created_gmt"))
    if total is None or made is None:
        raise Unreadable("no total or date")
    billing = inside(given, "billing")
    account = text(given.get("customer_id"))
    who = person(
        account if account not in ("", "0") else None,
        billing.get("email"),
        billing.get("phone"),
        **{name: billing.get(name) for name in ("first_name", "last_name", "city", "country")},
    )
    data = {
        "number": text(given.get("number")) or number,
        "total": str(total),
        "currency": text(given.get("currency")) or None,
        **code_data(one.get("code") for one in each(given.get("coupon_lines"))),
        **line_data(_lines(given)),
    }
    return Update(
        "order",
        number,
        max(changed, restored or changed),
        Arrival(number, "order.placed", who, made, data, "order", number),
        tuple(_moments(given, status, statuses, made, changed)),
        rank=10 if restored else _RANKS.get(status, 4 if statuses.get(status) == "delivered" else 3),
        withdrawn="trashed" if status == "trash" else None,
        person=who,
    )


def _moments(
    given: Mapping[str, Any], status: str, statuses: Mapping[str, str], made: datetime, changed: datetime
) -> Iterator[MomentReport]:
    """What the state says, and what it says has not happened; what a later state no longer shows stays."""
    if status == "trash":
        return
    paid = moment(given.get("date_paid_gmt"))
    if status in WAITING:
        yield MomentReport("placed", None)
    elif status != "cancelled" or paid is not None:
        at_door = text(given.get("payment_method")) in _AT_THE_DOOR
        yield MomentReport("placed", made if at_door or paid is None else paid)
    yield MomentReport("cancelled", changed if status == "cancelled" else None)
    completed = moment(given.get("date_completed_gmt"))
    if status in WAITING or status == "processing":
        yield MomentReport("shipped", None)
        yield MomentReport("delivered", None)
        return
    found = {statuses["completed"]: completed} if completed is not None and "completed" in statuses else {}
    if status in statuses:
        at = completed if status == "completed" and completed is not None else changed
        found[statuses[status]] = min(at, found.get(statuses[status]) or at)
    for name in ("shipped", "delivered"):
        if name in found:
            yield MomentReport("shipped" if name == "shipped" else "delivered", found[name])


def _lines(given: Mapping[str, Any]) -> Iterator[ShopLine]:
    """With tax and after discounts: what the customer paid."""
    for line in each(given.get("line_items")):
        quantity, total = amount(line.get("quantity")), amount(line.get("total"))
        product = text(line.get("product_id"))
        product = product if product not in ("", "0") else text(line.get("sku")) or text(line.get("name"))
        paid = None if total is None else total + (amount(line.get("total_tax")) or Decimal(0))
        is_variant = text(line.get("variation_id")) not in ("", "0")
        chosen = _attributes(line) if is_variant else ()
        parent = text(line.get("parent_name")) if is_variant else ""
        name, variant = variant_of(text(line.get("name")), parent, chosen)
        yield ShopLine(product, name, variant, quantity, unit_price(paid, quantity))


def _attributes(line: Mapping[str, Any]) -> list[Any]:
    """What was chosen of the product, such as size and colour; keys with an underscore are a plug-in's own."""
    meta = [one for one in each(line.get("meta_data")) if not text(one.get("key")).startswith("_")]
    return [one.get("display_value") or one.get("value") for one in meta]


def _refunds(given: Mapping[str, Any], received: datetime) -> Iterator[Update]:
    """A refund has no date of its own here: it is as old as the first message that shows it.

    It says nothing of goods: money went back, and that is all.
    """
    order, changed = text(given.get("id")), _changed(given) or received
    for refund in each(given.get("refunds")):
        key, paid_back = text(refund.get("id")), amount(refund.get("total"))
        if key in ("", "0") or not paid_back:
            continue
        currency, reason = text(given.get("currency")) or None, text(refund.get("reason")) or None
        report = RefundReport(abs(paid_back), currency, reason, False, changed)
        yield Update("refund", key, changed, None, rank=1, order=order, refund=report)


def _customer(given: Mapping[str, Any], received: datetime) -> Update:
    number = needed(given, "id")
    billing = inside(given, "billing")
    who = person(
        number,
        text(given.get("email")) or billing.get("email"),
        billing.get("phone"),
        first_name=text(given.get("first_name")) or billing.get("first_name"),
        last_name=text(given.get("last_name")) or billing.get("last_name"),
        city=billing.get("city"),
        country=billing.get("country"),
    )
    created = moment(given.get("date_created_gmt")) or received
    snapshot = Arrival(number, "customer.created", who, created, {})
    reports = (MomentReport("created", created),)
    return Update("customer", number, _changed(given) or received, snapshot, reports, person=who)


def _changed(given: Mapping[str, Any]) -> datetime | None:
    return moment(given.get("date_modified_gmt")) or moment(given.get("date_created_gmt"))
