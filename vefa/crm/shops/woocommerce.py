"""WooCommerce's orders and customers, as its webhooks show them.

It knows no parcels and has one state an order. What `completed` and states of plug-ins mean, the shop says in its
settings. An order is placed once it is no longer waiting for its payment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from vefa.crm.arrivals import Arrival
from vefa.crm.shops.update import Unreadable, Update, amount, each, inside, moment, needed, person, text

TOPICS = ("order.created", "order.updated", "order.restored", "customer.created", "customer.updated")
#: Nobody has bought anything yet.
NOT_YET = {"pending", "failed", "checkout-draft", "auto-draft", "draft", "trash", ""}


def tell(topic: str, given: Mapping[str, Any], statuses: Mapping[str, str], received: datetime) -> list[Update]:
    """What a message says. Raises Unreadable."""
    if topic.startswith("customer."):
        return [_customer(given, received)]
    return [_order(given, statuses, received), *_refunds(given, received)]


def _order(given: Mapping[str, Any], statuses: Mapping[str, str], received: datetime) -> Update:
    number, status = needed(given, "id"), text(given.get("status")).removeprefix("wc-")
    changed = _changed(given) or received
    total, placed = amount(given.get("total")), moment(given.get("date_created_gmt"))
    if total is None or placed is None:
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
        "coupon_code": next((text(one.get("code")) for one in each(given.get("coupon_lines"))), None),
        "lines": list(_lines(given)),
    }
    snapshot = Arrival(number, "order.placed", who, placed, data, "order", number)
    moments = [
        Arrival(number, f"order.{name}", who, at, {}, "order", number)
        for name, at in _moments(given, status, statuses, changed)
    ]
    unpaid = moment(given.get("date_paid_gmt")) is None and status in {*NOT_YET, "cancelled"}
    return Update("order", number, changed, snapshot, tuple(moments), only_known=unpaid)


def _moments(
    given: Mapping[str, Any], status: str, statuses: Mapping[str, str], changed: datetime
) -> Iterator[tuple[str, datetime]]:
    completed = moment(given.get("date_completed_gmt"))
    if completed is not None and "completed" in statuses:
        yield statuses["completed"], completed
    if status == "cancelled":
        yield "cancelled", changed
    elif status in statuses and status != "completed":
        yield statuses[status], changed


def _lines(given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """With tax and after discounts: what the customer paid."""
    for line in each(given.get("line_items")):
        quantity, total = amount(line.get("quantity")), amount(line.get("total"))
        product = text(line.get("product_id"))
        product = product if product not in ("", "0") else text(line.get("sku"))
        if not product or not quantity or quantity != int(quantity) or total is None:
            continue
        paid = total + (amount(line.get("total_tax")) or Decimal(0))
        price = str((paid / quantity).quantize(Decimal("0.0001")))
        yield {
            "product": product,
            "name": text(line.get("name")) or None,
            "quantity": int(quantity),
            "unit_price": price,
        }


def _refunds(given: Mapping[str, Any], received: datetime) -> Iterator[Update]:
    """A refund has no date of its own here: it is as old as the first message that shows it."""
    order, changed = text(given.get("id")), _changed(given) or received
    for refund in each(given.get("refunds")):
        key, paid_back = text(refund.get("id")), amount(refund.get("total"))
        if key in ("", "0"):
            continue
        data = {"order": order, "reason": text(refund.get("reason")) or None}
        if paid_back is not None:
            data |= {"amount": str(abs(paid_back)), "currency": text(given.get("currency")) or None}
        asked = Arrival(key, "return.requested", None, changed, data, "return", key)
        refunded = Arrival(key, "return.refunded", None, changed, {}, "return", key)
        yield Update("return", key, changed, asked, (refunded,), order=order)


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
    return Update("customer", number, _changed(given) or received, snapshot)


def _changed(given: Mapping[str, Any]) -> datetime | None:
    return moment(given.get("date_modified_gmt")) or moment(given.get("date_created_gmt"))
