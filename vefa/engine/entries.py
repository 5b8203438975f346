"""Who enters: candidates of every kind of trigger, then one way in for all of them (rules 3, 4, 8, 11).

Candidates are staged in a temporary table inside the transaction that enters them, so audience, re-entry and
holdout are written once for all triggers, in sets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from vefa.crm.conditions import compile_condition
from vefa.crm.identity import PRIME, chance
from vefa.crm.scope import Scope, World
from vefa.crm.tables import customers
from vefa.database import Id, Instant, other
from vefa.engine.plans import JourneyRow, Pinned, elapsed
from vefa.engine.tables import enrolments, reentry_slots

#: A tick looks this far behind the last one, longer than any write transaction lasts (rule 3).
OVERLAP = timedelta(hours=1)
#: Live, what is older than this enters nobody (rule 4).
MAX_AGE = timedelta(days=3)
#: Candidates per transaction, so that none lasts long (rule 19).
BATCH = 5_000

_staging = sa.MetaData()
candidates = sa.Table(
    "entry_candidates",
    _staging,
    sa.Column("customer_id", Id, nullable=False),
    sa.Column("entry_key", sa.BigInteger, nullable=False),
    sa.Column("entered_at", Instant, nullable=False),
    sa.Column("object_kind", sa.Text),
    sa.Column("object_id", Id),
    sa.Column("order_id", Id),
    sa.Column("trigger_date", sa.Date),
    sa.Column("event_id", Id),
    sa.Column("outcome", sa.Text),
    prefixes=["TEMPORARY"],
)
COLUMNS = ("customer_id", "entry_key", "entered_at", "object_kind", "object_id", "order_id", "trigger_date", "event_id")


@dataclass(frozen=True)
class Doorway:
    """One journey's way in, at one moment."""

    engine: Engine
    row: JourneyRow
    pin: Pinned
    world: World

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def horizon(self) -> datetime:
        """From where on this tick looks again."""
        since = self.row.last_tick_at or self.row.entry_from or self.now
        return since - OVERLAP

    @property
    def oldest(self) -> datetime:
        """What happened before this enters nobody."""
        backfill = elapsed(self.pin.plan.backfill) if self.pin.plan.backfill else timedelta(0)
        too_old = self.now - max(MAX_AGE, backfill)
        return max(too_old, self.row.entry_from or self.now)


@dataclass
class EntryCounts:
    """What became of the candidates of a tick."""

    entered: int = 0
    holdout: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    left: int = 0

    def add(self, outcomes: dict[str, int]) -> None:
        """Count outcomes by name."""
        for outcome, count in outcomes.items():
            if outcome == "entered":
                self.entered += count
            elif outcome == "holdout":
                self.holdout += count
            else:
                self.refused[outcome] += count


def insert_ignore(connection: Connection, table: sa.Table) -> Any:
    """An INSERT of this database that can say ON CONFLICT."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def stage(connection: Connection, rows: sa.Select[Any]) -> int:
    """Put the candidates that `rows` selects (in the order of COLUMNS) into an empty staging table."""
    connection.execute(sa.schema.CreateTable(candidates, if_not_exists=True))
    connection.execute(sa.delete(candidates))
    insert = sa.insert(candidates).from_select(COLUMNS, rows)
    return connection.execute(insert, execution_options={"preserve_rowcount": True}).rowcount


def candidate_scope(door: Doorway) -> Scope:
    """A staged candidate's surroundings. An audience asks about the customer, so `happened` means ever."""
    c = candidates.c
    kind = getattr(door.pin.plan.trigger, "object_kind", None)
    return Scope(door.world, c.customer_id, object_kind=kind, object_id=c.object_id, order_id=c.order_id)


def enter_staged(connection: Connection, door: Doorway, *, sent_on: bool = False) -> dict[str, int]:
    """Enter whom the journey takes of the staged candidates; every one gets an outcome. Counts by outcome.

    Whom another journey sends on is never too old: the sender decides now, however late its tick.
    """
    c = candidates.c
    _judge(connection, door, sent_on)
    if door.pin.plan.reentry is not None:
        _take_slots(connection, door)
    held = sa.and_(c.outcome.is_(None), in_holdout(door.pin, _bucket(c.customer_id)))
    connection.execute(sa.update(candidates).where(held).values(outcome="holdout"))
    connection.execute(sa.update(candidates).where(c.outcome.is_(None)).values(outcome="entered"))
    connection.execute(_enrol(connection, door))
    counts = connection.execute(sa.select(c.outcome, sa.func.count().label("n")).group_by(c.outcome))
    return {row.outcome: row.n for row in counts}


def _judge(connection: Connection, door: Doorway, sent_on: bool) -> None:
    c, scope = candidates.c, candidate_scope(door)
    trigger = door.pin.plan.trigger
    again = sa.exists().where(
        enrolments.c.journey_id == door.row.id,
        enrolments.c.customer_id == c.customer_id,
        enrolments.c.entry_key == c.entry_key,
    )
    where = compile_condition(trigger.where, scope) if trigger.kind == "event" else sa.true()
    aged = (
        (c.entered_at < (door.row.entry_from or door.now), "before it was live"),
        (c.entered_at < door.oldest, "too old"),
    )
    outcome = sa.case(
        *(() if sent_on else aged),
        (again, "already inside once"),
        (sa.not_(where), "where"),
        (sa.not_(compile_condition(door.pin.plan.audience, scope)), "audience"),
        else_=None,
    )
    connection.execute(sa.update(candidates).values(outcome=outcome))
    connection.execute(_told_twice())


