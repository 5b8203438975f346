"""What shop systems tell comes in once, in whatever order."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import HOUR, NOON
from tests.web.asking import Asked
from tests.web.shop_systems import parcel, problems, shopify, shopify_order, types, woo, woo_order
from vefa.crm import tables as t
from vefa.crm.importers.map_files import make_map
from vefa.crm.importers.runs import run_import
from vefa.database import metadata


def facts(shop: Asked) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables say, but for numbers that count and for when it was learned."""
    said = {}
    for table in (t.customers, t.contacts, t.products, t.orders, t.order_lines, t.deliveries, t.returns, t.events):
        plain = [c for c in table.c if not c.name.endswith("known_at") and c.name not in ("id", "fingerprint")]
        said[table.name] = sorted(
            map(repr, shop.rows(sa.select(*(c for c in plain if not c.name.endswith("_id") or c.name == "outside_id"))))
        )
    return said


def test_an_order_of_woocommerce_leaves_the_rows_that_its_export_would(shop: Asked, tmp_path: Any) -> None:
    assert woo(shop, "order.created", woo_order()).json() == {"kept": True}
    shop.take()
    by_hook = facts(shop)

    with shop.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    (tmp_path / "orders.csv").write_text(
        "id,customer,total,currency,coupon,placed,first,last,city,country,email,phone,product,name,quantity,price\n"
        "4750,12,250.50,TRY,hosgeldin,2026-03-10T08:01:00Z,Işıl,Öz,İzmir,TR,Isil@Ornek.example,0532 123 45 67,"
        "93,Kahve,2,125.25\n"
    )
    contact = {
        "into": "contacts",
        "columns": {"customer": "customer", "channel": {"constant": "email"}, "address": "email"},
    }
    by_hand = make_map(
        {
            "source": "woocommerce",
            "inputs": {"orders": {"file": "orders.csv"}},
            "targets": [
                {
                    "into": "customers",
                    "columns": {
                        "outside_id": "customer",
                        "first_name": "first",
                        "last_name": "last",
                        "city": "city",
                        "country": "country",
                        "zone": {"column": "country", "derive": "zone"},
                        "language": {"column": "country", "derive": "language"},
                    },
                },
                contact,
                {
                    "into": "contacts",
                    "columns": {**contact["columns"], "channel": {"constant": "sms"}, "address": "phone"},
                },
                {"into": "products", "columns": {"outside_id": "product", "name": "name"}},
                {
                    "into": "orders",
                    "columns": {
                        "outside_id": "id",
                        "customer": "customer",
                        "total": "total",
                        "currency": "currency",
                        "coupon_code": "coupon",
                        "placed_at": "placed",
                    },
                },
                {
                    "into": "order_lines",
                    "columns": {
                        "order": "id",
                        "line": {"ordinal": True},
                        "product": "product",
                        "quantity": "quantity",
                        "unit_price": "price",
                    },
                },
            ],
        },
        "by hand",
        "by hand",
    )
    run_import(shop.engine, by_hand, str(tmp_path), shop.clock.now, False, shop.settings)

    assert facts(shop) == by_hook


def test_the_same_message_again_changes_nothing(shop: Asked) -> None:
    woo(shop, "order.created", woo_order())
    shop.take()
    before = facts(shop)

    woo(shop, "order.created", woo_order())
    woo(shop, "order.updated", woo_order())
    shop.take()

    assert facts(shop) == before
    assert problems(shop) == []


def woo_life() -> list[dict[str, Any]]:
    done = {"date_completed_gmt": "2026-03-10T09:10:00"}
    return [
        woo_order(0),
        woo_order(10, "completed", **done, total="240.00"),
        woo_order(
            20, "delivered", **done, refunds=[{"id": 9, "reason": "küçük geldi", "total": "-40.00"}], total="200.00"
        ),
    ]


