"""What WooCommerce and Shopify send, signed as they sign it, and what came of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import httpx
import orjson
import sqlalchemy as sa

from tests.acceptance.small_shop import NOON
from tests.web.asking import Asked
from vefa.crm import tables as t
from vefa.inbox import inbox

SECRET = "a webhook secret of tests"


def signature(body: bytes, secret: str = SECRET) -> str:
    """What both systems prove a body with."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def woo(shop: Asked, topic: str, body: Any) -> httpx.Response:
    """WooCommerce tells it."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature(raw)}
    return shop.ask("POST", "/v1/hooks/woocommerce", key=None, content=raw, headers=headers)


def shopify(shop: Asked, topic: str, body: Any) -> httpx.Response:
    """Shopify tells it."""
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
    """As Shopify sends it, shortened."""
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
    """A parcel of that order, as Shopify sends it."""
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
    """Which events came of it."""
    return sorted(row.type for row in shop.rows(sa.select(t.events)))


def problems(shop: Asked) -> list[Any]:
    """What could not be read."""
    return [row.problem for row in shop.rows(sa.select(inbox).order_by(inbox.c.id)) if row.problem]
