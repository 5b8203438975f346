"""Webhooks of shop systems: signature proved, written down, then answered, and taken in afterwards."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Receipt
from vefa.crm.shops import shopify, woocommerce
from vefa.crm.shops.apply import apply_updates
from vefa.crm.shops.update import Unreadable, Update
from vefa.crm.tables import told_early
from vefa.inbox import Received, Taker, put
from vefa.settings import Settings
from vefa.web.bodies import read_json
from vefa.web.events import PROBLEMS
from vefa.web.service import Service

#: What WooCommerce sends, unsigned, when a webhook is made.
_PING = re.compile(rb"webhook_id=\d{1,19}")
_TOPIC = re.compile(r"[a-z_]+[./][a-z_]+")


class Kept(BaseModel):
    """Whether it was written down; a topic that says nothing to vefa is not."""

    kept: bool


def shop_hooks_room(service: Service) -> APIRouter:
    """The paths on which shop systems tell what happens."""
    router = APIRouter(tags=["shop systems"])
    settings = service.settings

    @router.post("/v1/hooks/woocommerce", summary="WooCommerce", response_model=Kept, responses=PROBLEMS)
    async def woocommerce_hook(request: Request) -> Kept:
        """Its own webhooks, signed with the secret in VEFA_WOOCOMMERCE_SECRET."""
        body = await request.body()
        secret = settings.woocommerce_secret.get_secret_value()
        signature = request.headers.get("X-WC-Webhook-Signature", "")
        if not signature and _PING.fullmatch(body):
            return Kept(kept=False)
        _prove("VEFA_WOOCOMMERCE_SECRET", secret, body, signature)
        topic = request.headers.get("X-WC-Webhook-Topic", "")
        return await _keep(service, "woocommerce", topic, topic in woocommerce.TOPICS, body)

    @router.post("/v1/hooks/shopify", summary="Shopify", response_model=Kept, responses=PROBLEMS)
    async def shopify_hook(request: Request) -> Kept:
        """Its own webhooks, signed with the secret in VEFA_SHOPIFY_SECRET. Test messages are not kept."""
        body = await request.body()
        secret = settings.shopify_secret.get_secret_value()
        _prove("VEFA_SHOPIFY_SECRET", secret, body, request.headers.get("X-Shopify-Hmac-Sha256", ""))
        topic = request.headers.get("X-Shopify-Topic", "")
        is_test = request.headers.get("X-Shopify-Test", "").lower() == "true"
        return await _keep(service, "shopify", topic, topic in shopify.TOPICS and not is_test, body)

    return router


def _prove(variable: str, secret: str, body: bytes, signature: str) -> None:
    """Raises HTTPException where the body is not what the owner of the secret has signed."""
    if not secret:
        raise HTTPException(403, f"This shop takes no webhooks here: {variable} is not set.")
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
        raise HTTPException(401, f"The signature is missing or wrong; is it made with the secret in {variable}?")


async def _keep(service: Service, kind: str, topic: str, wanted: bool, body: bytes) -> Kept:
    if not wanted:
        return Kept(kept=False)
    if not isinstance(read_json(body), dict):
        raise HTTPException(400, "The body is no object.")
    await service.inbox.put(kind, body, {"topic": topic})
    return Kept(kept=True)


def shop_takers(settings: Settings) -> Mapping[str, Taker]:
    """Who takes in what the shop systems have sent."""
    woo, shop = settings.web.woocommerce, settings.web.shopify

    def tell_woo(topic: str, body: Mapping[str, Any], received: datetime) -> list[Update]:
        return woocommerce.tell(topic, body, woo.statuses, received)

    return {
        "woocommerce": _taker(tell_woo, woo.source, settings),
        "shopify": _taker(shopify.tell, shop.source, settings),
    }


Teller = Callable[[str, Mapping[str, Any], datetime], list[Update]]


def _taker(tell: Teller, source: str, settings: Settings) -> Taker:
    def taker(connection: Connection, rows: Sequence[Received], now: datetime) -> None:
        told: list[Update] = []
        by: dict[int, Received] = {}
        for row in rows:
            for each in tell(str(row.about.get("topic")), _object(row.body), row.received_at):
                by[id(each)] = row
                told.append(each)
        waiting = apply_updates(connection, told, Receipt(source, now, True, settings))
        _park(connection, [(each.order or "", by[id(each)]) for each in waiting], source)
        _unpark(connection, {each.key for each in told if each.kind == "order"}, source)

    return taker


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        given = read_json(body)
    except HTTPException:
        raise Unreadable("no JSON") from None
    if not isinstance(given, dict):
        raise Unreadable("no object")
    return given


def _park(connection: Connection, waiting: Sequence[tuple[str, Received]], source: str) -> None:
    """Lay aside what is about an order that has not come yet."""
    rows = {
        (order, row.id): {
            "source": source,
            "order_key": order,
            "kind": row.kind,
            "about": dict(row.about),
            "body": row.body,
            "received_at": row.received_at,
        }
        for order, row in waiting
    }
    if rows:
        connection.execute(sa.insert(told_early), list(rows.values()))


def _unpark(connection: Connection, orders: set[str], source: str) -> None:
    """Their order has come: they go back to the inbox, as what they are."""
    c = told_early.c
    mine = sa.and_(c.source == source, c.order_key.in_(sorted(orders)))
    for row in connection.execute(sa.select(told_early).where(mine).order_by(c.id)).all():
        put(connection, row.kind, row.body, row.received_at, row.about)
        connection.execute(sa.delete(told_early).where(c.id == row.id))
