"""Plans in the database: pinned by enrolment, and what a change does to who is inside (rules 20 to 22)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import inserting
from vefa.engine.tables import OPEN, enrolments, journeys, occasions, plans, step_names
from vefa.engine.vanished import drop_vanished, vanished_messages
from vefa.errors import UserError
from vefa.language.conditions import Duration
from vefa.ledger.claims import dissolve
from vefa.ledger.claims import ended as ended_as
from vefa.ledger.tables import batches, sends
from vefa.plan.codec import dump, load, plan_hash
from vefa.plan.plans import Plan
from vefa.plan.steps import Step

OnChange = Literal["migrate", "finish_old", "exit"]
State = Literal["draft", "live", "paused", "closing", "gone"]


class PlanRefused(UserError):
    """A changed journey would leave people nowhere; the deploy must say what becomes of them."""


class UnknownJourney(UserError):
    """No journey of that name was ever stored."""


@dataclass(frozen=True)
class Stored:
    """What storing a plan did. `moved` and `ended` count the people inside whom the change touched."""

    journey: str
    hash: str
    is_new: bool
    changed: bool
    state: State
    moved: int = 0
    ended: int = 0


@dataclass(frozen=True)
class Pinned:
    """A stored plan with the numbers that stand for its step names in the database."""

    id: int
    journey_id: int
    plan: Plan
    hash: str
    numbers: dict[str, int]

    def number(self, name: str | None) -> int | None:
        """The number of a step's key or id."""
        return None if name is None else self.numbers[name]

    def at(self, number: int | None) -> Step | None:
        """The step whose key has that number."""
        return next((s for s in self.plan.steps if self.numbers[s.key] == number), None)


@dataclass(frozen=True)
class JourneyRow:
    """A journey's state, which the database alone decides (rule 22)."""

    id: int
    name: str
    state: State
    plan_id: int | None
    live_since: datetime | None
    entry_from: datetime | None
    last_tick_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None


_ROW = [journeys.c[name] for name in JourneyRow.__dataclass_fields__]


def journey_row(connection: Connection, name: str) -> JourneyRow:
    """The journey of that name. Raises UnknownJourney."""
    row = connection.execute(sa.select(*_ROW).where(journeys.c.name == name)).one_or_none()
    if row is None:
        raise UnknownJourney(f'No journey "{name}" is stored. Run `vefa deploy`, or `vefa run {name}`.')
    return JourneyRow(*row)


def elapsed(length: Duration) -> timedelta:
    """A duration where no customer's calendar is at hand: a day is 24 hours."""
    return timedelta(days=length.days, seconds=length.seconds)


def store_plan(
    connection: Connection, plan: Plan, now: datetime, on_change: OnChange | None = None, *, send_again: bool = False
) -> Stored:
    """Make `plan` the one that newcomers get, and settle what becomes of those inside an older one.

    Without `on_change`, people go on in the new plan where every occupied step still stands; otherwise PlanRefused
    says which steps are occupied, and nothing changes. `send_again`: a template they already had may go once more.
    """
    name_hash = plan_hash(plan)
    journey_id, old_plan, is_new = _held(connection, plan.journey)
    _name_steps(connection, journey_id, plan)
    plan_id = _plan_row(connection, journey_id, plan, name_hash, now)
    moved = ended = 0
    if old_plan is not None and old_plan != plan_id:
        moved, ended = _settle_those_inside(connection, plan, journey_id, plan_id, now, on_change, send_again)
        dissolve(connection, journey_id, now)
    connection.execute(sa.update(journeys).where(journeys.c.id == journey_id).values(plan_id=plan_id))
    state = _follow_file(connection, plan, now)
    return Stored(plan.journey, name_hash, is_new, old_plan != plan_id, state, moved, ended)


def _held(connection: Connection, name: str) -> tuple[int, int | None, bool]:
    """The journey's number and plan, and whether it is new. Nobody else stores a plan of it until the transaction
    ends: several runs and deploys may come at once."""
    query = sa.select(journeys.c.id, journeys.c.plan_id).where(journeys.c.name == name).with_for_update()
    if (row := connection.execute(query).one_or_none()) is not None:
        return row.id, row.plan_id, False
    insert = inserting(connection, journeys).values(name=name, state="draft").on_conflict_do_nothing()
    made = connection.execute(insert.returning(journeys.c.id)).one_or_none()
    row = connection.execute(query).one()
    return row.id, row.plan_id, made is not None


def _name_steps(connection: Connection, journey_id: int, plan: Plan) -> None:
    wanted = dict.fromkeys(name for step in plan.steps for name in (step.key, step.id))
    wanted |= dict.fromkeys(each.id for each in plan.whenever)
    have = set(connection.scalars(sa.select(step_names.c.name).where(step_names.c.journey_id == journey_id)))
    rows = [{"journey_id": journey_id, "name": name} for name in wanted if name not in have]
    if rows:
        connection.execute(sa.insert(step_names), rows)


