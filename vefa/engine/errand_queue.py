"""From a step into the queue of errands: one for each enrolment, step and occasion, in the step's own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.plans import Pinned
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments
from vefa.errands import book
from vefa.errands.hours import opening
from vefa.plan.steps import Notify, Webhook

e = enrolments.c


def queue_errands(
    connection: Connection,
    shop: Shop,
    pin: Pinned,
    step: Webhook | Notify,
    which: Any,
    now: datetime,
    occasion: Any = "",
    arrived: Any = e.arrived_at,
) -> int:
    """Queue the step's errand for the enrolments that `which` chooses; who has one for that occasion gets no second.

    `occasion` tells apart several times that one enrolment passes the step. Returns how many are new.
    """
    held = isinstance(step, Notify) and step.shop_hours
    columns = {
        "kind": sa.literal(step.kind),
        "target": sa.literal(step.team if isinstance(step, Notify) else step.tool),
        "enrolment_id": e.id,
        "journey_id": e.journey_id,
        "plan_id": e.plan_id,
        "step": sa.literal(pin.number(step.id)),
        "at_step": sa.literal(pin.number(step.key)),
        "occasion": sa.type_coerce(occasion, sa.Text),
        "customer_id": e.customer_id,
        "shop_hours": sa.literal(held),
        "queued_at": arrived,
        "next_try_at": book.moment(shop_opens(shop, now) if held else now),
    }
    return book.queue(connection, columns, which)


def shop_opens(shop: Shop, moment: datetime) -> datetime:
    """The first moment not before this one at which the shop is open; the moment itself where it never said when."""
    hours, ours = shop.outside.hours, shop.settings.shop
    return moment if hours is None else opening(hours, moment, ours.zone, ours.country)
