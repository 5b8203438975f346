"""`whenever`: each event that comes to somebody inside is noted once, and its steps are walked at once (rule 25).

A note is unique by enrolment, `whenever` and event. Of one customer's events one at a time is followed, the earliest
first, down to the end of the steps. Messages are queued for that very event and hold nobody.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from vefa.crm.conditions import about, event_kind, since_entry
from vefa.crm.scope import learned_by
from vefa.crm.tables import events
from vefa.database import Instant, among, inserting, other, reading, writing
from vefa.engine.entries import BATCH, MAX_AGE, Doorway
from vefa.engine.plans import Pinned, elapsed
from vefa.engine.scopes import enrolment_scope
from vefa.engine.shop import Shop
from vefa.engine.stands import Aside
from vefa.engine.tables import OPEN, enrolments, occasions
from vefa.ledger.tables import sends
from vefa.plan.plans import Whenever

# Conditions over events ask for them by their second name.
e, o, s, v = enrolments.c, occasions.c, sends.c, other(events).c


@dataclass(frozen=True)
class Asides:
    """One plan's `whenever`s at one moment; `advance` moves everybody at a step of theirs."""

    shop: Shop
    door: Doorway
    pin: Pinned
    advance: Callable[[Aside], int]

    def run(self) -> None:
        """Note what has come since the last look, and walk its steps to their end."""
        for each in self.pin.plan.whenever:
            self._note(each)
        if not self._any_open():
            return
        self._let_go()
        for each in self.pin.plan.whenever:
            self._walk(each)

    # --- what has come

    def _note(self, whenever: Whenever) -> None:
        """Write down each event that is new to somebody inside."""
        notes, news = self._notes(whenever), self._news(whenever)
        with reading(self.shop.database) as connection:
            found = array("q", connection.scalars(sa.union(*(sa.select(v.id).where(*each) for each in news))))
        for start in range(0, len(found), BATCH):
            some = among(v.id, found[start : start + BATCH].tolist())
            rows = sa.union(*(sa.select(*notes.values()).where(*each, some) for each in news))
            with writing(self.shop.database) as connection:
                insert = inserting(connection, occasions).from_select(list(notes), rows)
                connection.execute(insert.on_conflict_do_nothing())

    def _notes(self, whenever: Whenever) -> dict[str, Any]:
        """Over enrolments and events: what is written down. An event that we learned of too late sets nothing going."""
        backfill = self.pin.plan.backfill
        patience = max(MAX_AGE, elapsed(backfill) if backfill else timedelta(0)) // timedelta(microseconds=1)
        after = sa.type_coerce(v.known_at, sa.BigInteger) - sa.type_coerce(v.occurred_at, sa.BigInteger)
        return {
            "enrolment_id": e.id,
            "journey_id": sa.literal(self.pin.journey_id),
            "whenever": sa.literal(self.pin.number(whenever.id)),
            "event_id": v.id,
            "occurred_at": v.occurred_at,
            "noted_at": sa.literal(self.door.now, Instant()),
            "state": sa.case((after > patience, "too late"), else_="waiting"),
        }

    def _news(self, whenever: Whenever) -> list[tuple[Any, ...]]:
        """Over enrolments and events: those that are new, of those inside; and all since their entry, of those who are
        new themselves."""
        k, door = other(occasions).c, self.door
        scope, wanted = enrolment_scope(door.world, self.pin), whenever.scope
        noted = sa.exists().where(
            k.enrolment_id == e.id, k.whenever == self.pin.number(whenever.id), k.event_id == v.id
        )
        came = (
            e.journey_id == self.pin.journey_id,
            e.plan_id == self.pin.id,
            e.state == "active",
            v.customer_id == e.customer_id,
            v.type == wanted.event,
            since_entry(scope, wanted.event, v),
            about(scope, wanted, v, event_kind(wanted.event)),
            sa.not_(noted.correlate_except(other(occasions))),
        )
        return [
            (*came, v.known_at.between(door.horizon, door.now)),
            (*came, e.enrolled_at >= door.horizon, learned_by(v, door.now)),
        ]

    def _any_open(self) -> bool:
        with reading(self.shop.database) as connection:
            return bool(connection.scalar(sa.select(sa.exists().where(self._open))))

    @property
    def _open(self) -> Any:
        return sa.and_(o.journey_id == self.pin.journey_id, o.state.in_(OPEN))

    def _let_go(self) -> None:
        """Nothing more comes of events of those who have left, nor of those that this plan has no steps for."""
        gone = sa.exists().where(e.id == o.enrolment_id, e.state.not_in(("active", "finished")))
        here = sa.exists().where(e.id == o.enrolment_id, e.plan_id == self.pin.id)
        known = [self.pin.number(each.id) for each in self.pin.plan.whenever]
        steps = [self.pin.number(key) for key in self.pin.plan.aside]
        lost = sa.or_(o.whenever.not_in(known), sa.and_(o.state == "acting", o.step.not_in(steps)))
        with writing(self.shop.database) as connection:
            for which, state in ((gone, "left"), (sa.and_(lost, here), "gone")):
                connection.execute(sa.update(occasions).where(self._open, which).values(state=state, step=None))

    # --- what comes of it

    def _walk(self, whenever: Whenever) -> None:
        steps = [self.pin.plan.step(key) for key in whenever.keys]
        stands = [
            Aside(self.shop, self.pin, step, self.door.world, self.door.horizon, whenever=whenever) for step in steps
        ]
        while True:
            called = self._call_up(whenever)
            moved = sum(self.advance(stand) for stand in stands)
            if not called and not moved:
                return

    def _call_up(self, whenever: Whenever) -> int:
        """The earliest event of each customer who has none before the steps now comes to the first of them."""
        number, first = self.pin.number(whenever.id), self.pin.number(whenever.first)
        w, a = occasions.alias("earlier"), occasions.alias("before")
        mine = sa.and_(o.journey_id == self.pin.journey_id, o.whenever == number, o.state == "waiting")
        earlier = sa.or_(
            w.c.occurred_at < o.occurred_at, sa.and_(w.c.occurred_at == o.occurred_at, w.c.event_id < o.event_id)
        )
        held = sa.or_(
            sa.exists().where(
                w.c.enrolment_id == o.enrolment_id, w.c.whenever == number, w.c.state == "waiting", earlier
            ),
            sa.exists().where(a.c.enrolment_id == o.enrolment_id, a.c.whenever == number, a.c.state == "acting"),
        )
        here = sa.and_(e.plan_id == self.pin.id, e.state.in_(("active", "finished")))
        chosen = sa.select(o.id).join_from(occasions, enrolments, e.id == o.enrolment_id)
        with writing(self.shop.database) as connection:
            ids = list(connection.scalars(chosen.where(mine, here, sa.not_(held)).order_by(o.id).limit(BATCH)))
            called = sa.update(occasions).where(among(o.id, ids, o.state == "waiting"))
            return connection.execute(called.values(state="acting", step=first)).rowcount if ids else 0
