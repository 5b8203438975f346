"""The only writer of errands: into the queue, out of it, and what became of each.

`queued` → reserved (queued, with an owner and a lease) → `claimed` (committed just before it goes) → `done`, `failed`,
`unknown`, `skipped`, or `queued` again for another try. Whoever reserved an errand alone may claim and settle it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import Instant, inserting, reading, writing
from vefa.errands.tables import errands

r = errands.c

#: How long a worker may hold what it reserved (wall clock); longer than a portion can take.
LEASE = timedelta(minutes=10)
#: How long after the first, second, … try the next one comes: some 22 hours in all.
WAITS = tuple(timedelta(minutes=n) for n in (1, 5, 15, 60, 180, 360, 720))
#: Tries in all.
TRIES = len(WAITS) + 1
#: Kinds that are tried until they get through, or need not any more: consents.
ENDLESS = ("shopify_consent", "consent")
#: Where nothing more is to be done.
FINAL = ("done", "failed", "unknown", "skipped")

State = Literal["queued", "done", "failed", "unknown", "skipped"]


@dataclass(frozen=True)
class Errand:
    """One errand in a worker's hands. `attempts` are the tries that were begun before."""

    id: int
    kind: str
    target: str
    recipient: str | None
    enrolment_id: int | None
    plan_id: int | None
    at_step: int | None
    customer_id: int | None
    text: str | None
    queued_at: datetime
    attempts: int
    body: str | None


@dataclass(frozen=True)
class End:
    """What became of a try; `again_at`: queued for another one."""

    state: State
    reason: str | None = None
    again_at: datetime | None = None


def queue(connection: Connection, columns: Mapping[str, Any], which: Any) -> int:
    """Put in an errand for each row that `which` chooses, in the caller's transaction; where there is one for that
    enrolment, step and occasion already, none. `columns` are expressions over these rows. Returns how many."""
    values = {**columns, "state": sa.literal("queued")}
    insert = inserting(connection, errands).from_select(list(values), sa.select(*values.values()).where(which))
    return connection.execute(insert.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}).rowcount


def notify_staff(
    connection: Connection,
    team: str,
    key: str,
    text: str,
    now: datetime,
    *,
    customer_id: int | None = None,
    shop_hours: bool = False,
    after: timedelta = timedelta(0),
) -> bool:
    """Tell a team of config/staff.yaml something, in the caller's transaction; once for each `key`, however often it is
    called. Whether it was new.

    `customer_id`: whom the text is about, so that it is forgotten with them. `shop_hours`: it waits until the shop is
    open. `after`: so long it waits in any case, and can be said otherwise meanwhile.
    """
    row = {"kind": "notify", "target": team, "key": key, "text": text, "customer_id": customer_id}
    moments = {"state": "queued", "queued_at": now, "next_try_at": now + after, "shop_hours": shop_hours}
    insert = inserting(connection, errands).values(row | moments).on_conflict_do_nothing().returning(r.id)
    return connection.scalar(insert) is not None


def say_otherwise(connection: Connection, key: str, text: str) -> bool:
    """Let what is still to be told under that key be told in these words. Whether these are its words now."""
    unsaid = sa.and_(r.key == key, r.state == "queued", r.owner.is_(None), r.attempts == 0)
    connection.execute(sa.update(errands).where(unsaid).values(text=text))
    return bool(connection.scalar(sa.select(sa.exists().where(r.key == key, r.text == text))))


def anything_due(connection: Connection, now: datetime, *also: Any) -> bool:
    """Whether anything waits for a try at that moment, and for nobody's hand: one look along an index."""
    waits = sa.exists().where(r.state == "queued", r.next_try_at <= now, r.owner.is_(None), *also)
    return bool(connection.scalar(sa.select(waits)))


def anything_held(connection: Connection) -> bool:
    """Whether any worker holds anything, be it alive or dead."""
    return bool(connection.scalar(sa.select(sa.exists().where(r.owner.is_not(None)))))


