"""Only shop systems themselves are heard, and what they say wrong stops nobody."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from tests.web.asking import Asked
from tests.web.shop_systems import problems, shopify, shopify_order, signature, woo, woo_order
from vefa.crm import tables as t
from vefa.inbox import inbox


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
