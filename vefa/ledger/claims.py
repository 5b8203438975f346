"""Queue, reserve, claim: the way of a message up to the moment before the provider is called (rules 13 to 16).

queued → reserved (leased to a worker, returnable) → claimed (committed just before the request). An expired
reservation goes back; an expired claim becomes `unknown`, never queued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import Instant, among, inserting, writing
from vefa.ledger.tables import batches, send_history, sends
from vefa.plan.steps import Medium

#: How long a worker may hold what it reserved, and what it claimed, before others take it for dead (wall clock).
LEASE = timedelta(minutes=10)
#: A transactional message in doubt goes once more, but not before the provider had this long to tell (rule 14).
LOOK_UP = timedelta(hours=1)
#: A message in doubt holds its customer this long at most (rule 15).
HOLD = timedelta(hours=24)
#: Messages that are queued, reserved, claimed and settled together: the most recipients that one request takes.
BATCH = 1000

s = sends.c


@dataclass(frozen=True)
class Place:
    """The message step of a plan that a batch belongs to; `step` is the number of its key."""

    journey_id: int
    plan_id: int
    step: int


@dataclass(frozen=True)
class Batch:
    """Messages reserved for one worker, about so many. Its number is leased once, so it fences what it settles."""

    id: int
    owner: str
    size: int


@dataclass(frozen=True)
class Former:
    """Who worked at a journey before, and does no more; perhaps at another."""

    owner: str
    journey_id: int


@dataclass(frozen=True)
class Marks:
    """What a claim writes into its messages: the medium, and the words that go."""

    medium: Medium
    template_hash: str | None = None
    locale: str | None = None


@dataclass(frozen=True)
class Remark:
    """Something to tell of a message: what, and why."""

    send_id: int
    attempt: int
    what: str
    detail: str


def unclaimed(batch: Batch) -> Any:
    """Over `sends`: reserved in the batch. Messages that were queued as a batch stay `queued` while it is leased."""
    return sa.and_(s.batch_id == batch.id, s.state.in_(("queued", "reserved")))


def ref(send_id: int, attempt: int) -> str:
    """What goes over the wire and comes back in the provider's events."""
    return f"{send_id}.{attempt}"


def queue(connection: Connection, place: Place, columns: Mapping[str, Any], which: Any) -> int:
    """Put messages into the ledger as one batch, in the caller's transaction. Returns how many.

    `columns` are expressions over `enrolments`, of which `which` chooses at most BATCH. Who has a message for that
    step already gets no second (rule 8).
    """
    row = {"journey_id": place.journey_id, "plan_id": place.plan_id, "step": place.step, "size": 0}
    batch_id = _new_batch(connection, row)
    values = {**columns, "state": sa.literal("queued"), "batch_id": sa.literal(batch_id, sa.BigInteger)}
    insert = inserting(connection, sends).from_select(list(values), sa.select(*values.values()).where(which))
    count = connection.execute(insert.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}).rowcount
    mine = batches.c.id == batch_id
    connection.execute(sa.update(batches).where(mine).values(size=count) if count else sa.delete(batches).where(mine))
    return count


def _new_batch(connection: Connection, row: Mapping[str, Any]) -> int:
    return int(connection.execute(sa.insert(batches).values(row).returning(batches.c.id)).scalar_one())


def reserve(
    engine: Engine, which: Any, place: Place, owner: str, now: datetime, wall: datetime, limit: int
) -> Batch | None:
    """Lease a batch of queued messages; None when there are none.

    First those that were queued as a batch; then up to `limit` of the others (put off, given back) that `which` (over
    `sends`) chooses.
    """
    with writing(engine) as connection:
        return _lease(connection, place, owner, wall) or _gather(connection, which, place, owner, now, wall, limit)


