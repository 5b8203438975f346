"""Webhooks of shop systems: signature proved, written down, then answered, and taken in afterwards."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Receipt
from vefa.crm.shops import shopify, woocommerce
from vefa.crm.shops.apply import apply_updates
from vefa.crm.shops.settle import read_orders
from vefa.crm.shops.update import Unreadable, Update, inside, text
from vefa.crm.tables import told_early
from vefa.engine.merging import merge_shop_ids
from vefa.engine.privacy_requests import Kind, note_privacy_request
from vefa.inbox import NotTaken, Received, Taker, put
from vefa.settings import Settings
from vefa.web.bodies import read_json
from vefa.web.events import PROBLEMS
from vefa.web.service import Service

#: What WooCommerce sends, unsigned, when a webhook is made.
_PING = re.compile(rb"webhook_id=\d{1,19}")
_TOPIC = re.compile(r"[A-Za-z_-]{1,60}[./][A-Za-z_-]{1,60}")


class Kept(BaseModel):
    """Whether it was written down; only topics that the docs name as of no use are not."""

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
        return await _keep(service, "woocommerce", topic, topic not in woocommerce.NO_USE, body)

    @router.post("/v1/hooks/shopify", summary="Shopify", response_model=Kept, responses=PROBLEMS)
    async def shopify_hook(request: Request) -> Kept:
        """Its own webhooks, signed with the secret in VEFA_SHOPIFY_SECRET. Test messages are not kept."""
        body = await request.body()
        secret = settings.shopify_secret.get_secret_value()
        _prove("VEFA_SHOPIFY_SECRET", secret, body, request.headers.get("X-Shopify-Hmac-Sha256", ""))
        topic = request.headers.get("X-Shopify-Topic", "")
        is_test = request.headers.get("X-Shopify-Test", "").lower() == "true"
        return await _keep(service, "shopify", topic, topic not in shopify.NO_USE and not is_test, body)

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
        "woocommerce": _taker(System(tell_woo, woocommerce.TOPICS, woocommerce.PRIVACY, woo.source), settings),
        "shopify": _taker(System(shopify.tell, shopify.TOPICS, shopify.PRIVACY, shop.source), settings),
    }


@dataclass(frozen=True)
class System:
    """How one shop system's messages are read, and under which source its objects are kept."""

    tell: Callable[[str, Mapping[str, Any], datetime], list[Update]]
    topics: Collection[str]
    privacy: Mapping[str, Kind]
    source: str


def _taker(system: System, settings: Settings) -> Taker:
    source = system.source

    def taker(connection: Connection, rows: Sequence[Received], now: datetime) -> None:
        updates: list[Update] = []
        by: dict[int, Received] = {}
        for row in rows:
            topic, body = str(row.about.get("topic")), _object(row.body)
            if topic in system.privacy:
                _note_request(connection, system.privacy[topic], body, source, row.received_at)
                continue
            if topic not in system.topics:
                name = topic if _TOPIC.fullmatch(topic) else "without a name"
                raise NotTaken(f"the topic {name} is not understood")
            for each in system.tell(topic, body, row.received_at):
                by[id(each)] = row
                updates.append(each)
        waiting = apply_updates(connection, updates, Receipt(source, now, True, settings))
        for merge in (each.merge for each in updates if each.merge is not None):
            merge_shop_ids(connection, source, merge.kept, merge.gone, now, settings.shop.zone)
        _park(connection, [(each.order or each.key, by[id(each)]) for each in waiting], source)
        _unpark(connection, {each.key for each in updates if each.kind == "order"}, source)

    return taker


def _note_request(connection: Connection, kind: Kind, body: Mapping[str, Any], source: str, received: datetime) -> None:
    """Write a request of the law down: `customer` inside, or the body itself where the customer is the object."""
    customer = inside(body, "customer") or ({} if kind == "erase_shop" else body)
    numbers = body.get("orders_to_redact") or body.get("orders_requested")
    note_privacy_request(
        connection,
        source=source,
        kind=kind,
        outside_id=text(customer.get("id")) or None,
        email=text(customer.get("email")) or None,
        phone=text(customer.get("phone")) or None,
        orders=[text(number) for number in numbers] if isinstance(numbers, list) else [],
        now=received,
    )


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


def _unpark(connection: Connection, keys: set[str], source: str) -> None:
    """Take up what waits for these orders, as far as they are there now: it goes back to the inbox, as what it is.

    Whoever parked it held the order's lock, and so does this transaction: nothing is parked behind its back.
    """
    c = told_early.c
    there = sorted(read_orders(connection, keys, source))
    mine = sa.and_(c.source == source, c.order_key.in_(there))
    for row in connection.execute(sa.select(told_early).where(mine).order_by(c.id)).all():
        put(connection, row.kind, row.body, row.received_at, row.about)
        connection.execute(sa.delete(told_early).where(c.id == row.id))
