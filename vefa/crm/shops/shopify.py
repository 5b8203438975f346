"""Shopify's orders, fulfilments, refunds and customers, as its webhooks show them.

A fulfilment is a parcel. It is delivered when its carrier says so; the day is that of the message, for Shopify has no
field of its own for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from vefa.crm.arrivals import Arrival, Person
from vefa.crm.shops.contents import ShopLine, code_data, line_data, money
from vefa.crm.shops.shopify_customers import consents_of, parse_consent, parse_customer, parse_merge, parse_tags
from vefa.crm.shops.update import (
    FINAL,
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
    *("orders/create", "orders/updated", "orders/paid", "orders/fulfilled", "orders/cancelled", "orders/delete"),
    *("orders/partially_fulfilled", "fulfillments/create", "fulfillments/update", "refunds/create"),
    *("fulfillment_events/create", "customers/create", "customers/update", "customers/enable", "customers/disable"),
    *("customers_email_marketing_consent/update", "customers_marketing_consent/update", "customers/merge"),
    *("customer.tags_added", "customer.tags_removed"),
)
#: Requests of the law, and what each asks for.
PRIVACY: dict[str, Literal["erase", "export", "erase_shop"]] = {
    "customers/redact": "erase",
    "customers/delete": "erase",
    "customers/data_request": "export",
    "shop/redact": "erase_shop",
}
#: Everything that they say comes by another topic as well, or is nothing that vefa keeps (docs/web-service.md).
NO_USE = frozenset(
    {
        *("orders/edited", "orders/risk_assessment_changed", "order_transactions/create"),
        *("app/uninstalled", "app_subscriptions/update", "bulk_operations/finish", "shop/update", "themes/publish"),
        *("carts/create", "carts/update", "checkouts/create", "checkouts/update", "checkouts/delete"),
        *("draft_orders/create", "draft_orders/update", "draft_orders/delete"),
        *("products/create", "products/update", "products/delete", "inventory_levels/update"),
        *("fulfillment_events/delete", "customer_account_settings/update"),
    }
)
#: A fulfilment in one of these states is no parcel.
_NO_PARCEL = {"cancelled", "error", "failure"}
#: Goods are paid for at the door, or later by agreement: the order stands while the payment is pending.
_PAID_LATER = re.compile(r"cash[ _]on[ _]delivery|\bcod\b|kap[ıi]da|contra[ _-]?re|contre.?rembours|nachnahme", re.I)
_ARRIVED = {"delivered", "picked_up"}
_FINANCIAL = {"pending": 0, "expired": 0, "authorized": 1, "partially_paid": 2, "": 3, "paid": 3}
_SHIPPING = {"": 0, "partial": 1, "fulfilled": 2, "restocked": 2}


def tell(topic: str, given: Mapping[str, Any], received: datetime) -> list[Update]:
    """What a message says. Raises Unreadable."""
    match topic:
        case "customers/merge":
            return parse_merge(given, received)
        case "customer.tags_added" | "customer.tags_removed":
            return [parse_tags(given, topic == "customer.tags_added", received)]
        case "customers_email_marketing_consent/update" | "customers_marketing_consent/update":
            return [parse_consent(given, received)]
        case "orders/delete":
            return [Update("order", needed(given, "id"), FINAL, None, rank=9, withdrawn="deleted")]
        case "fulfillment_events/create":
            return list(_carrier_event(given, received))
    match topic.partition("/")[0]:
        case "customers":
            return [parse_customer(given, received, opened=topic == "customers/enable")]
        case "fulfillments":
            return list(_parcel(given, needed(given, "order_id"), received))
        case "refunds":
            return list(_refund(given, needed(given, "order_id"), None, received))
    if given.get("test") is True:
        return [Update("order", needed(given, "id"), FINAL, None, rank=9, withdrawn="test")]
    number = needed(given, "id")
    changed = moment(given.get("updated_at")) or received
    parcels = (update for one in each(given.get("fulfillments")) for update in _parcel(one, number, received))
    refunds = (update for one in each(given.get("refunds")) for update in _refund(one, number, changed, received))
    return [_order(given, number, received), *parcels, *refunds]


def _order(given: Mapping[str, Any], number: str, received: datetime) -> Update:
    total = amount(given.get("total_price"))  # as it was bought; what went back is told by refunds
    made = moment(given.get("processed_at")) or moment(given.get("created_at"))
    if total is None or made is None:
        raise Unreadable("no total or date")
    who = _buyer(given)
    data = {
        "number": text(given.get("name")) or number,
        **_sums(given, total),
        **code_data(_codes(given)),
        **line_data(_lines(given)),
    }
    changed = moment(given.get("updated_at")) or received
    cancelled = moment(given.get("cancelled_at"))
    shipping = text(given.get("fulfillment_status"))
    return Update(
        "order",
        number,
        changed,
        Arrival(number, "order.placed", who, made, data, "order", number),
        (*_placed(given, made, cancelled), MomentReport("cancelled", cancelled)),
        rank=_rank(given, cancelled),
        withdrawn="voided" if text(given.get("financial_status")) == "voided" and cancelled is None else None,
        partial=shipping not in ("fulfilled", "restocked"),
        person=who,
        consents=consents_of(inside(given, "customer"), changed),
    )


def _rank(given: Mapping[str, Any], cancelled: datetime | None) -> int:
    """How far the order has come: of two snapshots of one second the one that shows more of it holds."""
    if cancelled is not None:
        return 8
    status = text(given.get("financial_status"))
    if status == "voided":
        return 7
    shipping = _SHIPPING.get(text(given.get("fulfillment_status")), 0)
    return _FINANCIAL.get(status, 3) + shipping + (1 if "refunded" in status else 0)


def _placed(given: Mapping[str, Any], made: datetime, cancelled: datetime | None) -> Iterator[MomentReport]:
    """An order is placed when it is paid, or when nobody expects that it be paid before it is shipped."""
    status = text(given.get("financial_status"))
    if status in ("pending", "expired"):
        gateways = given.get("payment_gateway_names")
        names = [*(gateways if isinstance(gateways, list) else []), given.get("gateway")]
        later = any(_PAID_LATER.search(text(name)) for name in names)
        sold = later or inside(given, "payment_terms") or text(given.get("fulfillment_status"))
        if sold:
            yield MomentReport("placed", made)
        elif cancelled is None:
            yield MomentReport("placed", None)
    elif status != "voided":
        yield MomentReport("placed", made)


def _buyer(given: Mapping[str, Any]) -> Person | None:
    """Name and number are the customer's own or stand on the bill: a parcel's address may be somebody else's."""
    customer, bill = inside(given, "customer"), inside(given, "billing_address")
    own = _own_address(customer)
    return person(
        text(customer.get("id")) or None,
        text(given.get("email")) or text(given.get("contact_email")) or customer.get("email"),
        text(customer.get("phone")) or text(bill.get("phone")) or text(given.get("phone")) or own.get("phone"),
        first_name=text(customer.get("first_name")) or bill.get("first_name"),
        last_name=text(customer.get("last_name")) or bill.get("last_name"),
        city=bill.get("city") or own.get("city"),
        country=bill.get("country_code") or own.get("country_code"),
        language=given.get("customer_locale"),
    )


