"""What became of a message: written once, by whoever holds it, and by nobody else (rule 13).

Every settlement is fenced by batch and attempt: a worker that was taken for dead and comes back changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import among, inserting
from vefa.ledger.claims import Batch, ended, unclaimed
from vefa.ledger.tables import batches, breakers, send_history, sends

s = sends.c


@dataclass(frozen=True)
class End:
    """What became of messages: `state` is sent, skipped, failed or unknown; `detail` goes into their history."""

    state: str
    reason: str | None = None
    detail: str = ""
    provider_id: str | None = None


@dataclass(frozen=True)
class Deferral:
    """A message put off until a moment, and dropped after another."""

    send_id: int
    until: datetime
    expires: datetime | None
    reason: str


def settle(
    connection: Connection, batch: Batch, ends: Mapping[End, Sequence[int]], attempts: Mapping[int, int], now: datetime
) -> set[int]:
    """Write down what became of claimed messages (ids by end). Returns those that were ours to settle."""
    ours: set[int] = set()
    for end, group in ends.items():
        for attempt, ids in _by_attempt(group, attempts).items():
            mine = among(s.id, ids, s.batch_id == batch.id, s.attempt == attempt, s.state == "claimed")
            changed = connection.execute(sa.update(sends).where(mine).values(_values(end, now))).rowcount
            if changed == len(ids):
                ours.update(ids)
            elif changed:
                done = among(s.id, ids, s.batch_id == batch.id, s.attempt == attempt, s.settled_at == now)
                ours.update(connection.scalars(sa.select(s.id).where(done, s.state.not_in(("claimed", "queued")))))
        if end.detail:
            told = [(i, attempts[i], end.state, end.detail) for i in group if i in ours]
            _remember(connection, told, now)
    return ours


def _by_attempt(ids: Sequence[int], attempts: Mapping[int, int]) -> Mapping[int, Sequence[int]]:
    numbers = {attempts[i] for i in ids}
    if len(numbers) == 1:
        return {numbers.pop(): ids}
    groups: dict[int, list[int]] = defaultdict(list)
    for i in ids:
        groups[attempts[i]].append(i)
    return groups


def _values(end: End, now: datetime) -> dict[str, Any]:
    if end.state == "sent":
        return {"state": "sent", "reason": end.reason, "provider_id": end.provider_id, "settled_at": now}
    if end.state == "unknown":
        return {"state": "unknown", "reason": end.reason, "doubts": s.doubts + 1, "settled_at": now}
    return ended(end.state, end.reason) | {"settled_at": now}


def skip(
    connection: Connection, batch: Batch, reasons: Mapping[int, str], now: datetime, state: str = "skipped"
) -> set[int]:
    """End messages that are still reserved and will not go, each with its reason (`state` may be failed)."""
    groups: dict[str, list[int]] = defaultdict(list)
    for send_id, reason in reasons.items():
        groups[reason].append(send_id)
    ours: set[int] = set()
    for reason, ids in groups.items():
        mine = among(s.id, ids, unclaimed(batch))
        values = ended(state, reason) | {"settled_at": now}
        ours.update(connection.scalars(sa.update(sends).where(mine).values(values).returning(s.id)))
    return ours


def defer(connection: Connection, batch: Batch, deferrals: Sequence[Deferral], now: datetime) -> None:
    """Put reserved messages back into the queue for later; the first deferral fixes when they expire (rule 15)."""
    groups: dict[tuple[datetime, datetime | None, str], list[int]] = defaultdict(list)
    for one in deferrals:
        groups[one.until, one.expires, one.reason].append(one.send_id)
    for (until, expires, reason), ids in groups.items():
        mine = among(s.id, ids, unclaimed(batch))
        values = {
            "state": "queued",
            "batch_id": None,
            "not_before": until,
            "expires_at": sa.func.coalesce(s.expires_at, sa.literal(expires, s.expires_at.type)),
            "reason": reason,
        }
        connection.execute(sa.update(sends).where(mine).values(values))
    _remember(connection, [(d.send_id, 0, "deferred", d.reason) for d in deferrals], now)


def bring_forward(connection: Connection, reason: str, now: datetime, limit: int) -> int:
    """Let messages that were put off for that reason go from now on: what they waited for has come. Returns how many;
    fewer than `limit`, and it was all of them."""
    waiting = sa.and_(s.state == "queued", s.batch_id.is_(None), s.not_before > now, s.reason == reason)
    chosen = sa.select(s.id).where(waiting).order_by(s.id).limit(limit).with_for_update(skip_locked=True)
    ids = list(connection.scalars(chosen))
    connection.execute(sa.update(sends).where(among(s.id, ids), waiting).values(not_before=now))
    return len(ids)


def release(
    connection: Connection,
    batch: Batch,
    ids: Sequence[int],
    attempts: Mapping[int, int],
    now: datetime,
    not_before: datetime,
    why: str,
) -> None:
    """Back into the queue: surely not sent, and not this message's fault (429, refused connection, 401).

    The attempt's number stays used: what goes over the wire never bears the same one twice.
    """
    mine = among(s.id, ids, s.batch_id == batch.id, s.state == "claimed")
    values = {"state": "queued", "batch_id": None, "claimed_at": None, "not_before": not_before}
    connection.execute(sa.update(sends).where(mine).values(values))
    _remember(connection, [(i, attempts[i], "released", why) for i in ids], now)


def give_back(connection: Connection, batch: Batch) -> None:
    """Return whatever of the batch is still only reserved."""
    connection.execute(sa.update(sends).where(unclaimed(batch)).values(state="queued", batch_id=None))


def close(connection: Connection, batch: Batch, wall: datetime) -> None:
    """The batch is done."""
    connection.execute(sa.update(batches).where(batches.c.id == batch.id).values(settled_at=wall))


def open_breaker(connection: Connection, channel: str, until: datetime, reason: str) -> None:
    """Let nothing go by this channel until `until` (wall clock)."""
    insert = inserting(connection, breakers).values(channel=channel, open_until=until, reason=reason)
    # Several workers are refused at the same time; each must be able to say so.
    again = {"open_until": insert.excluded.open_until, "reason": insert.excluded.reason}
    connection.execute(insert.on_conflict_do_update(index_elements=[breakers.c.channel], set_=again))


def open_breakers(connection: Connection, wall: datetime) -> dict[str, str]:
    """Channels that nothing may go by, with the reason."""
    query = sa.select(breakers.c.channel, breakers.c.reason).where(breakers.c.open_until > wall)
    return {row.channel: row.reason for row in connection.execute(query)}


def in_doubt() -> sa.ColumnElement[bool]:
    """Over `sends`: whose end the provider may still tell. In doubt, on the way to a second attempt, or settled late,
    so that a weightier report may correct a lighter one; never in a worker's hands."""
    late = sa.exists().where(send_history.c.send_id == s.id, send_history.c.what == "settled late")
    waiting = sa.and_(s.doubts > 0, sa.or_(s.state.in_(("queued", "reserved")), sa.and_(s.state != "claimed", late)))
    return sa.or_(s.state == "unknown", waiting)


def settle_late(connection: Connection, send_id: int, state: str, now: datetime, detail: str) -> bool:
    """Settle a message in doubt by what the provider told later (its webhook, a look-up). True if it was in doubt."""
    values = {"state": state, "reason": None if state == "sent" else detail, "settled_at": now}
    update = sa.update(sends).where(s.id == send_id, in_doubt()).values(values)
    changed = connection.execute(update).rowcount
    if changed:
        _remember(connection, [(send_id, 0, "settled late", detail)], now)
    return bool(changed)


def _remember(connection: Connection, lines: Sequence[tuple[int, int, str, str]], now: datetime) -> None:
    rows = [{"send_id": i, "at": now, "attempt": n, "what": what, "detail": detail} for i, n, what, detail in lines]
    if rows:
        connection.execute(sa.insert(send_history), rows)
