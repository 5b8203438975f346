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
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from vefa.database import among, writing
from vefa.ledger.tables import batches, send_history, sends

#: How long a worker may hold what it reserved, and what it claimed, before others take it for dead (wall clock).
LEASE = timedelta(minutes=10)
#: A transactional message in doubt goes once more, but not before the provider had this long to tell (rule 14).
LOOK_UP = timedelta(hours=1)
#: A message in doubt holds its customer this long at most (rule 15).
HOLD = timedelta(hours=24)

s = sends.c


@dataclass(frozen=True)
class Batch:
    """Messages reserved for one worker."""

    id: int
    owner: str
    sends: tuple[int, ...]


@dataclass(frozen=True)
class Claimed:
    """One message that goes out now: its number, its attempt and the medium chosen for it."""

    send_id: int
    attempt: int
    medium: str

    @property
    def ref(self) -> str:
        """What goes over the wire and comes back in the provider's events."""
        return f"{self.send_id}.{self.attempt}"


def queue(connection: Connection, columns: Sequence[str], rows: sa.Select[Any]) -> int:
    """Put messages into the ledger; who has one for that step already gets no second (rule 8). Returns how many."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(sends).from_select(list(columns), rows)
    return connection.execute(insert.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}).rowcount


def reserve(
    engine: Engine, which: Any, journey_id: int, owner: str, now: datetime, wall: datetime, limit: int
) -> Batch | None:
    """Lease up to `limit` queued messages that `which` (over `sends`) chooses; None when there are none."""
    chosen = (
        sa.select(s.id)
        .where(which, s.state == "queued", s.not_before <= now)
        .order_by(s.not_before, s.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=sends)
        # PostgreSQL would run a sub-query of the UPDATE again and again, each time for as many rows as the limit says.
        .cte("chosen")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    with writing(engine) as connection:
        row = {"owner": owner, "journey_id": journey_id, "reserved_at": wall}
        batch_id = int(connection.execute(sa.insert(batches).values(row)).inserted_primary_key[0])  # type: ignore[index]  # one row
        reserved = sa.update(sends).where(s.id.in_(sa.select(chosen.c.id)), s.state == "queued")
        reserved = reserved.values(state="reserved", batch_id=batch_id, lease_until=wall + LEASE)
        ids = tuple(sorted(connection.scalars(reserved.returning(s.id))))
        if not ids:
            connection.execute(sa.delete(batches).where(batches.c.id == batch_id))
            return None
    return Batch(batch_id, owner, ids)


def claim(
    connection: Connection, batch: Batch, media: Mapping[int, str], now: datetime, wall: datetime
) -> tuple[Claimed, ...]:
    """Make reserved messages ours to send, in the caller's transaction; those lost to an expired lease are left out.

    After the commit each of them may have reached the provider: whoever dies from here on leaves `unknown`.
    """
    claimed = []
    for medium in sorted(set(media.values())):
        ids = [send_id for send_id, chosen in media.items() if chosen == medium]
        update = (
            sa.update(sends)
            .where(among(s.id, ids), s.batch_id == batch.id, s.state == "reserved")
            .values(state="claimed", medium=medium, attempt=s.attempt + 1, claimed_at=now, lease_until=wall + LEASE)
            .returning(s.id, s.attempt)
        )
        claimed += [Claimed(send_id, attempt, medium) for send_id, attempt in connection.execute(update)]
    connection.execute(sa.update(batches).where(batches.c.id == batch.id).values(claimed_at=wall))
    return tuple(sorted(claimed, key=lambda one: one.send_id))


def leased(engine: Engine, some_died: bool, wall: datetime) -> bool:
    """Whether there is anything that `recover` would take back."""
    held = sa.and_(s.state.in_(("reserved", "claimed")), sa.true() if some_died else s.lease_until < wall)
    with engine.connect() as connection:
        return bool(connection.scalar(sa.select(sa.exists().where(held))))


def recover(engine: Engine, now: datetime, wall: datetime, dead_owner: str | None = None) -> tuple[int, int]:
    """Take back what dead workers held: reserved → queued, claimed → unknown. Returns both counts.

    Leases that ran out are dead; so is everything of `dead_owner`, whose process is known to be gone.
    """
    dead = s.lease_until < wall
    if dead_owner is not None:
        theirs = sa.select(batches.c.id).where(batches.c.owner == dead_owner, batches.c.settled_at.is_(None))
        dead = sa.or_(dead, s.batch_id.in_(theirs))
    with writing(engine) as connection:
        lost = sa.and_(s.state == "claimed", dead)
        note(connection, lost, now, "unknown", "the sending process ended before the answer was written down")
        unknown = connection.execute(
            sa.update(sends)
            .where(lost)
            .values(state="unknown", reason="interrupted", doubts=s.doubts + 1, lease_until=None)
        ).rowcount
        back = sa.update(sends).where(s.state == "reserved", dead)
        returned = connection.execute(back.values(state="queued", batch_id=None, lease_until=None)).rowcount
    return returned, unknown


def ended(state: str, reason: str | None) -> dict[str, Any]:
    """The values that end a message as skipped or failed. One of whose attempts may have reached the provider stays
    in doubt: what a later attempt met does not undo the first one."""
    doubtful = s.doubts > 0
    told = f"in doubt; not sent again: {reason or state}"
    return {
        "state": sa.case((doubtful, "unknown"), else_=state),
        "reason": sa.case((doubtful, sa.literal(told)), else_=sa.literal(reason, sa.Text())),
        "lease_until": None,
    }


def second_attempts(connection: Connection, which: Any, now: datetime) -> int:
    """Queue once more, of those that `which` chooses, transactional messages in doubt after the look-up window.

    Commercial ones never go again (rule 14).
    """
    again = sa.and_(
        which,
        s.state == "unknown",
        s.purpose == "transactional",
        s.doubts < 2,
        s.claimed_at <= now - LOOK_UP,
        s.claimed_at > now - HOLD,
    )
    note(connection, again, now, "released", "in doubt; transactional messages go once more")
    update = sa.update(sends).where(again).values(state="queued", not_before=now, batch_id=None)
    return connection.execute(update).rowcount


def note(connection: Connection, which: Any, now: datetime, what: str, detail: str) -> None:
    """Write into the history of the messages that `which` chooses."""
    rows = sa.select(s.id, sa.literal(now, s.due_at.type), s.attempt, sa.literal(what), sa.literal(detail)).where(which)
    connection.execute(sa.insert(send_history).from_select(["send_id", "at", "attempt", "what", "detail"], rows))
