"""Points brought up to date before a walk that speaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa

from vefa.crm.points import points_due
from vefa.crm.tables import events
from vefa.engine.plans import Pinned
from vefa.engine.shop import Shop
from vefa.errors import VefaError
from vefa.plan.codec import dump
from vefa.plan.steps import Medium, Message
from vefa.rewards.points import settle_points

#: Transactions end in another order than they begin: a narrow walk looks so much further back.
BACK = timedelta(minutes=5)
#: What a plan or its words hold if they speak of points or tiers.
SPEAKS = ("loyalty.", "points.", "order.points")

_PLANS: dict[str, bool] = {}


def bring_points(shop: Shop, pins: Iterable[Pinned], now: datetime, since: datetime | None) -> None:
    """Post what is due, if any of the plans speaks of points. A narrow walk does so for those alone of whom something
    became known since then; everybody else's is left to whole walks and to the flow."""
    if not shop.loyalty.runs or not any(_speaks(shop, pin) for pin in pins):
        return
    only = None
    if since is not None:
        known = events.c.known_at.between(since - BACK, now)
        marked = sa.select(points_due.c.customer_id).where(points_due.c.at <= now).correlate(None)
        only = sa.select(events.c.customer_id).where(events.c.customer_id.in_(marked), known)
    settle_points(shop.database, shop.loyalty, shop.settings.shop, now, only)


def _speaks(shop: Shop, pin: Pinned) -> bool:
    if pin.hash not in _PLANS:
        said = dump(pin.plan)
        _PLANS[pin.hash] = any(word in said for word in SPEAKS)
    return _PLANS[pin.hash] or any(name.startswith(SPEAKS) for name in _names(shop, pin))


def _names(shop: Shop, pin: Pinned) -> Iterator[str]:
    """What the words of the plan's messages name, as they are now."""
    for step in pin.plan.steps:
        if isinstance(step, Message):
            media: tuple[Medium, ...] = (step.medium,) if step.medium else ("email", "sms")
            for medium in media:
                with suppress(VefaError):  # what is missing or broken is told by the message itself
                    yield from shop.templates.variables(step.template, medium)