def wait_for_opening(connection: Connection, now: datetime, opening: datetime) -> None:
    """What goes only while the shop is open, and is due, waits until then."""
    closed = sa.and_(r.state == "queued", r.owner.is_(None), r.shop_hours, r.next_try_at <= now)
    connection.execute(sa.update(errands).where(closed).values(next_try_at=opening))


def reserve(engine: Engine, also: Any, owner: str, now: datetime, wall: datetime, limit: int) -> list[Errand]:
    """Lease what is due, of what `also` (over `errands`) chooses; nobody else gets the same."""
    free = sa.and_(r.state == "queued", r.owner.is_(None), r.next_try_at <= now)
    chosen = (
        sa.select(r.id)
        .where(free, also)
        .order_by(r.next_try_at, r.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=errands)
        .cte("chosen")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    take = sa.update(errands).where(r.id.in_(sa.select(chosen.c.id)), r.state == "queued", r.owner.is_(None))
    take = take.values(owner=owner, lease_until=wall + LEASE)
    names = list(Errand.__dataclass_fields__)
    with writing(engine) as connection:
        rows = connection.execute(take.returning(*(r[name] for name in names))).all()
    return sorted((Errand(*row) for row in rows), key=lambda each: each.id)


def make_out(connection: Connection, errand: Errand, owner: str, recipients: Sequence[str]) -> list[Errand]:
    """Make of an errand to a team one for each of its people, all of them reserved; nothing if it is not ours."""
    mine = sa.and_(r.id == errand.id, r.owner == owner, r.state == "queued", r.recipient.is_(None))
    if not connection.execute(sa.update(errands).where(mine).values(recipient=recipients[0])).rowcount:
        return []
    names = [column.name for column in errands.columns if column.name not in ("id", "place", "recipient")]
    for place, recipient in enumerate(recipients[1:], 1):
        own = [sa.literal(place), sa.literal(recipient)]
        rows = sa.select(*(r[name] for name in names), *own).where(r.id == errand.id)
        insert = inserting(connection, errands).from_select([*names, "place", "recipient"], rows)
        connection.execute(insert.on_conflict_do_nothing())
    same = sa.and_(r.owner == owner, r.state == "queued", r.recipient.is_not(None), _siblings(errand))
    fields = list(Errand.__dataclass_fields__)
    return [Errand(*row) for row in connection.execute(sa.select(*(r[name] for name in fields)).where(same))]


def _siblings(errand: Errand) -> Any:
    """Over `errands`: of the same occasion as this one."""
    one = errands.alias("one")
    same = [one.c[name].is_not_distinct_from(r[name]) for name in ("enrolment_id", "step", "occasion", "key")]
    return sa.exists().where(one.c.id == errand.id, *same)


def claim(
    engine: Engine, owner: str, bodies: Mapping[int, str | None], now: datetime, wall: datetime
) -> dict[int, tuple[int, str | None]]:
    """Make reserved errands ours to send: by number, which try this is, and the body that goes at every try.

    After the commit each of them may have gone.
    """
    take = (
        sa.update(errands)
        .where(r.id == sa.bindparam("row"), r.owner == owner, r.state == "queued")
        .values(
            state="claimed",
            attempts=r.attempts + 1,
            claimed_at=now,
            lease_until=wall + LEASE,
            body=sa.func.coalesce(r.body, sa.bindparam("words", type_=sa.Text())),
        )
        .returning(r.id, r.attempts, r.body)
    )
    claimed: dict[int, tuple[int, str | None]] = {}
    with writing(engine) as connection:
        for number, body in sorted(bodies.items()):
            for row in connection.execute(take, {"row": number, "words": body}):
                claimed[row.id] = (row.attempts, row.body)
    return claimed


def settle(engine: Engine, owner: str, ends: Mapping[int, End], now: datetime) -> None:
    """Write down what became of errands in our hands."""
    if not ends:
        return
    held = sa.and_(r.id == sa.bindparam("row"), r.owner == owner, r.state.in_(("queued", "claimed")))
    free: dict[str, Any] = {"owner": None, "lease_until": None}
    with writing(engine) as connection:
        for number, end in sorted(ends.items()):
            values = {"state": end.state, "reason": end.reason, **free}
            values |= {"next_try_at": end.again_at} if end.again_at else {"settled_at": now}
            connection.execute(sa.update(errands).where(held).values(values), {"row": number})


def give_back(engine: Engine, owner: str) -> None:
    """What was reserved and not claimed is anybody's again."""
    mine = sa.and_(r.owner == owner, r.state == "queued")
    with writing(engine) as connection:
        connection.execute(sa.update(errands).where(mine).values(owner=None, lease_until=None))


def put_off(engine: Engine, which: Any, until: datetime) -> None:
    """What waits for the same way as one that was just found shut waits so long, too."""
    later = sa.and_(which, r.state == "queued", r.owner.is_(None), r.next_try_at < until)
    with writing(engine) as connection:
        connection.execute(sa.update(errands).where(later).values(next_try_at=until))


def skip(connection: Connection, which: Any, reason: str, now: datetime) -> int:
    """End what waits, and nobody is to hear of any more."""
    waiting = sa.and_(which, r.state == "queued", r.owner.is_(None))
    values = {"state": "skipped", "reason": reason, "settled_at": now}
    return connection.execute(sa.update(errands).where(waiting).values(values)).rowcount


def recover(engine: Engine, dead: Collection[str], repeatable: Any, now: datetime, wall: datetime) -> tuple[int, int]:
    """Take back what dead workers held: `dead` ones, and those whose lease ran out. Returns what waits again, and what
    is in doubt.

    Reserved: surely not gone. Claimed: goes again with the same id where its receiver knows it by that (`repeatable`,
    over `errands`), while there are tries left; else it is `unknown` for ever.
    """
    gone = sa.and_(r.owner.is_not(None), sa.or_(r.lease_until < wall, r.owner.in_(sorted(dead))))
    free: dict[str, Any] = {"owner": None, "lease_until": None}
    lost = {"state": "unknown", "reason": "interrupted", "settled_at": now}
    tried = {"state": "failed", "reason": "interrupted", "settled_at": now}
    with reading(engine) as connection:
        if not connection.scalar(sa.select(sa.exists().where(gone))):
            return 0, 0
    with writing(engine) as connection:
        back = connection.execute(sa.update(errands).where(gone, r.state == "queued").values(free)).rowcount
        claimed = sa.and_(gone, r.state == "claimed")
        again = sa.and_(claimed, repeatable, sa.or_(r.attempts < TRIES, r.kind.in_(ENDLESS)))
        back += connection.execute(sa.update(errands).where(again).values(state="queued", **free)).rowcount
        connection.execute(sa.update(errands).where(claimed, repeatable).values(tried | free))
        unknown = connection.execute(sa.update(errands).where(claimed).values(lost | free)).rowcount
    return back, unknown


def forget_bodies(connection: Connection, before: datetime, limit: int) -> int:
    """What was said, of errands that ended before then; a part of them. Returns how many."""
    old = sa.and_(r.state.in_(FINAL), r.settled_at < before, sa.or_(r.body.is_not(None), r.text.is_not(None)))
    chosen = sa.select(r.id).where(old).order_by(r.id).limit(limit)
    return connection.execute(sa.update(errands).where(r.id.in_(chosen)).values(body=None, text=None)).rowcount


def next_try(connection: Connection, after: datetime) -> datetime | None:
    """The next moment later than that at which a try is due."""
    waiting = sa.select(sa.func.min(r.next_try_at)).where(r.state == "queued", r.next_try_at > after)
    found: datetime | None = connection.scalar(waiting)
    return found


def moment(value: datetime) -> Any:
    """A moment as an expression, for `queue`."""
    return sa.literal(value, Instant())
