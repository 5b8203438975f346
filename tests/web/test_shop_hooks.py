"""What shop systems tell comes in once, in whatever order, and only from them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.acceptance.small_shop import HOUR, NOON
from tests.web.asking import Asked
from vefa.crm import tables as t
from vefa.crm.importers import run_import
from vefa.crm.importers.map_files import make_map
from vefa.database import metadata
from vefa.inbox import inbox
from vefa.settings import Settings

SECRET = "a webhook secret of tests"


@pytest.fixture
def shop(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    secret = SecretStr(SECRET)
    asked = Asked(engine, settings.model_copy(update={"woocommerce_secret": secret, "shopify_secret": secret}))
    asked.clock.now = NOON + 2 * HOUR  # nothing that is told lies ahead
    yield asked
    asked.service.close()


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def woo(shop: Asked, topic: str, body: Any) -> httpx.Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature(raw)}
    return shop.ask("POST", "/v1/hooks/woocommerce", key=None, content=raw, headers=headers)


def shopify(shop: Asked, topic: str, body: Any) -> httpx.Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": signature(raw), "X-Shopify-Webhook-Id": "w1"}
    return shop.ask("POST", "/v1/hooks/shopify", key=None, content=raw, headers=headers)


def woo_order(minutes: int = 0, status: str = "processing", **more: Any) -> dict[str, Any]:
    """As WooCommerce 9 sends it, shortened."""
    changed = NOON + timedelta(minutes=minutes)
    return {
        "id": 4750,
        "number": "4750",
        "status": status,
        "currency": "TRY",
        "total": "250.50",
        "date_created": "2026-03-10T11:00:00",
        "date_created_gmt": "2026-03-10T08:00:00",
        "date_modified_gmt": f"{changed:%Y-%m-%dT%H:%M:%S}",
        "date_paid_gmt": "2026-03-10T08:01:00",
        "date_completed_gmt": None,
        "customer_id": 12,
        "billing": {
            "first_name": "Işıl",
            "last_name": "Öz",
            "city": "İzmir",
            "country": "TR",
            "email": "Isil@Ornek.example",
            "phone": "0532 123 45 67",
        },
        "line_items": [
            {
                "id": 1,
                "name": "Kahve",
                "product_id": 93,
                "variation_id": 0,
                "quantity": 2,
                "total": "200.50",
                "total_tax": "50.00",
                "sku": "K1",
                "price": 100.25,
            }
        ],
        "coupon_lines": [{"code": "hosgeldin"}],
        "refunds": [],
        **more,
    }


def shopify_order(minutes: int = 0, **more: Any) -> dict[str, Any]:
    changed = NOON + timedelta(minutes=minutes)
    return {
        "id": 820982911946154508,
        "name": "#1001",
        "email": "jon@ornek.example",
        "phone": None,
        "created_at": "2026-03-10T11:00:00+03:00",
        "processed_at": "2026-03-10T11:00:00+03:00",
        "updated_at": changed.isoformat(),
        "cancelled_at": None,
        "currency": "USD",
        "total_price": "598.94",
        "financial_status": "paid",
        "fulfillment_status": None,
        "customer_locale": "tr-TR",
        "customer": {
            "id": 115310627314723954,
            "email": "jon@ornek.example",
            "first_name": "Jon",
            "last_name": "Muster",
            "default_address": {"city": "Ankara", "country_code": "TR", "phone": "+90 532 123 45 67"},
        },
        "line_items": [
            {"id": 1, "product_id": 788032119674292922, "title": "Fincan", "quantity": 2, "price": "299.47"}
        ],
        "fulfillments": [],
        "refunds": [],
        **more,
    }


def parcel(key: int, minutes: int = 0, shipment: str | None = None) -> dict[str, Any]:
    return {
        "id": key,
        "order_id": 820982911946154508,
        "status": "success",
        "created_at": (NOON + timedelta(minutes=key)).isoformat(),
        "updated_at": (NOON + timedelta(minutes=minutes)).isoformat(),
        "shipment_status": shipment,
        "tracking_company": "Yurtiçi",
        "tracking_number": f"T{key}",
    }


def types(shop: Asked) -> list[str]:
    return sorted(row.type for row in shop.rows(sa.select(t.events)))


def problems(shop: Asked) -> list[Any]:
    return [row.problem for row in shop.rows(sa.select(inbox).order_by(inbox.c.id)) if row.problem]


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
        "4750,12,250.50,TRY,hosgeldin,2026-03-10T08:00:00Z,Işıl,Öz,İzmir,TR,Isil@Ornek.example,0532 123 45 67,"
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
    (sent_back,) = shop.rows(sa.select(t.returns))
    assert (sent_back.amount, sent_back.reason, sent_back.customer_id) == (Decimal(40), "küçük geldi", row.customer_id)
    assert types(shop) == [
        "order.delivered",
        "order.placed",
        "order.shipped",
        "return.refunded",
        "return.requested",
        "return.state_changed",
    ]
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
    assert types(shop) == ["order.placed"]


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


@pytest.mark.parametrize("change", [b" ", b"x"])
def test_a_changed_body_or_another_secret_is_refused_and_nothing_kept(shop: Asked, change: bytes) -> None:
    body = orjson.dumps(woo_order())
    forged = [
        {"X-WC-Webhook-Signature": signature(body)},
        {"X-WC-Webhook-Signature": signature(body + change, "another secret")},
        {"X-WC-Webhook-Signature": "não é"},
        {"X-WC-Webhook-Signature": ""},
        {},
    ]
    for headers in forged:
        raw = [
            (name.encode(), value.encode())
            for name, value in {"X-WC-Webhook-Topic": "order.created", **headers}.items()
        ]
        answer = shop.ask("POST", "/v1/hooks/woocommerce", key=None, content=body + change, headers=raw)
        assert answer.status_code == 401
    assert shop.rows(sa.select(inbox)) == []


def test_a_shop_without_a_secret_takes_no_webhooks(asked: Asked) -> None:
    assert woo(asked, "order.created", woo_order()).status_code == 403
    assert shopify(asked, "orders/create", shopify_order()).status_code == 403


def test_the_ping_of_a_new_webhook_and_topics_of_no_use_are_answered_and_not_kept(shop: Asked) -> None:
    ping = shop.ask("POST", "/v1/hooks/woocommerce", key=None, content=b"webhook_id=17")
    answers = [ping, woo(shop, "coupon.created", {"id": 1}), shopify(shop, "carts/create", {"id": 1})]

    assert [(each.status_code, each.json()) for each in answers] == [(200, {"kept": False})] * 3
    assert shop.rows(sa.select(inbox)) == []


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1},
        {"id": None, "total": 1},
        {"id": 1, "total": "NaN", "date_created_gmt": "2026-03-10T08:00:00", "status": "processing"},
        {**woo_order(), "total": "1e400"},
        {**woo_order(), "currency": "XYZ"},
        {**woo_order(), "date_created_gmt": "9999-99-99"},
    ],
)
def test_what_makes_no_sense_is_kept_with_its_problem_and_stops_nobody(shop: Asked, body: dict[str, Any]) -> None:
    woo(shop, "order.created", body)
    woo(shop, "order.created", woo_order(id=4799))
    shop.take()

    assert problems(shop) == ["Unreadable"]
    assert [row.outside_id for row in shop.rows(sa.select(t.orders))] == ["4799"]


@pytest.mark.parametrize(
    "change",
    [
        {"billing": None},
        {"billing": {"email": "no address", "phone": "12", "country": "XX"}},
        {"billing": [], "customer_id": {}},
        {"line_items": "none"},
        {"line_items": [None, 7, {"product_id": 0}, {"product_id": 1, "quantity": "x"}]},
        {"coupon_lines": {}, "refunds": 5, "number": []},
        {"billing": {"first_name": "'; DROP TABLE orders;--\u0000{{ 7*7 }}"}},
    ],
)
def test_what_is_odd_at_the_edges_leaves_an_order_all_the_same(shop: Asked, change: dict[str, Any]) -> None:
    woo(shop, "order.created", {**woo_order(), **change})
    shop.take()

    assert problems(shop) == []
    assert [row.outside_id for row in shop.rows(sa.select(t.orders))] == ["4750"]


def test_signed_bodies_that_are_no_objects_are_refused(shop: Asked) -> None:
    for body in (b"", b"7", b"[]", b"\xff", b"{"):
        assert woo(shop, "order.created", body).status_code == 400
