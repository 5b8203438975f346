"""How fast messages may go: a bucket of tokens for each channel and each sender, shared by all workers on all machines.

A token is the leave to send one message. A bucket holds a second's worth and fills by the wall clock that callers
bring. Taken is gone: who dies before sending has slowed the others down a little, never sped them up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import inserting, writing
from vefa.ledger.tables import paces
from vefa.plan.steps import Medium
from vefa.settings import MessagesPerSecond

#: What counts as "at once": so many seconds' worth, and one message at least.
BURST_SECONDS = 1.0
#: The machines' clocks agree within this. A bucket filled further ahead was filled by a clock that was wrong.
APART = timedelta(minutes=1)
#: No provider is left alone for longer, whatever it asks.
LONGEST_HOLD = timedelta(hours=1)
#: Who got nothing asks again after so many seconds at the latest.
LONGEST_WAIT = 10.0

_TOKEN = 1_000_000
p = paces.c


@dataclass(frozen=True)
class Limit:
    """Messages a second under one key. 0 is no limit; that the provider asked for quiet counts all the same."""

    key: str
    per_second: float

    @property
    def burst(self) -> int:
        """How many may go at once after a rest."""
        return max(int(self.per_second * BURST_SECONDS), 1)


@dataclass(frozen=True)
class Grant:
    """How many messages may go now; where that is not all, how many seconds to wait before asking again."""

    granted: int
    wait: float = 0.0


@dataclass(frozen=True)
class Bucket:
    """What stands in the database under one key."""

    key: str
    filled_at: datetime
    millionths: int
    held_until: datetime | None = None

    def filled(self, limit: Limit, wall: datetime) -> Bucket:
        """The bucket as of `wall`. No stretch of time is counted twice: a clock behind the one that asked before adds
        nothing, and after one that was set back the bucket is empty."""
        if self.filled_at - wall > APART:
            return replace(self, filled_at=wall, millionths=0)
        micros = max((wall - self.filled_at) // timedelta(microseconds=1), 0)
        content = min(self.millionths + int(micros * limit.per_second), limit.burst * _TOKEN)
        return replace(self, filled_at=max(self.filled_at, wall), millionths=content)

    def held(self, wall: datetime) -> float:
        """For how many seconds nothing may go. A hold that no clock of now could have set is none."""
        left = self.held_until - wall if self.held_until else timedelta()
        return left.total_seconds() if left <= LONGEST_HOLD + APART else 0.0

    def takes(self, limit: Limit, wanted: int, wall: datetime) -> int:
        """How many of `wanted` may go."""
        if self.held(wall) > 0:
            return 0
        return min(wanted, self.millionths // _TOKEN) if limit.per_second else wanted

    def without(self, taken: int) -> Bucket:
        """What is left after so many went."""
        return replace(self, millionths=self.millionths - taken * _TOKEN)

    def wait(self, limit: Limit, wanted: int, wall: datetime) -> float:
        """In how many seconds `wanted` may go, or half of what the bucket holds if that is less."""
        missing = min(wanted, max(limit.burst // 2, 1)) * _TOKEN - self.millionths
        return max(missing / _TOKEN / limit.per_second if limit.per_second else 0.0, self.held(wall))


def limits_of(rates: MessagesPerSecond, channel: str, medium: Medium, sender: str) -> tuple[Limit, ...]:
    """The limits that a message meets on its way; none where the channel only writes files."""
    if channel == "outbox":
        return ()
    if medium == "email":
        return (Limit(channel, rates.email),)
    return (Limit(channel, rates.sms), Limit(f"sms:{sender}", rates.sms_sender))


def most(limits: Sequence[Limit], wanted: int, seconds: float) -> int:
    """How many of `wanted` can go within so many seconds: no worker should reserve more. One at least."""
    rates = [limit.per_second for limit in limits if limit.per_second]
    return min(wanted, max(int(min(rates) * seconds), 1)) if rates else wanted


def take(engine: Engine, limits: Sequence[Limit], wanted: int, wall: datetime) -> Grant:
    """Leave to send up to `wanted` messages, taken from the bucket of every limit in one short transaction.

    Over any stretch of time no more is granted under a key than its burst and its rate times that stretch, whoever asks
    and in whatever order. Where machines' clocks differ, that difference counts to the stretch.
    """
    with writing(engine) as connection:
        return take_in(connection, limits, wanted, wall)


def take_in(connection: Connection, limits: Sequence[Limit], wanted: int, wall: datetime) -> Grant:
    """`take` in the caller's write transaction, which others who want the same leave wait for."""
    paced = [limit for limit in limits if limit.per_second]
    if not paced:
        return _grant(limits, _read(connection, limits), wanted, wall)
    buckets = _locked(connection, limits, wall)
    grant = _grant(limits, buckets, wanted, wall)
    for limit in paced:
        left = buckets[limit.key].without(grant.granted)
        values = {"filled_at": left.filled_at, "millionths": left.millionths}
        connection.execute(sa.update(paces).where(p.key == limit.key).values(values))
    return grant


def hold(connection: Connection, key: str, until: datetime, wall: datetime) -> None:
    """Let nothing go under the key until then, whoever asks: the provider wants quiet. A longer hold stays."""
    until = min(until, wall + LONGEST_HOLD)
    row = inserting(connection, paces).values(key=key, filled_at=wall, millionths=0, held_until=until)
    longer = sa.and_(p.held_until >= until, p.held_until <= wall + LONGEST_HOLD + APART)
    shorter = sa.or_(p.held_until.is_(None), sa.not_(longer))
    connection.execute(row.on_conflict_do_update(index_elements=[p.key], set_={"held_until": until}, where=shorter))


def _grant(limits: Sequence[Limit], buckets: Mapping[str, Bucket], wanted: int, wall: datetime) -> Grant:
    met = [(limit, buckets[limit.key]) for limit in limits if limit.key in buckets]
    granted = min((bucket.takes(limit, wanted, wall) for limit, bucket in met), default=wanted)
    if granted == wanted:
        return Grant(wanted)
    waits = [bucket.without(granted).wait(limit, wanted - granted, wall) for limit, bucket in met]
    return Grant(granted, min(max(waits), LONGEST_WAIT))


def _locked(connection: Connection, limits: Sequence[Limit], wall: datetime) -> dict[str, Bucket]:
    """The buckets as of `wall`, which nobody else touches before the end of the transaction. New ones are full."""
    found = _read(connection, limits, lock=True)
    if missing := [limit for limit in sorted(limits, key=_key) if limit.per_second and limit.key not in found]:
        full = [{"key": one.key, "filled_at": wall, "millionths": one.burst * _TOKEN} for one in missing]
        connection.execute(inserting(connection, paces).values(full).on_conflict_do_nothing())
        found = _read(connection, limits, lock=True)
    return {limit.key: found[limit.key].filled(limit, wall) for limit in limits if limit.key in found}


def _read(connection: Connection, limits: Sequence[Limit], lock: bool = False) -> dict[str, Bucket]:
    # in the order of keys, so that no two workers wait for each other
    rows = sa.select(paces).where(p.key.in_([limit.key for limit in limits])).order_by(p.key)
    return {row.key: Bucket(*row) for row in connection.execute(rows.with_for_update() if lock else rows)}


def _key(limit: Limit) -> str:
    return limit.key