def _lease(connection: Connection, place: Place, owner: str, wall: datetime) -> Batch | None:
    b = batches.c
    here = sa.and_(b.journey_id == place.journey_id, b.plan_id == place.plan_id, b.step == place.step)
    free = sa.select(b.id).where(here, b.settled_at.is_(None), b.owner.is_(None)).order_by(b.id).limit(1)
    # PostgreSQL would run a sub-query of the UPDATE again for every row; a CTE is run once.
    chosen = free.with_for_update(skip_locked=True).cte("chosen").prefix_with("MATERIALIZED", dialect="postgresql")
    take = sa.update(batches).where(b.id.in_(sa.select(chosen.c.id)), b.owner.is_(None))
    take = take.values(owner=owner, reserved_at=wall, lease_until=wall + LEASE)
    row = connection.execute(take.returning(b.id, b.size)).one_or_none()
    return None if row is None else Batch(row.id, owner, row.size)


def _gather(
    connection: Connection, which: Any, place: Place, owner: str, now: datetime, wall: datetime, limit: int
) -> Batch | None:
    loose = sa.and_(s.journey_id == place.journey_id, s.state == "queued", s.batch_id.is_(None))
    chosen = (
        sa.select(s.id)
        .where(which, loose, s.not_before <= now)
        .order_by(s.not_before, s.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=sends)
        .cte("chosen")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    if connection.scalar(sa.select(s.id).where(which, loose, s.not_before <= now).limit(1)) is None:
        return None
    row = {"journey_id": place.journey_id, "plan_id": place.plan_id, "step": place.step, "size": 0}
    batch_id = _new_batch(connection, row | {"owner": owner, "reserved_at": wall, "lease_until": wall + LEASE})
    reserved = sa.update(sends).where(s.id.in_(sa.select(chosen.c.id)), loose)
    count = connection.execute(reserved.values(state="reserved", batch_id=batch_id)).rowcount
    mine = batches.c.id == batch_id
    connection.execute(sa.update(batches).where(mine).values(size=count) if count else sa.delete(batches).where(mine))
    return Batch(batch_id, owner, count) if count else None


def claim(connection: Connection, batch: Batch, groups: Mapping[Marks, Sequence[int]], now: datetime) -> dict[int, int]:
    """Make reserved messages ours to send, in the transaction that holds the batch: their attempts by number.

    After the commit each of them may have reached the provider: whoever
    dies from here on leaves `unknown`.
    """
    attempts: dict[int, int] = {}
    for marks, ids in groups.items():
        given = {"ids": ids, "batch": batch.id, "now": now, "medium": marks.medium}
        words = {"hash": marks.template_hash, "words_in": marks.locale}
        attempts.update(connection.execute(_CLAIM, given | words).tuples().all())
    return attempts


def hold(connection: Connection, batch: Batch, wall: datetime) -> bool:
    """Renew the batch's lease, and let nobody else take it back until the transaction ends; False where it is lost."""
    mine = sa.and_(batches.c.id == batch.id, batches.c.settled_at.is_(None))
    renewed = sa.update(batches).where(mine).values(claimed_at=wall, lease_until=wall + LEASE)
    return connection.execute(renewed).rowcount == 1


_CLAIM = (
    sa.update(sends)
    .where(among(s.id, "ids", s.batch_id == sa.bindparam("batch"), s.state.in_(("queued", "reserved"))))
    .values(
        state="claimed",
        medium=sa.bindparam("medium"),
        attempt=s.attempt + 1,
        claimed_at=sa.bindparam("now", type_=Instant()),
        template_hash=sa.bindparam("hash"),
        locale=sa.bindparam("words_in"),
    )
    .returning(s.id, s.attempt)
)


def _dead(wall: datetime, former: Former | None) -> Any:
    """Over `batches`: leased and not done, and the worker is gone: its lease ran out, or another has its journey."""
    b = batches.c
    gone = b.lease_until < wall
    if former is not None:
        gone = sa.or_(gone, sa.and_(b.owner == former.owner, b.journey_id == former.journey_id))
    return sa.and_(b.settled_at.is_(None), gone)


def leased(engine: Engine, wall: datetime, former: Former | None = None) -> bool:
    """Whether there is anything that `recover` would take back."""
    with engine.connect() as connection:
        return bool(connection.scalar(sa.select(sa.exists().where(_dead(wall, former)))))


def recover(engine: Engine, now: datetime, wall: datetime, former: Former | None = None) -> tuple[int, int]:
    """Take back what dead workers held: reserved → queued, claimed → unknown. Returns both counts.

    Leases that ran out are dead; so is what `former` held of its journey, which has another worker now.
    """
    with writing(engine) as connection:
        dead = list(connection.scalars(sa.select(batches.c.id).where(_dead(wall, former)).with_for_update()))
        lost = sa.and_(among(s.batch_id, dead), s.state == "claimed")
        note(connection, lost, now, "unknown", "the sending process ended before the answer was written down")
        doubted = {"state": "unknown", "reason": "interrupted", "doubts": s.doubts + 1}
        unknown = connection.execute(sa.update(sends).where(lost).values(doubted)).rowcount
        back = sa.update(sends).where(among(s.batch_id, dead), s.state.in_(("queued", "reserved")))
        returned = connection.execute(back.values(state="queued", batch_id=None)).rowcount
        connection.execute(sa.update(batches).where(among(batches.c.id, dead)).values(settled_at=wall))
    return returned, unknown


def dissolve(connection: Connection, journey_id: int, wall: datetime) -> None:
    """Let the messages of the journey's batches that nobody has leased stand for themselves again: who they are for
    may have gone over to another plan."""
    b = batches.c
    free = sa.select(b.id).where(b.journey_id == journey_id, b.settled_at.is_(None), b.owner.is_(None))
    ids = list(connection.scalars(free.with_for_update(skip_locked=True)))
    loose = sa.update(sends).where(among(s.batch_id, ids), s.state == "queued")
    connection.execute(loose.values(batch_id=None))
    connection.execute(sa.update(batches).where(among(b.id, ids)).values(settled_at=wall))


def ended(state: str, reason: str | None) -> dict[str, Any]:
    """The values that end a message as skipped or failed. One of whose attempts may have reached the provider stays
    in doubt: what a later attempt met does not undo the first one."""
    doubtful = s.doubts > 0
    told = f"in doubt; not sent again: {reason or state}"
    return {
        "state": sa.case((doubtful, "unknown"), else_=state),
        "reason": sa.case((doubtful, sa.literal(told)), else_=sa.literal(reason, sa.Text())),
    }


def second_attempts(connection: Connection, which: Any, now: datetime) -> int:
    """Queue once more, of those that `which` chooses, transactional messages in doubt after the look-up window.

    Commercial ones never go again (rule 14).
    """
    again = sa.and_(
        which,
        s.state == "unknown",
        s.doubts > 0,
        s.purpose == "transactional",
        s.doubts < 2,
        s.claimed_at <= now - LOOK_UP,
        s.claimed_at > now - HOLD,
    )
    note(connection, again, now, "released", "in doubt; transactional messages go once more")
    update = sa.update(sends).where(again).values(state="queued", not_before=now, batch_id=None)
    return connection.execute(update).rowcount


def remark(connection: Connection, remarks: Sequence[Remark], now: datetime) -> None:
    """Write into the messages' history what is told of each."""
    if remarks:
        connection.execute(sa.insert(send_history), [vars(each) | {"at": now} for each in remarks])


def note(connection: Connection, which: Any, now: datetime, what: str, detail: str) -> None:
    """Write into the history of the messages that `which` chooses."""
    rows = sa.select(s.id, sa.literal(now, s.due_at.type), s.attempt, sa.literal(what), sa.literal(detail)).where(which)
    connection.execute(sa.insert(send_history).from_select(["send_id", "at", "attempt", "what", "detail"], rows))
