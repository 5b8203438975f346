"""One message step being delivered, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.clock import Clock
from vefa.consent.gate import Gate
from vefa.crm.scope import World
from vefa.engine.plans import Pinned
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments, journeys
from vefa.ledger.claims import Place
from vefa.ledger.tables import batches, sends
from vefa.plan.steps import Message, Trial

e, s = enrolments.c, sends.c

Hook = Callable[[], None]


def _nothing() -> None:
    """No hook."""


@dataclass(frozen=True)
class Post:
    """One message step being delivered: whom, by which rules, with whose clocks.

    `before_request` runs between the claim's commit and the last look at suppressions and wishes: tests put a crash
    or a refusal there.
    """

    shop: Shop
    pin: Pinned
    current: Pinned
    step: Message
    clock: Clock
    wall: Clock
    owner: str
    world: World
    before_request: Hook = _nothing

    @cached_property
    def words_step(self) -> Message:
        """The step with the words of the plan in force: words are live, steps are pinned (rule 20)."""
        live = self.current.plan.by_key.get(self.step.key)
        if not isinstance(live, Message) or live.template != self.step.template:
            return self.step
        return replace(self.step, subject=live.subject, preheader=live.preheader, test=_live(self.step.test, live.test))

    @property
    def gate(self) -> Gate | None:
        """What İYS lets through; None where it is off."""
        return self.shop.register.gate if self.shop.register is not None else None

    @property
    def place(self) -> Place:
        """Where its batches stand in the ledger."""
        return Place(self.pin.journey_id, self.pin.id, self.pin.numbers[self.step.key])

    @property
    def is_aside(self) -> bool:
        """Whether the step stands in a `whenever`: its messages hold nobody, and move nobody on."""
        return self.step.key in self.pin.plan.aside

    @property
    def mine(self) -> Any:
        """Over `sends`: the messages of this step, in this plan."""
        here = sa.exists().where(e.id == s.enrolment_id, e.plan_id == self.pin.id)
        own = s.occasion != 0 if self.is_aside else s.occasion == 0
        if not self.is_aside:
            here = here.where(e.step == self.pin.number(self.step.key))
        step = sa.and_(s.journey_id == self.pin.journey_id, s.step == self.pin.number(self.step.id), own)
        return sa.and_(step, here.correlate_except(enrolments))


def _live(pinned: Trial | None, live: Trial | None) -> Trial | None:
    """A test's variants with the subjects of the plan in force."""
    if pinned is None or live is None:
        return pinned
    found = [(variant, live.variant(variant.name)) for variant in pinned.variants]
    same = [now if now and now.template == before.template else before for before, now in found]
    return replace(pinned, variants=tuple(same))


def queued(connection: Connection, post: Post, now: datetime) -> int:
    """About how many messages of the step may be sent now: who has left since a batch was queued is counted still."""
    place, b = post.place, batches.c
    here = sa.and_(b.journey_id == place.journey_id, b.plan_id == place.plan_id, b.step == place.step)
    whole = sa.select(sa.func.coalesce(sa.func.sum(b.size), 0)).where(here, b.settled_at.is_(None), b.owner.is_(None))
    loose = sa.and_(post.mine, s.state == "queued", s.batch_id.is_(None), s.not_before <= now)
    others = connection.scalar(sa.select(sa.func.count()).select_from(sends).where(loose)) or 0
    return int(connection.scalar(whole) or 0) + others


def running(connection: Connection, post: Post) -> bool:
    """Whether the journey may send: read anew at every claim (rule 22)."""
    state = connection.scalar(sa.select(journeys.c.state).where(journeys.c.id == post.pin.journey_id))
    return state in ("live", "closing")
