"""Points brought up to date before a walk that speaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa

from vefa.crm.tables import events
from vefa.engine.plans import Pinned
from vefa.engine.shop import Shop
from vefa.errors import VefaError
from vefa.plan.codec import dump
from vefa.plan.steps import Message
from vefa.rewards.points import settle_points

#: Transactions end in another order than they begin: a narrow walk looks so much further back.
BACK = timedelta(minutes=5)
#: So far back a whole walk looks for customers who come first.
LATELY = timedelta(days=1)
#: Batches of customers in a walk.
MOST = 25
#: Events of facts that points are made of.
MATTERS = (
    *("order.placed", "order.delivered", "order.cancelled"),
    *("return.received", "return.refunded", "loyalty.redeemed"),
)
#: What a plan or its words hold if they speak of points or tiers.
SPEAKS = ("loyalty.", "points.", "order.points")

_PLANS: dict[str, bool] = {}


def bring_points(shop: Shop, pins: Iterable[Pinned], now: datetime, since: datetime | None) -> None:
    """Post what is due, if any of the plans speaks of points: first for those of whom something became known lately
    (since `since`, for a narrow walk), then for others, but no more than a walk has time for. After a large import the
    rest is the flow's."""
    if not shop.loyalty.runs or not any(_speaks(shop, pin) for pin in pins):
        return
    known = events.c.known_at.between((since or now - LATELY) - BACK, now)
    fresh = sa.select(events.c.customer_id).where(events.c.type.in_(MATTERS), known)
    settle_points(shop.database, shop.loyalty, shop.settings.shop, now, fresh, most=MOST)
    if since is None:
        settle_points(shop.database, shop.loyalty, shop.settings.shop, now, most=MOST)


def _speaks(shop: Shop, pin: Pinned) -> bool:
    if pin.hash not in _PLANS:
        said = dump(pin.plan)
        _PLANS[pin.hash] = any(word in said for word in SPEAKS)
    return _PLANS[pin.hash] or any(name.startswith(SPEAKS) for name in _names(shop, pin))


def _names(shop: Shop, pin: Pinned) -> Iterator[str]:
    """What the words of the plan's messages name, as they are now."""
    for step in pin.plan.steps:
        if isinstance(step, Message):
            with suppress(VefaError):  # what is missing or broken is told by the message itself
                yield from shop.templates.names_of(step)
