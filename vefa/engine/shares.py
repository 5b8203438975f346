"""One step's messages delivered by several runs at once: the journey's own, and shards of it on any machine.

A shard holds no lease of the journey. What it may send is leased to it batch by batch, and each claim asks anew
whether the journey runs, who may be written to and how fast, as the journey's own run does. So shards may come late,
twice or never, and die anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.clock import Clock, system_clock
from vefa.crm import facts
from vefa.database import reading
from vefa.engine.delivery import Progress, deliver
from vefa.engine.plans import Pinned, journey_row, plans_in_use
from vefa.engine.post import Post
from vefa.engine.reports import StepCounts
from vefa.engine.scopes import make_world
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments
from vefa.ledger import claims, pace
from vefa.ledger.tables import batches, sends
from vefa.plan.steps import Medium, Message

e, s = enrolments.c, sends.c


@dataclass(frozen=True)
class Share:
    """Whose messages a shard delivers: the journey, the plan by its hash, and the step by its key."""

    journey: str
    plan: str
    step: str


def runs_for(shop: Shop, step: Message, messages: int) -> int:
    """How many runs deliver so many messages, the journey's own among them: one for each minute of one run's work.

    Just one where the pace is no faster than one run, and where messages are files of one machine.
    """
    delivery = shop.settings.delivery
    minute = delivery.shard_from_batches * claims.BATCH
    if messages <= minute or not any(_goes_faster(shop, medium, minute) for medium in step.media):
        return 1
    return min(delivery.shards, -(-messages // minute))


def _goes_faster(shop: Shop, medium: Medium, minute: int) -> bool:
    """Whether more than so many messages of the medium may go in a minute."""
    channel, settings = shop.channels[medium].name, shop.settings
    if channel == "outbox":
        return False
    limits = pace.limits_of(settings.messages_per_second, channel, medium, settings.sms_sender)
    return pace.most(limits, minute + 1, 60.0) > minute


def deliver_share(
    shop: Shop,
    share: Share,
    *,
    clock: Clock,
    owner: str,
    wall: Clock = system_clock,
    progress: Progress | None = None,
) -> StepCounts:
    """Reserve and send batch after batch of the step, until there is no more to reserve or the journey stands still."""
    now = clock()
    source = facts.refresh(shop.database, now, shop.settings.shop)
    with reading(shop.database) as connection:
        pins = plans_in_use(connection, journey_row(connection, share.journey))
        world = make_world(connection, now, shop.settings.shop, source, *pins, loyalty=shop.loyalty)
    pin = next((pin for pin in pins if pin.hash == share.plan), None)
    step = pin.plan.by_key.get(share.step) if pin else None
    if pin is None or not isinstance(step, Message):
        return StepCounts(share.step)  # nobody stands there any more
    return deliver(Post(shop, pin, pins[0], step, clock, wall, owner, world), progress)


def done_by_others(connection: Connection, post: Post, since: datetime) -> StepCounts:
    """What other workers have settled at the step, of batches that they reserved since then (wall clock).

    The ledger tells, also of those that died. What was put off stands for itself again and is not counted.
    """
    place, b = post.place, batches.c
    here = sa.and_(b.journey_id == place.journey_id, b.plan_id == place.plan_id, b.step == place.step)
    theirs = sa.select(b.id).where(here, b.owner != post.owner, b.reserved_at >= since)
    ended = sa.and_(s.batch_id.in_(theirs), s.state.in_(("sent", "skipped", "failed", "unknown")))
    why = sa.case((s.state == "skipped", s.reason))
    rows = sa.select(s.state, why, sa.func.count(), sa.func.sum(_gone(post.pin, post.step))).where(ended)
    counts = StepCounts(post.step.id)
    for state, reason, number, left in connection.execute(rows.group_by(s.state, why)):
        counts.add(_as_counts(post.step.id, state, reason, number, int(left)))
    return counts


def _gone(pin: Pinned, step: Message) -> Any:
    """1 for a message with which its customer left the journey, else 0."""
    left = sa.exists().where(e.id == s.enrolment_id, e.state == "left", e.step == pin.numbers[step.key])
    return sa.case((sa.and_(s.state.in_(("skipped", "failed")), left.correlate_except(enrolments)), 1), else_=0)


def _as_counts(step: str, state: str, reason: str | None, number: int, left: int) -> StepCounts:
    counts = StepCounts(step, handled=number, left=left)
    if state == "skipped":
        counts.held[reason or state] = number
    else:
        setattr(counts, state, number)
    return counts