def _told_twice() -> Any:
    """Of several events about one object the earliest enters; the staging table knows nothing of the others."""
    c, sooner = candidates.c, candidates.alias("sooner")
    earlier = sa.exists().where(
        sooner.c.customer_id == c.customer_id,
        sooner.c.entry_key == c.entry_key,
        sooner.c.outcome.is_(None),
        sa.or_(
            sooner.c.entered_at < c.entered_at,
            sa.and_(sooner.c.entered_at == c.entered_at, sooner.c.event_id < c.event_id),
        ),
    )
    update = sa.update(candidates).where(c.outcome.is_(None), earlier.correlate_except(sooner))
    return update.values(outcome="already inside once")


def _bucket(customer_id: Any) -> Any:
    c = other(customers)
    return sa.select(c.c.bucket).where(c.c.id == customer_id).correlate_except(c).scalar_subquery()


def in_holdout(pin: Pinned, bucket: Any) -> Any:
    """Whether the draw puts a customer among those who are measured and never written to."""
    if not pin.plan.holdout:
        return sa.false()
    a, b = chance("holdout", pin.plan.journey)
    return (bucket * a + b) % PRIME < pin.plan.holdout * PRIME // 10_000


def _take_slots(connection: Connection, door: Doorway) -> None:
    """Re-entry over time: one slot a customer, taken in the order of time; who comes too soon is refused (rule 8)."""
    c, reentry = candidates.c, door.pin.plan.reentry
    after = elapsed(reentry.after) if reentry and reentry.after else None
    step = None if after is None else int(after.total_seconds() * 1_000_000)
    next_at = sa.cast(sa.null(), sa.BigInteger) if step is None else sa.type_coerce(c.entered_at, sa.BigInteger) + step
    slot = reentry_slots.c
    while connection.scalar(sa.select(sa.exists().where(c.outcome.is_(None)))):
        rank = sa.func.row_number().over(partition_by=c.customer_id, order_by=(c.entered_at, c.entry_key))
        ranked = sa.select(c.customer_id, c.entry_key, next_at.label("next_at"), rank.label("rank"))
        first = ranked.where(c.outcome.is_(None)).subquery()
        rows = sa.select(sa.literal(door.row.id), first.c.customer_id, first.c.entry_key, first.c.next_at)
        # SQLite reads ON CONFLICT after a SELECT without WHERE as a join; `rank = 1` is one anyway.
        insert = insert_ignore(connection, reentry_slots).from_select(
            ["journey_id", "customer_id", "entry_key", "next_at"], rows.where(first.c.rank == 1)
        )
        free = sa.false() if step is None else slot.next_at <= insert.excluded.next_at - step
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=[slot.journey_id, slot.customer_id],
                set_={"entry_key": insert.excluded.entry_key, "next_at": insert.excluded.next_at},
                where=free,
            )
        )
        _mark_slots(connection, door, first)


def _mark_slots(connection: Connection, door: Doorway, first: Any) -> None:
    c, slot = candidates.c, reentry_slots.c
    holds = sa.exists().where(
        slot.journey_id == door.row.id, slot.customer_id == c.customer_id, slot.entry_key == c.entry_key
    )
    tried = sa.exists().where(first.c.customer_id == c.customer_id, first.c.entry_key == c.entry_key, first.c.rank == 1)
    held = sa.case((sa.and_(holds, in_holdout(door.pin, _bucket(c.customer_id))), "holdout"), (holds, "entered"))
    connection.execute(
        sa.update(candidates).where(c.outcome.is_(None), tried).values(outcome=sa.func.coalesce(held, "re-entry"))
    )


def _enrol(connection: Connection, door: Doorway) -> Any:
    """The INSERT of all staged candidates that came through. The unique key has the last word (rule 8)."""
    c, first = candidates.c, door.pin.number(door.pin.plan.first)
    held = c.outcome == "holdout"
    ended = sa.or_(held, sa.literal(first is None))
    state = sa.case((held, "holdout"), (sa.literal(first is None), "finished"), else_="active")
    values = {
        "journey_id": sa.literal(door.row.id),
        "customer_id": c.customer_id,
        "entry_key": c.entry_key,
        "plan_id": sa.literal(door.pin.id),
        "entered_at": c.entered_at,
        "enrolled_at": sa.literal(door.now, Instant()),
        "object_kind": c.object_kind,
        "object_id": c.object_id,
        "order_id": c.order_id,
        "trigger_date": c.trigger_date,
        "state": state,
        "left_at": sa.case((ended, c.entered_at)),
        "step": sa.case((sa.not_(ended), sa.literal(first, sa.BigInteger))),
        "phase": sa.literal(0),
        "arrived_at": c.entered_at,
        "due_at": sa.case((sa.not_(ended), c.entered_at)),
    }
    rows = sa.select(*values.values()).where(c.outcome.in_(("entered", "holdout")))
    rows = rows.order_by(c.entered_at, c.customer_id)
    return insert_ignore(connection, enrolments).from_select(list(values), rows).on_conflict_do_nothing()
