"""Who enters: candidates of every kind of trigger, then one way in for all of them (rules 3, 4, 8, 11).

Candidates are judged by the statement that stages them in a temporary table, inside the transaction that enters them;
so audience, re-entry and holdout are written once for all triggers, and a batch is a handful of statements.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.conditions import compile_condition
from vefa.crm.identity import PRIME, chance
from vefa.crm.scope import Scope, World
from vefa.crm.tables import customers
from vefa.database import Id, Instant, among, inserting, other
from vefa.engine.movement import queue_messages
from vefa.engine.plans import JourneyRow, Pinned, elapsed
from vefa.engine.tables import enrolments, reentry_slots
from vefa.language.conditions import Everything
from vefa.ledger import claims
from vefa.plan.steps import Message

#: A tick looks this far behind the last one, longer than any write transaction lasts (rule 3).
OVERLAP = timedelta(hours=1)
#: Live, what is older than this enters nobody (rule 4).
MAX_AGE = timedelta(days=3)
#: Rows per transaction, so that none lasts long (rule 19).
BATCH = 5_000
#: Candidates per transaction: they are written by a handful of statements, at 5 to 8 microseconds each.
ENTER_BATCH = 15_000

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
    sa.Column("turn", sa.Integer, nullable=False, comment="of a customer's several candidates, in the order of time"),
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
    since: datetime | None = None

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def horizon(self) -> datetime:
        """From where on this tick looks again: what became known since then; a narrow one says it itself."""
        if self.since is not None:
            return self.since
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


def as_candidates(*values: Any) -> sa.Select[Any]:
    """The SELECT of these values, in the order of COLUMNS, under the names of the staging table."""
    return sa.select(*(value.label(name) for name, value in zip(COLUMNS, values, strict=True)))


def enter_candidates(
    connection: Connection, door: Doorway, rows: sa.Select[Any], *, sent_on: bool = False
) -> dict[str, int]:
    """Enter whom the journey takes of those whom `rows` selects (see `as_candidates`). Counts by outcome.

    Every candidate is staged with an outcome, so that the caller can write it down. Whom another journey sends on is
    never too old: the sender decides now, however late its tick.
    """
    connection.execute(sa.schema.CreateTable(candidates, if_not_exists=True))
    connection.execute(sa.delete(candidates))
    connection.execute(sa.insert(candidates).from_select((*COLUMNS, "outcome", "turn"), judged(door, rows, sent_on)))
    if door.pin.plan.reentry is not None:
        _take_slots(connection, door)
    _enrol(connection, door)
    c = candidates.c
    counts = connection.execute(sa.select(c.outcome, sa.func.count().label("n")).group_by(c.outcome))
    return {row.outcome: row.n for row in counts}


def judged(door: Doorway, rows: sa.Select[Any], sent_on: bool) -> sa.Select[Any]:
    """The candidates with what becomes of them, null where re-entry has yet to say, and whose turn it is then."""
    plan, given = door.pin.plan, rows.subquery("given")
    refused = sa.case(*_refusals(door, given.c, sent_on)).label("outcome")
    c = sa.select(*(given.c[name] for name in COLUMNS), refused).subquery("judged").c
    outcome: Any = c.outcome
    turn: Any = sa.literal(1, sa.Integer)
    if sent_on or plan.trigger.kind == "event":  # nothing else brings a customer several times at once
        # Of several events about one object the earliest enters; `enrolments` knows nothing of the others yet.
        earliest = (c.outcome.is_not(None), c.entered_at, c.event_id)
        place = sa.func.row_number().over(partition_by=(c.customer_id, c.entry_key), order_by=earliest)
        outcome = sa.case((c.outcome.is_not(None), c.outcome), (place > 1, "already inside once"))
        if plan.reentry is not None:
            in_time = (c.entered_at, c.entry_key)
            turn = sa.func.row_number().over(partition_by=c.customer_id, order_by=in_time)
    if plan.reentry is None:
        drawn = sa.case((in_holdout(door.pin, bucket_of(c.customer_id)), "holdout"), else_="entered")
        outcome = sa.func.coalesce(outcome, drawn)
    return sa.select(*(c[name] for name in COLUMNS), outcome.label("outcome"), turn)


def _refusals(door: Doorway, c: Any, sent_on: bool) -> list[tuple[Any, str]]:
    """Why a candidate does not come in, the first reason that holds; only what this plan can refuse for."""
    plan = door.pin.plan
    # An audience asks about the customer, so `happened` means ever.
    kind = getattr(plan.trigger, "object_kind", None)
    scope = Scope(door.world, c.customer_id, object_kind=kind, object_id=c.object_id, order_id=c.order_id)
    again = sa.exists().where(
        enrolments.c.journey_id == door.row.id,
        enrolments.c.customer_id == c.customer_id,
        enrolments.c.entry_key == c.entry_key,
    )
    found: list[tuple[Any, str]] = []
    if not sent_on:
        found += [
            (c.entered_at < (door.row.entry_from or door.now), "before it was live"),
            (c.entered_at < door.oldest, "too old"),
        ]
    found.append((again, "already inside once"))
    asked = [(plan.trigger.where, "where")] if plan.trigger.kind == "event" else []
    asked.append((plan.audience, "audience"))
    found += [
        (sa.not_(compile_condition(wanted, scope)), reason) for wanted, reason in asked if wanted != Everything(())
    ]
    return found


def bucket_of(customer_id: Any) -> Any:
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
    c = candidates.c
    turns = connection.scalar(sa.select(sa.func.max(c.turn)).where(c.outcome.is_(None))) or 0
    for turn in range(1, turns + 1):
        tries = sa.and_(c.outcome.is_(None), c.turn == turn)
        connection.execute(_slots_taken(connection, door, tries))
        connection.execute(_slots_told(door, tries))


def _slots_taken(connection: Connection, door: Doorway, tries: Any) -> Any:
    c, slot, reentry = candidates.c, reentry_slots.c, door.pin.plan.reentry
    after = elapsed(reentry.after) if reentry and reentry.after else None
    step = None if after is None else after // timedelta(microseconds=1)
    next_at = sa.cast(sa.null(), sa.BigInteger) if step is None else sa.type_coerce(c.entered_at, sa.BigInteger) + step
    rows = sa.select(sa.literal(door.row.id), c.customer_id, c.entry_key, next_at).where(tries)
    insert = inserting(connection, reentry_slots).from_select(
        ["journey_id", "customer_id", "entry_key", "next_at"], rows
    )
    free = sa.false() if step is None else slot.next_at <= insert.excluded.next_at - step
    return insert.on_conflict_do_update(
        index_elements=[slot.journey_id, slot.customer_id],
        set_={"entry_key": insert.excluded.entry_key, "next_at": insert.excluded.next_at},
        where=free,
    )


def _slots_told(door: Doorway, tries: Any) -> Any:
    """Who holds the slot comes in; all others of this turn are too soon."""
    c, slot = candidates.c, reentry_slots.c
    holds = sa.exists().where(
        slot.journey_id == door.row.id, slot.customer_id == c.customer_id, slot.entry_key == c.entry_key
    )
    outcome = sa.case(
        (sa.not_(holds), "re-entry"), (in_holdout(door.pin, bucket_of(c.customer_id)), "holdout"), else_="entered"
    )
    return sa.update(candidates).where(tries).values(outcome=outcome)


def _enrol(connection: Connection, door: Doorway) -> None:
    """Enter all staged candidates that came through. The unique key has the last word (rule 8).

    A message that nothing comes before is queued at once, which saves every row a second writing.
    """
    pin = door.pin
    first = pin.plan.step(pin.plan.first) if pin.plan.first is not None else None
    # Who may leave before it is first asked whether they do.
    exits = pin.plan.exits
    message = first if isinstance(first, Message) and not exits.on and exits.unless is None else None
    if message is not None and message.test is not None:
        message = None  # who is queued with what is the step's own work
    insert = _enrolling(connection, door, queued=message is not None)
    if message is None:
        connection.execute(insert)
        return
    rows = connection.execute(insert.returning(enrolments.c.id, enrolments.c.state))
    ids = [number for number, state in rows if state == "active"]
    for start in range(0, len(ids), claims.BATCH):
        queue_messages(connection, pin, message, among(enrolments.c.id, ids[start : start + claims.BATCH]))


def _enrolling(connection: Connection, door: Doorway, *, queued: bool) -> Any:
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
        "phase": sa.case((sa.not_(ended), int(queued)), else_=0),
        "arrived_at": c.entered_at,
        "due_at": sa.null() if queued else sa.case((sa.not_(ended), c.entered_at)),
    }
    rows = sa.select(*values.values()).where(c.outcome.in_(("entered", "holdout")))
    rows = rows.order_by(c.entered_at, c.customer_id)
    return inserting(connection, enrolments).from_select(list(values), rows).on_conflict_do_nothing()