def shopify_life() -> list[tuple[str, dict[str, Any]]]:
    both = {"fulfillments": [parcel(1), parcel(2)], "fulfillment_status": "fulfilled"}
    refund = {
        "id": 7,
        "order_id": 820982911946154508,
        "created_at": (NOON + HOUR).isoformat(),
        "note": "wrong size",
        "refund_line_items": [{"line_item_id": 1, "quantity": 1, "restock_type": "return"}],
        "transactions": [{"kind": "refund", "status": "success", "amount": "99.00", "currency": "USD"}],
    }
    return [
        ("orders/create", shopify_order()),
        ("fulfillments/update", parcel(1, 30, "delivered")),
        ("orders/fulfilled", shopify_order(20, **both)),
        ("fulfillments/update", parcel(2, 50, "delivered")),
        ("refunds/create", refund),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("at_once", [True, False])
def test_messages_of_woocommerce_may_come_in_any_order(shop: Asked, order: tuple[int, ...], at_once: bool) -> None:
    life = woo_life()
    for place in order:
        woo(shop, "order.updated", life[place])
        if not at_once:
            shop.take()
    shop.take()

    (row,) = shop.rows(sa.select(t.orders))
    assert (row.total, row.shipped_at, row.delivered_at) == (
        Decimal(200),
        NOON + timedelta(minutes=10),
        NOON + timedelta(minutes=20),
    )
    (paid_back,) = shop.rows(sa.select(t.refunds))
    assert (paid_back.amount, paid_back.reason, paid_back.customer_id) == (Decimal(40), "küçük geldi", row.customer_id)
    assert types(shop) == ["order.delivered", "order.placed", "order.refunded", "order.shipped"]
    assert problems(shop) == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (1, 4, 3, 0, 2), (2, 0, 1, 3, 4), (3, 1, 0, 4, 2)])
@pytest.mark.parametrize("at_once", [True, False])
def test_messages_of_shopify_may_come_in_any_order(shop: Asked, order: tuple[int, ...], at_once: bool) -> None:
    life = shopify_life()
    for place in order:
        assert shopify(shop, *life[place]).json() == {"kept": True}
        if not at_once:
            shop.take()
    shop.take()

    (row,) = shop.rows(sa.select(t.orders))
    first, last = NOON + timedelta(minutes=1), NOON + timedelta(minutes=50)
    assert (row.number, row.total, row.currency) == ("#1001", Decimal("598.94"), "USD")
    assert (row.shipped_at, row.delivered_at) == (first, last)
    assert sorted(parcel.delivered_at for parcel in shop.rows(sa.select(t.deliveries))) == [
        NOON + timedelta(minutes=30),
        last,
    ]
    (sent_back,) = shop.rows(sa.select(t.returns))
    assert (sent_back.amount, sent_back.currency, sent_back.order_id) == (Decimal(99), "USD", row.id)
    assert problems(shop) == []
    assert shop.rows(sa.select(t.told_early)) == []


def test_an_order_half_of_which_is_to_come_is_not_delivered_with_its_first_parcel(shop: Asked) -> None:
    half = shopify_order(5, fulfillment_status="partial", fulfillments=[parcel(1)])
    for topic, body in (("orders/partially_fulfilled", half), ("fulfillments/update", parcel(1, 9, "delivered"))):
        shopify(shop, topic, body)
        shop.take()

    assert [(row.shipped_at is None, row.delivered_at) for row in shop.rows(sa.select(t.orders))] == [(False, None)]


def test_a_later_edit_of_a_delivered_parcel_moves_nothing(shop: Asked) -> None:
    for minutes in (10, 40):
        shopify(
            shop,
            "orders/updated",
            shopify_order(minutes, fulfillments=[parcel(1, minutes, "delivered")], fulfillment_status="fulfilled"),
        )
        shop.take()

    assert [row.delivered_at for row in shop.rows(sa.select(t.orders))] == [NOON + timedelta(minutes=10)]


