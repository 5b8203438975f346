"""Codes posted to the shop's checkout, in signed batches: a batch goes under its own name until it is taken.

The form of the signature is that of Standard Webhooks. A checkout that gets a batch twice knows it by its name, and
each code by itself; so whoever is in doubt sends again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import sqlalchemy as sa
from pydantic import SecretStr

from vefa.channels.base import Accepted, Outcome
from vefa.clock import Clock
from vefa.database import reading
from vefa.engine.shop import Shop
from vefa.errands import wire
from vefa.errands.keys import Access
from vefa.rewards import exports
from vefa.rewards.exports import CheckoutCode
from vefa.rewards.tables import coupons

logger = logging.getLogger("vefa.checkout")

#: A batch that was not taken goes again after so long; nobody else sends it meanwhile.
AGAIN = timedelta(minutes=1)
TYPE = "coupons.made"
NO_KEY = "VEFA_CHECKOUT_SECRET is not set"

#: Brings a body under its name, signed; what became of it.
Post = Callable[[Access, str, bytes, datetime, float], Outcome]


@dataclass
class Pushed:
    """What was brought to the checkout, and what stands in the way of the rest."""

    batches: int = 0
    codes: int = 0
    problem: str | None = None


def push_codes(shop: Shop, now: datetime, wall: Clock, bring: Post = wire.post) -> Pushed:
    """Everything that the checkout has not heard of yet, batch by batch, until one is not taken."""
    done = Pushed()
    while (export := _next(shop, now, wall)) is not None:
        problem = _brought(shop, export, wall(), bring)
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


def _brought(shop: Shop, export: exports.Export, at: datetime, bring: Post) -> str | None:
    """One request; why the checkout did not take it, or nothing."""
    key, name = shop.settings.checkout_secret, f"coupons_{export.id}"
    if not key.get_secret_value():
        return NO_KEY
    codes = [_said(code) for code in exports.codes_of(shop.database, coupons.c.export_id == export.id)]
    body = orjson.dumps({"id": name, "type": TYPE, "coupons": codes}, default=str)
    access = Access(SecretStr(shop.checkout.url or ""), key)
    outcome = bring(access, name, body, at, shop.settings.provider_timeout_seconds)
    return None if isinstance(outcome, Accepted) else outcome.reason


def _said(code: CheckoutCode) -> dict[str, Any]:
    """A code as JSON, without whom it is for; amounts are text, moments ISO 8601 in UTC."""
    said = asdict(code)
    del said["customer"]
    return {name: f"{value.normalize():f}" if hasattr(value, "normalize") else value for name, value in said.items()}