def _plan_row(connection: Connection, journey_id: int, plan: Plan, name_hash: str, now: datetime) -> int:
    query = sa.select(plans.c.id).where(plans.c.journey_id == journey_id, plans.c.hash == name_hash)
    if (found := connection.scalar(query)) is not None:
        return int(found)
    row = {"journey_id": journey_id, "hash": name_hash, "body": dump(plan), "stored_at": now}
    return int(connection.execute(sa.insert(plans).values(row).returning(plans.c.id)).scalar_one())


def _settle_those_inside(
    connection: Connection,
    plan: Plan,
    journey_id: int,
    plan_id: int,
    now: datetime,
    on_change: OnChange | None,
    send_again: bool,
) -> tuple[int, int]:
    inside = sa.and_(enrolments.c.journey_id == journey_id, enrolments.c.state == "active")
    elsewhere = sa.and_(inside, enrolments.c.plan_id != plan_id)
    gone = _vanished(connection, plan, elsewhere)
    if gone and on_change is None:
        steps = ", ".join(f'"{name}" ({count})' for name, count in gone.items())
        raise PlanRefused(
            f'{plan.journey}: customers stand at steps that are no longer there: {steps}. Deploy with "--on-change '
            'finish_old" (they finish the old version), "migrate" (they leave, the rest go on) or "exit".'
        )
    if on_change == "finish_old":
        return 0, 0
    ended = 0
    if on_change == "exit":
        ended = leave(connection, elsewhere, now, "the journey changed", at_once=True)
    elif gone:
        kept = sa.select(step_names.c.id).where(
            step_names.c.journey_id == journey_id, step_names.c.name.in_([s.key for s in plan.steps])
        )
        lost = sa.and_(elsewhere, enrolments.c.step.not_in(kept))
        ended = leave(connection, lost, now, "their step was removed", at_once=True)
        drop_vanished(connection, plan, journey_id, elsewhere, now)
    if send_again:
        mine = sa.select(enrolments.c.id).where(elsewhere)
        connection.execute(sa.update(sends).where(sends.c.enrolment_id.in_(mine)).values(plan_id=plan_id))
    moved = connection.execute(sa.update(enrolments).where(elsewhere).values(plan_id=plan_id)).rowcount
    return moved, ended


def _vanished(connection: Connection, plan: Plan, elsewhere: Any) -> dict[str, int]:
    """Occupied steps that the new plan lacks, with how many stand there."""
    query = (
        sa.select(step_names.c.name, sa.func.count())
        .join_from(enrolments, step_names, step_names.c.id == enrolments.c.step)
        .where(elsewhere)
        .group_by(step_names.c.name)
    )
    gone = {name: count for name, count in connection.execute(query) if name not in plan.by_key}
    return gone | vanished_messages(connection, plan, elsewhere)


def leave(connection: Connection, which: Any, now: datetime, reason: str, *, at_once: bool = False) -> int:
    """End the enrolments that `which` (over `enrolments`) chooses, and skip what was queued for them.

    Who has a message under way, or one whose fate is not known, stays until that is settled (rule 16); `at_once`
    ends them too, where there will be no later: the ledger's row is settled without them.
    """
    busy = sa.false() if at_once else busy_with_a_message(now)
    chosen = sa.select(enrolments.c.id).where(which, enrolments.c.state == "active", sa.not_(busy))
    o = occasions.c
    open_yet = sa.and_(o.enrolment_id.in_(chosen), o.state.in_(OPEN))
    connection.execute(sa.update(occasions).where(open_yet).values(state="left", step=None))
    queued = sa.and_(sends.c.enrolment_id.in_(chosen), sends.c.state.in_(("queued", "reserved")))
    values = ended_as("skipped", f"left: {reason}") | {"settled_at": now}
    connection.execute(sa.update(sends).where(queued).values(values))
    gone = sa.update(enrolments).where(which, enrolments.c.state == "active", sa.not_(busy))
    return connection.execute(gone.values(state="left", reason=reason, left_at=now, due_at=None)).rowcount


def busy_with_a_message(now: datetime) -> sa.ColumnElement[bool]:
    """Over `enrolments`: a message of theirs is under way, or holds them because nobody knows what became of it."""
    e, s = enrolments.c, sends.c
    held = sa.and_(s.state == "unknown", s.occasion == 0, e.phase == 1, e.due_at > now)
    return sa.exists().where(s.enrolment_id == e.id, sa.or_(s.state == "claimed", held))