def _own_address(customer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The default address where it bears the customer's own name; a gift's recipient may stand there as well."""
    address = inside(customer, "default_address")
    for part in ("first_name", "last_name"):
        name, theirs = text(customer.get(part)).casefold(), text(address.get(part)).casefold()
        if name and theirs and name != theirs:
            return {}
    return address


def _sums(given: Mapping[str, Any], total: Decimal) -> dict[str, Any]:
    """What the customer saw, and, where that is another currency, what the shop adds up."""
    sums, currency = inside(given, "total_price_set"), text(given.get("currency"))
    seen, its_currency = money(sums, "presentment_money")
    if seen is None or its_currency in ("", currency):
        return {"total": str(total), "currency": currency or None}
    own, own_currency = money(sums, "shop_money")
    return {
        "total": str(seen),
        "currency": its_currency,
        "shop_total": str(total if own is None else own),
        "shop_currency": own_currency or currency or None,
    }


def _codes(given: Mapping[str, Any]) -> Iterator[Any]:
    """Codes of both lists: one holds what was applied, the other how."""
    yield from (one.get("code") for one in each(given.get("discount_codes")))
    for one in each(given.get("discount_applications")):
        if text(one.get("type")) == "discount_code":
            yield one.get("code")


def _lines(given: Mapping[str, Any]) -> Iterator[ShopLine]:
    """What is left of each line after edits; all of it where nothing is left of any (the whole order went)."""
    lines = each(given.get("line_items"))
    left = [amount(line.get("current_quantity")) for line in lines]
    edited = any(quantity != 0 for quantity in left)
    for line, current in zip(lines, left, strict=True):
        quantity = current if edited and current is not None else amount(line.get("quantity"))
        seen, _ = money(inside(line, "price_set"), "presentment_money")
        name = text(line.get("title")) or text(line.get("name"))
        yield ShopLine(
            text(line.get("product_id")) or text(line.get("sku")) or name,  # what was sold by hand has a title alone
            name,
            text(line.get("variant_title")),
            quantity,
            amount(line.get("price")) if seen is None else seen,
            line.get("gift_card") is True,
        )


def _parcel(given: Mapping[str, Any], order: str, received: datetime) -> Iterator[Update]:
    key, status = needed(given, "id"), text(given.get("status"))
    changed = moment(given.get("updated_at")) or received
    shipped = moment(given.get("created_at")) or changed
    data = {
        "order": order,
        "carrier": text(given.get("tracking_company")) or None,
        "tracking": text(given.get("tracking_number")) or None,
    }
    snapshot = Arrival(key, "delivery.shipped", None, shipped, data, "delivery", key)
    none, shipment = status in _NO_PARCEL, text(given.get("shipment_status"))
    yield Update(
        "delivery",
        key,
        changed,
        snapshot,
        _arrival(shipment, changed),
        rank=9 if none else 2 if shipment in _ARRIVED else 1 if shipment else 0,
        withdrawn="cancelled" if none else None,
        order=order,
    )


def _arrival(shipment: str, changed: datetime) -> tuple[MomentReport, ...]:
    """What a carrier's state says of the arrival; without one, nothing."""
    if not shipment:
        return ()
    return (MomentReport("delivered", changed if shipment in _ARRIVED else None),)


def _carrier_event(given: Mapping[str, Any], received: datetime) -> Iterator[Update]:
    key, order = needed(given, "fulfillment_id"), needed(given, "order_id")
    at = moment(given.get("happened_at")) or moment(given.get("created_at")) or received
    status = text(given.get("status"))
    if status in _ARRIVED:
        reports = (MomentReport("delivered", at),)
        yield Update("delivery", key, at, None, reports, rank=2, order=order)


def _refund(given: Mapping[str, Any], order: str, shown: datetime | None, received: datetime) -> Iterator[Update]:
    """`shown`: when the order that holds it was changed; a later message may show that the payment went through."""
    key = needed(given, "id")
    made = moment(given.get("created_at")) or moment(given.get("processed_at")) or received
    payments = [one for one in each(given.get("transactions")) if text(one.get("kind")) == "refund"]
    paid = [one for one in payments if text(one.get("status")) in ("success", "")]
    lines = each(given.get("refund_line_items"))
    back = any(text(one.get("restock_type")) in ("return", "legacy_restock") for one in lines)
    if payments and not paid:
        yield Update("refund", key, shown or made, None, order=order)
        return
    dates = [at for one in paid if (at := moment(one.get("processed_at")) or moment(one.get("created_at")))]
    report = RefundReport(
        _sum(paid, "amount") if paid else None,
        (text(paid[0].get("currency")) or None) if paid else None,
        text(given.get("note")) or None,
        back,
        max(dates, default=moment(given.get("processed_at")) or made),
    )
    yield Update("refund", key, shown or made, None, rank=1, order=order, refund=report)


def _sum(those: list[Mapping[str, Any]], name: str) -> Decimal:
    return sum((amount(one.get(name)) or Decimal(0) for one in those), Decimal(0))
