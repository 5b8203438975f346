"""Codes posted to the shop's checkout, in signed batches: a batch goes under its own name until it is taken.

The form of the signature is that of Standard Webhooks. A checkout that gets a batch twice knows it by its name, and
each code by itself; so whoever is in doubt sends again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import sqlalchemy as sa

from vefa.channels.loopback import is_loopback
from vefa.clock import Clock
from vefa.database import reading
from vefa.engine.shop import Shop
from vefa.errands.signing import signed
from vefa.rewards import exports
from vefa.rewards.exports import CheckoutCode
from vefa.rewards.tables import coupons

logger = logging.getLogger("vefa.checkout")

#: A batch that was not taken goes again after so long; nobody else sends it meanwhile.
AGAIN = timedelta(minutes=1)
TYPE = "coupons.made"
NO_KEY = "VEFA_CHECKOUT_SECRET is not set"


@dataclass(frozen=True)
class Parcel:
    """One request: where to, its name, what it holds, and how to prove that it is ours."""

    url: str
    name: str
    body: bytes
    key: str
    at: datetime
    timeout: float

    @property
    def headers(self) -> Mapping[str, str]:
        """What stands above the body; the signature is over the name, the moment and the body as they are."""
        proof = signed(self.key, self.name, int(self.at.timestamp()), self.body)
        return {"content-type": "application/json; charset=utf-8", **proof}


#: Brings a parcel; why it was not taken, or nothing.
Post = Callable[[Parcel], str | None]


@dataclass
class Pushed:
    """What was brought to the checkout, and what stands in the way of the rest."""

    batches: int = 0
    codes: int = 0
    problem: str | None = None


def post(parcel: Parcel) -> str | None:
    """One request. Never raises for what the other side does; nothing of an answer but its status is kept."""
    local = is_loopback(urlsplit(parcel.url).hostname or "")
    try:
        with httpx.Client(timeout=parcel.timeout, trust_env=not local, follow_redirects=False) as client:
            answer = client.post(parcel.url, content=parcel.body, headers=dict(parcel.headers))
    except httpx.HTTPError as error:
        return f"no answer {type(error).__name__}"
    return None if 200 <= answer.status_code < 300 else f"answered {answer.status_code}"


def push_codes(shop: Shop, now: datetime, wall: Clock, bring: Post = post) -> Pushed:
    """Everything that the checkout has not heard of yet, batch by batch, until one is not taken."""
    done = Pushed()
    while (export := _next(shop, now, wall)) is not None:
        parcel = _parcel(shop, export, wall())
        problem = bring(parcel) if parcel.key else NO_KEY
        if problem is not None:
            exports.fail(shop.database, export.id, problem, wall() + AGAIN)
            logger.warning("the checkout took no codes", extra={"batch": export.id, "error": problem})
            done.problem = problem
            return done
        exports.end(shop.database, export.id, now)
        done.batches, done.codes = done.batches + 1, done.codes + export.codes
        logger.info("codes brought to the checkout", extra={"batch": export.id, "sent": export.codes})
    return done


def _next(shop: Shop, now: datetime, wall: Clock) -> exports.Export | None:
    """The oldest batch that was not taken yet and that nobody is at, else a new one; None where all is told."""
    if shop.checkout.url is None:
        return None
    with reading(shop.database) as connection:
        if not exports.anything_untold(connection):
            return None
        waiting = exports.open_exports(connection, "push")
    until = wall() + timedelta(seconds=2 * shop.settings.provider_timeout_seconds)
    for row in waiting:
        if exports.lease(shop.database, row.id, wall(), until):
            return _recounted(shop, exports.Export(row.id, row.way, row.target, row.codes))
    if any(row.problem is not None for row in waiting):
        return None  # it takes nothing just now
    host = urlsplit(shop.checkout.url).hostname or ""
    export = exports.begin(shop.database, "push", host, now, until, shop.checkout.batch)
    return export if export.codes else None


def _recounted(shop: Shop, export: exports.Export) -> exports.Export:
    """Whoever chose its codes may have died before counting them."""
    with reading(shop.database) as connection:
        query = sa.select(sa.func.count()).select_from(coupons).where(coupons.c.export_id == export.id)
        return exports.Export(export.id, export.way, export.target, connection.scalar(query) or 0)


def _parcel(shop: Shop, export: exports.Export, at: datetime) -> Parcel:
    name = f"coupons_{export.id}"
    codes = [_said(code) for code in exports.codes_of(shop.database, coupons.c.export_id == export.id)]
    body = orjson.dumps({"id": name, "type": TYPE, "coupons": codes}, default=str)
    key = shop.settings.checkout_secret.get_secret_value()
    return Parcel(shop.checkout.url or "", name, body, key, at, shop.settings.provider_timeout_seconds)


def _said(code: CheckoutCode) -> dict[str, Any]:
    """A code as JSON, without whom it is for; amounts are text, moments ISO 8601 in UTC."""
    said = asdict(code)
    del said["customer"]
    return {name: f"{value.normalize():f}" if hasattr(value, "normalize") else value for name, value in said.items()}