def _follow_file(connection: Connection, plan: Plan, now: datetime) -> State:
    """Take over the file's status where the file changed it; else a pause by hand stays."""
    row = connection.execute(sa.select(journeys).where(journeys.c.name == plan.journey)).one()
    if row.file_status != plan.status:
        connection.execute(sa.update(journeys).where(journeys.c.id == row.id).values(file_status=plan.status))
        set_state(connection, plan.journey, plan.status, now, backfill=plan.backfill)
        return plan.status
    state: State = row.state
    if state == "gone":  # the file has come back
        set_state(connection, plan.journey, plan.status, now)
        return plan.status
    return state


def set_state(
    connection: Connection, journey: str, state: State, now: datetime, *, backfill: Duration | None = None
) -> None:
    """Change a journey's state. Going live for the first time fixes what is too old to enter (rule 4); resuming lets
    in only what comes from now on (rule 22); `gone` ends everybody inside."""
    row = journey_row(connection, journey)
    values: dict[str, Any] = {"state": state}
    if state == "live" and row.state != "live":
        if row.live_since is None:
            values |= {"live_since": now, "entry_from": now - elapsed(backfill or Duration())}
        else:
            values["entry_from"] = max(now - elapsed(_backfill(connection, row)), row.entry_from or now)
    connection.execute(sa.update(journeys).where(journeys.c.id == row.id).values(values))
    if state == "gone":
        leave(connection, enrolments.c.journey_id == row.id, now, "the journey was removed", at_once=True)


def _backfill(connection: Connection, row: JourneyRow) -> Duration:
    """How far back the plan in force reaches: so far, events of a pause enter when it ends (rule 22)."""
    plan = None if row.plan_id is None else pinned(connection, row.plan_id).plan
    return (plan and plan.backfill) or Duration()


def pinned(connection: Connection, plan_id: int) -> Pinned:
    """The stored plan of that number."""
    row = connection.execute(sa.select(plans).where(plans.c.id == plan_id)).one()
    names = sa.select(step_names.c.name, step_names.c.id).where(step_names.c.journey_id == row.journey_id)
    numbers = {row.name: row.id for row in connection.execute(names)}
    return Pinned(row.id, row.journey_id, _parsed(row.body), row.hash, numbers)


@lru_cache(maxsize=256)
def _parsed(body: str) -> Plan:
    return load(body)


def plans_measured(connection: Connection, row: JourneyRow, besides: tuple[Pinned, ...]) -> tuple[Pinned, ...]:
    """Plans that nobody stands in any more, but whose finished and held-out people may still reach the goal."""
    e = enrolments.c
    older = sa.select(plans.c.id).where(plans.c.journey_id == row.id, plans.c.id.not_in([pin.id for pin in besides]))
    numbers = list(connection.scalars(older.order_by(plans.c.id)))
    found = tuple(pin for pin in (pinned(connection, number) for number in numbers) if pin.plan.goal is not None)
    if not found:
        return ()
    open_still = sa.and_(e.journey_id == row.id, e.goal_at.is_(None))
    return tuple(pin for pin in found if _holds(connection, pin.id, open_still))


def _holds(connection: Connection, plan_id: int, which: Any) -> bool:
    """Whether the plan has anybody of that kind; the first one found is enough."""
    return bool(connection.scalar(sa.select(sa.exists().where(enrolments.c.plan_id == plan_id, which))))


def _in_use(connection: Connection, journey_id: int, plan_id: int) -> bool:
    """Whether the plan still holds somebody, or messages of its `whenever` still wait for people who have finished."""
    e, s, b, o = enrolments.c, sends.c, batches.c, occasions.c
    open_yet = sa.and_(o.journey_id == journey_id, o.state.in_(OPEN), o.enrolment_id == e.id)
    loose = sa.and_(s.journey_id == journey_id, s.plan_id == plan_id, s.occasion != 0)
    looks = (
        sa.exists().where(e.plan_id == plan_id, e.state == "active"),
        sa.exists().where(open_yet, e.plan_id == plan_id),
        sa.exists().where(loose, s.state == "queued", s.batch_id.is_(None)),
        sa.exists().where(b.journey_id == journey_id, b.plan_id == plan_id, b.settled_at.is_(None)),
    )
    return bool(connection.scalar(sa.select(sa.or_(*looks))))


def plans_in_use(connection: Connection, row: JourneyRow) -> tuple[Pinned, ...]:
    """The current plan first, then older ones that still hold somebody."""
    older = sa.select(plans.c.id).where(plans.c.journey_id == row.id, plans.c.id.is_distinct_from(row.plan_id))
    numbers = list(connection.scalars(older.order_by(plans.c.id.desc())))
    held = [number for number in numbers if _in_use(connection, row.id, number)]
    first = [] if row.plan_id is None else [row.plan_id]
    return tuple(pinned(connection, number) for number in (*first, *held))