def test_cancelled_orders_are_cancelled_and_an_older_message_does_not_bring_them_back(shop: Asked) -> None:
    woo(shop, "order.updated", woo_order(10, "cancelled"))
    woo(shop, "order.updated", woo_order(5, "processing"))
    shopify(shop, "orders/cancelled", shopify_order(9, cancelled_at=NOON.isoformat()))
    shop.take()

    assert len([row for row in shop.rows(sa.select(t.orders)) if row.cancelled_at is not None]) == 2


def test_an_order_of_woocommerce_is_placed_when_it_no_longer_waits_for_its_payment(shop: Asked) -> None:
    woo(shop, "order.created", woo_order(0, "pending", date_paid_gmt=None))
    woo(shop, "order.updated", woo_order(1, "cancelled", date_paid_gmt=None, id=4751))
    shop.take()
    assert shop.rows(sa.select(t.orders)) == []

    woo(shop, "order.updated", woo_order(2, "on-hold", date_paid_gmt=None))
    shop.take()
    assert types(shop) == []

    woo(shop, "order.updated", woo_order(3, date_paid_gmt="2026-03-10T09:01:00"))
    shop.take()
    assert [(row.type, row.occurred_at) for row in shop.rows(sa.select(t.events))] == [
        ("order.placed", NOON + timedelta(minutes=1))
    ]


def test_guests_are_one_person_by_their_address(shop: Asked) -> None:
    woo(shop, "order.created", woo_order(customer_id=0))
    woo(shop, "order.created", woo_order(customer_id=0, id=4751))
    shopify(shop, "orders/create", shopify_order(customer=None, email="ISIL@ornek.example"))
    shop.take()

    (customer,) = shop.rows(sa.select(t.customers))
    assert customer.outside_id.startswith("guest:")
    assert {row.customer_id for row in shop.rows(sa.select(t.orders))} == {customer.id}


def test_an_order_does_not_change_a_customer_who_is_known(shop: Asked) -> None:
    shop.send({"id": "1", "type": "customer.created", "customer": {"id": "12", "first_name": "Ayşe"}})
    woo(shop, "order.created", woo_order())
    shop.take()

    assert [row.first_name for row in shop.rows(sa.select(t.customers))] == ["Ayşe"]


def test_customers_bring_their_addresses_and_what_they_said_of_being_written_to(shop: Asked) -> None:
    consent = {"state": "subscribed", "opt_in_level": "confirmed_opt_in", "consent_updated_at": "2026-03-01T10:00:00Z"}
    customer = {
        "id": 77,
        "email": "jon@ornek.example",
        "phone": "+905321234567",
        "first_name": "Jon",
        "created_at": "2026-03-10T08:30:00Z",
        "updated_at": "2026-03-10T08:30:00Z",
        "email_marketing_consent": consent,
        "sms_marketing_consent": {"state": "not_subscribed"},
    }
    shopify(shop, "customers/create", customer)
    later = {**consent, "state": "unsubscribed", "consent_updated_at": "2026-03-10T09:00:00Z"}
    shopify(
        shop,
        "customers/update",
        {
            **customer,
            "email_marketing_consent": later,
            "email": "new@ornek.example",
            "updated_at": "2026-03-10T09:00:00Z",
        },
    )
    woo(
        shop,
        "customer.created",
        {
            "id": 12,
            "date_created_gmt": "2026-03-10T08:00:00",
            "email": "a@ornek.example",
            "first_name": "A",
            "billing": {"phone": "05321234568", "country": "TR"},
        },
    )
    shop.take()

    assert types(shop) == ["customer.created", "customer.created"]
    said = shop.rows(sa.select(t.consents).order_by(t.consents.c.occurred_at))
    assert [(row.channel, row.granted, row.source) for row in said] == [
        ("email", True, "shopify"),
        ("email", False, "shopify"),
    ]
    addresses = sorted(row.address for row in shop.rows(sa.select(t.contacts)))
    assert addresses == ["+905321234567", "+905321234568", "a@ornek.example", "new@ornek.example"]
    assert problems(shop) == []
