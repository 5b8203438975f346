"""A step of a plan with everybody who stands there: in the journey's own steps, or in a `whenever` for one event.

Whoever handles a step moves people with `go` and asks `scope`, `arrived` and `occasion`; so a handler need not know
which of the two it works for. What a step writes once for each coming must bear `occasion` in its key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.clock import Clock, system_clock
from vefa.crm.scope import Scope, World
from vefa.crm.tables import customers
from vefa.database import Instant, among, other, reading, writing
from vefa.engine.entries import BATCH
from vefa.engine.movement import move_on
from vefa.engine.plans import Pinned
from vefa.engine.scopes import enrolment_scope
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments, occasions
from vefa.ledger.tables import sends
from vefa.plan.plans import Whenever
from vefa.plan.steps import Step

e, o, s = enrolments.c, occasions.c, sends.c


@dataclass(frozen=True)
class Stand:
    """A step of a plan, with everybody who stands there, at a moment. `horizon`: events known since then are new."""

    shop: Shop
    pin: Pinned
    step: Step
    world: World
    horizon: datetime
    wall: Clock = system_clock

    @property
    def engine(self) -> Engine:
        return self.shop.database

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def here(self) -> Any:
        """Over `enrolments`: active at this step, in this plan."""
        return sa.and_(e.plan_id == self.pin.id, e.step == self.pin.number(self.step.key), e.state == "active")

    @property
    def due(self) -> Any:
        """Those of them whose time has come."""
        return sa.and_(self.here, e.due_at <= self.now)

    @property
    def scope(self) -> Scope:
        """Everything that conditions may ask of them."""
        return enrolment_scope(self.world, self.pin)

    @property
    def arrived(self) -> Any:
        """Over `enrolments`: when they logically came here (rule 5)."""
        return e.arrived_at

    @property
    def occasion(self) -> Any:
        """Over `enrolments`: for which event of a `whenever` they are here; 0: for none."""
        return sa.literal(0, sa.BigInteger)

    @property
    def has_more_to_say(self) -> Any:
        """Over `enrolments`: a message that came before this step has not gone yet."""
        return sa.false()

    def go(self, connection: Connection, which: Any, target: str | None) -> int:
        """Whom `which` chooses go on at `target` (None: the end), where they arrive when they arrived here."""
        return move_on(connection, self.pin, which, target, self.arrived)

    def move(self, which: Any, target: str | None, arrived: Any) -> int:
        """Whom `which` chooses among the journey's own steps go on at `target`, where they arrive at `arrived`."""
        moved = 0
        for ids in self.batches(which):
            with writing(self.engine) as connection:
                moved += move_on(connection, self.pin, among(e.id, ids, which), target, arrived)
        return moved

    def end(self, connection: Connection, which: Any) -> None:
        """Whom `which` chooses have left the journey here."""

    def batches(self, which: Any, size: int = BATCH) -> Iterable[list[int]]:
        """Ids of those that `which` chooses, in bounded batches; handling a batch must take it out of `which`."""
        while True:
            with reading(self.engine) as connection:
                query = sa.select(e.id).where(which).order_by(e.due_at, e.id).limit(size)
                ids = list(connection.scalars(query))
            if not ids:
                return
            yield ids

    def rows(self, which: Any, *columns: Any) -> list[Any]:
        """(id, arrived_at, zone, *columns) of at most a batch of those that `which` chooses."""
        query = (
            sa.select(e.id, e.arrived_at, customers.c.zone, *columns)
            .join_from(enrolments, customers, customers.c.id == e.customer_id)
            .where(which)
            .order_by(e.due_at, e.id)
            .limit(BATCH)
        )
        with reading(self.engine) as connection:
            return list(connection.execute(query))


@dataclass(frozen=True)
class Aside(Stand):
    """A step inside a `whenever`, with everybody for whom one of its events is being followed: of each customer's
    events one at a time, in the order of time. Where they stand in the journey's own steps is left alone."""

    whenever: Whenever = field(kw_only=True)

    @property
    def here(self) -> Any:
        """Over `enrolments`: inside, or finished meanwhile, with an event that has come to this step."""
        k = other(occasions)
        acting = sa.select(k.c.enrolment_id).where(
            k.c.journey_id == self.pin.journey_id, self._acting(k.c), k.c.step == self.pin.number(self.step.key)
        )
        inside = e.state.in_(("active", "finished"))
        return sa.and_(e.plan_id == self.pin.id, inside, e.id.in_(acting.correlate_except(k)))

    @property
    def due(self) -> Any:
        return self.here

    @property
    def scope(self) -> Scope:
        return enrolment_scope(self.world, self.pin, event_id=self._of_event("event_id"))

    @property
    def arrived(self) -> Any:
        return sa.type_coerce(self._of_event("occurred_at"), Instant())

    @property
    def occasion(self) -> Any:
        return self._of_event("id")

    @property
    def has_more_to_say(self) -> Any:
        """`stop` comes after the messages before it, as it does in the journey's own steps."""
        waits = sa.exists().where(
            s.enrolment_id == e.id, s.occasion == self.occasion, s.state.in_(("queued", "reserved", "claimed"))
        )
        return waits.correlate_except(sends)

    def go(self, connection: Connection, which: Any, target: str | None) -> int:
        values: dict[str, Any] = {"step": self.pin.number(target)} | ({} if target else {"state": "done"})
        mine = o.enrolment_id.in_(sa.select(e.id).where(which))
        update = sa.update(occasions).where(mine, self._acting(o), o.step == self.pin.number(self.step.key))
        return connection.execute(update.values(values)).rowcount

    def end(self, connection: Connection, which: Any) -> None:
        self.go(connection, which, None)

    def _acting(self, columns: Any) -> Any:
        return sa.and_(columns.whenever == self.pin.number(self.whenever.id), columns.state == "acting")

    def _of_event(self, column: str) -> Any:
        k = other(occasions)
        query = sa.select(k.c[column]).where(k.c.enrolment_id == e.id, self._acting(k.c))
        return query.correlate_except(k).scalar_subquery()


def stand_at(shop: Shop, pin: Pinned, step: Step, world: World, horizon: datetime, wall: Clock = system_clock) -> Stand:
    """The stand of any step of the plan."""
    for each in pin.plan.whenever:
        if step.key in each.keys:
            return Aside(shop, pin, step, world, horizon, wall, whenever=each)
    return Stand(shop, pin, step, world, horizon, wall)
