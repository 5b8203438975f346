"""Shopify's orders, fulfilments, refunds and customers, as its webhooks show them.

A fulfilment is a parcel. It is delivered when its carrier says so; the day is that of the message, for Shopify has no
field of its own for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from vefa.crm.arrivals import Arrival, Person
from vefa.crm.shops.update import ConsentChange, Unreadable, Update, amount, each, inside, moment, needed, person, text

TOPICS = (
    *("orders/create", "orders/updated", "orders/edited", "orders/paid", "orders/fulfilled", "orders/cancelled"),
    *("orders/partially_fulfilled", "fulfillments/create", "fulfillments/update", "refunds/create"),
    *("customers/create", "customers/update", "customers/enable"),
)
#: A fulfilment in one of these states is no parcel.
_NO_PARCEL = {"cancelled", "error", "failure"}


def tell(topic: str, given: Mapping[str, Any], received: datetime) -> list[Update]:
    """What a message says. Raises Unreadable."""
    match topic.partition("/")[0]:
        case "customers":
            return [_customer(given, received)]
        case "fulfillments":
            return list(_parcel(given, needed(given, "order_id"), received))
        case "refunds":
            return list(_refund(given, needed(given, "order_id"), received))
    number = needed(given, "id")
    parcels = (told for one in each(given.get("fulfillments")) for told in _parcel(one, number, received))
    refunds = (told for one in each(given.get("refunds")) for told in _refund(one, number, received))
    return [_order(given, number, received), *parcels, *refunds]


def _order(given: Mapping[str, Any], number: str, received: datetime) -> Update:
    total = amount(given.get("total_price"))  # as it was bought; what went back is told by refunds
    placed = moment(given.get("processed_at")) or moment(given.get("created_at"))
    if total is None or placed is None:
        raise Unreadable("no total or date")
    who = _buyer(given)
    data = {
        "number": text(given.get("name")) or number,
        "total": str(total),
        "currency": text(given.get("currency")) or None,
        "coupon_code": next((text(one.get("code")) for one in each(given.get("discount_codes"))), None),
        "lines": list(_lines(given)),
    }
    snapshot = Arrival(number, "order.placed", who, placed, data, "order", number)
    cancelled = moment(given.get("cancelled_at"))
    moments = (Arrival(number, "order.cancelled", who, cancelled, {}, "order", number),) if cancelled else ()
    changed = moment(given.get("updated_at")) or received
    partial = text(given.get("fulfillment_status")) not in ("fulfilled", "restocked")
    return Update("order", number, changed, snapshot, moments, partial=partial)


def _buyer(given: Mapping[str, Any]) -> Person | None:
    customer = inside(given, "customer")
    home = inside(customer, "default_address") or inside(given, "billing_address") or inside(given, "shipping_address")
    return person(
        text(customer.get("id")) or None,
        text(given.get("email")) or text(given.get("contact_email")) or customer.get("email"),
        text(given.get("phone")) or text(customer.get("phone")) or home.get("phone"),
        first_name=text(customer.get("first_name")) or home.get("first_name"),
        last_name=text(customer.get("last_name")) or home.get("last_name"),
        city=home.get("city"),
        country=home.get("country_code"),
        language=given.get("customer_locale"),
    )


def _lines(given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for line in each(given.get("line_items")):
        quantity = amount(line.get("quantity"))
        price = amount(line.get("price"))
        product = text(line.get("product_id")) or text(line.get("sku"))
        if not product or not quantity or quantity != int(quantity) or price is None:
            continue
        name = text(line.get("title")) or text(line.get("name"))
        yield {"product": product, "name": name or None, "quantity": int(quantity), "unit_price": str(price)}


def _parcel(given: Mapping[str, Any], order: str, received: datetime) -> Iterator[Update]:
    key, status = needed(given, "id"), text(given.get("status"))
    if status in _NO_PARCEL:
        return
    changed = moment(given.get("updated_at")) or received
    shipped = moment(given.get("created_at")) or changed
    data = {
        "order": order,
        "carrier": text(given.get("tracking_company")) or None,
        "tracking": text(given.get("tracking_number")) or None,
    }
    snapshot = Arrival(key, "delivery.shipped", None, shipped, data, "delivery", key)
    arrived = text(given.get("shipment_status")) == "delivered"
    moments = (Arrival(key, "delivery.delivered", None, changed, {}, "delivery", key),) if arrived else ()
    yield Update("delivery", key, changed, snapshot, moments, order=order)


def _refund(given: Mapping[str, Any], order: str, received: datetime) -> Iterator[Update]:
    key = needed(given, "id")
    at = moment(given.get("created_at")) or moment(given.get("processed_at")) or received
    back, currency = _paid_back(given)
    data: dict[str, Any] = {"order": order, "reason": text(given.get("note")) or None, "amount": str(back)}
    asked = Arrival(key, "return.requested", None, at, {**data, "currency": currency}, "return", key)
    refunded = Arrival(key, "return.refunded", None, moment(given.get("processed_at")) or at, {}, "return", key)
    yield Update("return", key, at, asked, (refunded,), order=order)


def _paid_back(given: Mapping[str, Any]) -> tuple[Decimal, str | None]:
    paid = [
        one
        for one in each(given.get("transactions"))
        if text(one.get("kind")) == "refund" and text(one.get("status")) in ("success", "")
    ]
    if paid:
        return _sum(paid, "amount"), text(paid[0].get("currency")) or None
    lines = each(given.get("refund_line_items"))
    return _sum(lines, "subtotal") + _sum(lines, "total_tax"), None


def _sum(those: list[Mapping[str, Any]], name: str) -> Decimal:
    return sum((amount(one.get(name)) or Decimal(0) for one in those), Decimal(0))


def _customer(given: Mapping[str, Any], received: datetime) -> Update:
    number, home = needed(given, "id"), inside(given, "default_address")
    who = person(
        number,
        given.get("email"),
        text(given.get("phone")) or home.get("phone"),
        first_name=given.get("first_name"),
        last_name=given.get("last_name"),
        city=home.get("city"),
        country=home.get("country_code"),
    )
    created = moment(given.get("created_at")) or received
    changed = moment(given.get("updated_at")) or created
    channels: tuple[Literal["email", "sms"], ...] = ("email", "sms")
    consents = tuple(said for channel in channels for said in _consent(given, channel, changed))
    return Update("customer", number, changed, Arrival(number, "customer.created", who, created, {}), consents=consents)


def _consent(given: Mapping[str, Any], channel: Literal["email", "sms"], changed: datetime) -> Iterator[ConsentChange]:
    """Only a yes or a no; who was never asked has said nothing, nor has who has not confirmed."""
    said = inside(given, f"{channel}_marketing_consent")
    state = text(said.get("state")).lower()
    if state in ("subscribed", "unsubscribed"):
        how = text(said.get("opt_in_level")) or text(said.get("consent_collected_from")) or "no word how"
        at = moment(said.get("consent_updated_at")) or changed
        yield ConsentChange(channel, state == "subscribed", f"{state}, {how}", at)
