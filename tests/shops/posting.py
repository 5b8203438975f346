"""Messages of a shop system signed and posted through the real service, and then taken in."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import orjson
import sqlalchemy as sa
from pydantic import SecretStr

from tests.shops.truth import MadeUpShop, Message
from tests.web.asking import Asked
from tests.web.shop_systems import SECRET, signature
from vefa.settings import Settings

HEADERS = {
    "shopify": ("X-Shopify-Topic", "X-Shopify-Hmac-Sha256"),
    "woocommerce": ("X-WC-Webhook-Topic", "X-WC-Webhook-Signature"),
}
#: So many are posted before somebody takes them in.
TOGETHER = 150


def open_site(engine: sa.Engine, settings: Settings) -> Asked:
    """The service of a shop with both systems' secrets."""
    secret = SecretStr(SECRET)
    given = {"woocommerce_secret": secret, "shopify_secret": secret}
    return Asked(engine, settings.model_copy(update=given))


def in_order(messages: Sequence[Message]) -> list[tuple[Message, datetime]]:
    """Each message arrives a second after it was sent."""
    return [(message, message.at + timedelta(seconds=1)) for message in messages]


def doubled_and_shuffled(shop: MadeUpShop, seed: int) -> list[tuple[Message, datetime]]:
    """Every message twice and in any order, all after the last; chains first, as they were sent."""
    chains = shop.chains()
    first = [message for message in shop.messages if message.body.get("id") in chains]
    others = [message for message in shop.messages if message not in first] * 2
    random.Random(seed).shuffle(others)
    last = max(message.at for message in shop.messages)
    late = [(message, last + timedelta(seconds=1 + n)) for n, message in enumerate(others)]
    return in_order(first) + late


def deliver(site: Asked, system: str, messages: Sequence[tuple[Message, datetime]]) -> None:
    """Post them all and take them in, some at a time."""
    for start in range(0, len(messages), TOGETHER):
        asyncio.run(_post(site, system, messages[start : start + TOGETHER]))
        site.take()
    site.clock.now += timedelta(hours=1)
    site.take()


async def _post(site: Asked, system: str, messages: Sequence[tuple[Message, datetime]]) -> None:
    topic_header, signature_header = HEADERS[system]
    transport = httpx.ASGITransport(app=site.app, client=("127.0.0.1", 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://vefa") as client:
        for message, at in messages:
            site.clock.now = at
            raw = orjson.dumps(message.body)
            headers = {topic_header: message.topic, signature_header: signature(raw)}
            answer = await client.post(f"/v1/hooks/{system}", content=raw, headers=headers)
            assert answer.status_code == 200, answer.text
