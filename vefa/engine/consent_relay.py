"""Consents that were given or taken back here, on their way to the shop system.

They are found in the log of consents and queued as errands, once for each row and target. Only the latest one of a
customer and channel goes; what the shop system itself said later ends the errand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Table
from sqlalchemy.engine import Connection, Engine

from vefa.crm.consent_echoes import consents_passed_on
from vefa.crm.lifting import Signal
from vefa.crm.tables import consents, customers
from vefa.database import Id, Instant, among, inserting, metadata, reading, writing
from vefa.errands.book import Errand
from vefa.errands.shopify_admin import is_customer_number
from vefa.errands.tables import errands
from vefa.settings import Settings

consent_cursors = Table(
    "consent_cursors",
    metadata,
    Column("target", sa.Text, primary_key=True, comment="shopify, or a tool's name"),
    Column("kind", sa.Text, primary_key=True, comment="shopify_consent | consent, as in errands"),
    Column("seen", Id, nullable=False, comment="consents.id: rows up to it were looked at"),
    Column("since", Instant, nullable=False, comment="when it was switched on"),
    comment="how far the log of consents was passed on to shop systems",
)

#: Kinds of errands: to Shopify's Admin API, and to a tool as an event.
SHOPIFY, EVENT = "shopify_consent", "consent"
KINDS = (SHOPIFY, EVENT)
#: What came by us. What shop systems, registers and files said is nothing new to the shop.
OURS: tuple[Signal, ...] = ("page", "reply", "provider", "staff", "hand")
#: Rows that are looked at together, and how far back of the last one: their numbers come out of order.
PART, OVERLAP = 2_000, 20_000
#: No transaction is open for so long; what is older was seen in its time.
DAY = timedelta(days=1)

c, u, p, q = consents.c, customers.c, consents_passed_on.c, consent_cursors.c
r = errands.c


@dataclass(frozen=True)
class Target:
    """Who gets the consents."""

    kind: str
    name: str


@dataclass(frozen=True)
class Change:
    """What one errand is about. `waits`: why it may not go yet."""

    consent_id: int
    customer_id: int
    outside_id: str
    channel: str
    granted: bool
    occurred_at: datetime
    waits: str | None = None


def targets(settings: Settings) -> tuple[Target, ...]:
    """Who gets them by the settings: nobody unless said otherwise."""
    found = []
    if settings.web.shopify.tell_consents:
        found.append(Target(SHOPIFY, "shopify"))
    if settings.consents.tell is not None:
        found.append(Target(EVENT, settings.consents.tell))
    return tuple(found)


def queue_consents(engine: Engine, settings: Settings, now: datetime) -> int:
    """Queue what is new in the log, for each target. Repeated, it queues nothing twice. Returns how many errands.

    When it is switched on, every no that still counts goes, too, and of the others those of the last day.
    """
    return sum(_queue_for(engine, target, now) for target in targets(settings))


def _queue_for(engine: Engine, target: Target, now: datetime) -> int:
    with reading(engine) as connection:
        query = sa.select(q.seen, q.since).where(q.target == target.name, q.kind == target.kind)
        row = connection.execute(query).one_or_none()
        last = connection.scalar(sa.select(sa.func.max(c.id))) or 0
    seen, since = (row.seen, row.since) if row is not None else (0, now)
    if row is not None and last <= seen:
        return 0
    new, first = 0, max(seen - OVERLAP, 0)
    while True:
        end = min(first + PART, last)
        with writing(engine) as connection:
            found = _find(connection, target, (first, end), (seen, since), now)
            new += _queue(connection, target, found, now)
            _move(connection, target, max(end, seen), since)
        first = end
        if first >= last:
            return new


def _find(
    connection: Connection, target: Target, rows: tuple[int, int], begun: tuple[int, datetime], now: datetime
) -> Sequence[tuple[int, int]]:
    """Numbers of consents in that part of the log, and of their customers, that the target should have."""
    (first, end), (seen, since) = rows, begun
    query = (
        sa.select(c.id, c.customer_id, u.outside_id)
        .join_from(consents, customers, u.id == c.customer_id)
        .where(c.id > first, c.id <= end, c.purpose == "commercial", c.channel.in_(("email", "sms")))
        .where(c.signal.in_(OURS), u.forgotten_at.is_(None), sa.not_(_has_later()))
        .where(sa.or_(c.id > seen, c.known_at > now - DAY))
        .where(sa.or_(c.granted.is_(False), c.known_at > since - DAY))
        .order_by(c.id)
    )
    found = connection.execute(query).all()
    return [(row.id, row.customer_id) for row in found if _concerns(target, row.outside_id)]


def _concerns(target: Target, outside_id: str) -> bool:
    return target.kind != SHOPIFY or is_customer_number(outside_id)


def _has_later() -> Any:
    """Over `consents`: something later was said about the same; of two at one moment the no counts."""
    one = consents.alias("later")
    after = sa.or_(
        one.c.occurred_at > c.occurred_at,
        sa.and_(one.c.occurred_at == c.occurred_at, one.c.granted.is_(False), c.granted.is_(True)),
    )
    same = (one.c.customer_id == c.customer_id, one.c.channel == c.channel, one.c.purpose == c.purpose)
    return sa.exists().where(*same, after)


def _queue(connection: Connection, target: Target, found: Iterable[tuple[int, int]], now: datetime) -> int:
    rows = [
        {
            "kind": target.kind,
            "target": target.name,
            "key": f"{target.kind} {target.name} {consent}",
            "text": str(consent),
            "customer_id": customer,
            "state": "queued",
            "queued_at": now,
            "next_try_at": now,
        }
        for consent, customer in found
    ]
    if not rows:
        return 0
    insert = inserting(connection, errands).on_conflict_do_nothing().returning(r.id)
    return len(connection.execute(insert, rows).all())


def _move(connection: Connection, target: Target, seen: int, since: datetime) -> None:
    row = {"target": target.name, "kind": target.kind, "seen": seen, "since": since}
    insert = inserting(connection, consent_cursors).values(row)
    further = sa.case((q.seen > insert.excluded.seen, q.seen), else_=insert.excluded.seen)
    connection.execute(insert.on_conflict_do_update(index_elements=[q.target, q.kind], set_={"seen": further}))


def read_changes(connection: Connection, settings: Settings, some: Sequence[Errand]) -> dict[int, Change | str]:
    """What each of these errands is about, by its number; a sentence where it need not go any more."""
    wanted = {each.id: int(each.text) for each in some if each.text}
    query = (
        sa.select(c.id, c.customer_id, u.outside_id, c.channel, c.granted, c.occurred_at)
        .add_columns(u.forgotten_at, _has_later().label("old"))
        .join_from(consents, customers, u.id == c.customer_id)
        .where(among(c.id, set(wanted.values())))
    )
    known = {row.id: row for row in connection.execute(query)} if wanted else {}
    held = _held_elsewhere(connection, some)
    on = targets(settings)
    found: dict[int, Change | str] = {}
    for each in some:
        row = known.get(wanted.get(each.id, 0))
        if Target(each.kind, each.target) not in on:
            found[each.id] = "no longer passed on"
        elif row is None or row.forgotten_at is not None:
            found[each.id] = "forgotten"
        elif row.old:
            found[each.id] = "a later consent counts"
        else:
            waits = "an earlier one is on its way" if each.id in held else None
            found[each.id] = Change(
                row.id, row.customer_id, row.outside_id, row.channel, row.granted, row.occurred_at, waits
            )
    return found


def _held_elsewhere(connection: Connection, some: Sequence[Errand]) -> frozenset[int]:
    """Errands of whose customer another one is in a worker's hands: whichever came last there would count."""
    one = errands.alias("one")
    same = (one.c.customer_id == r.customer_id, one.c.kind == r.kind, one.c.target == r.target)
    own = [each.id for each in some]
    earlier = (one.c.id < r.id, one.c.id.not_in(own), one.c.owner.is_not(None))
    held = sa.exists().where(*same, *earlier)
    return frozenset(connection.scalars(sa.select(r.id).where(r.id.in_(own), held)))


def note_passed_on(engine: Engine, changes: Iterable[tuple[str, Change]], now: datetime) -> None:
    """Write down, before they go, what goes to which target: its echo is no new consent."""
    rows = [
        {
            "consent_id": change.consent_id,
            "target": target,
            "customer_id": change.customer_id,
            "channel": change.channel,
            "granted": change.granted,
            "occurred_at": change.occurred_at,
            "passed_on_at": now,
        }
        for target, change in changes
    ]
    if not rows:
        return
    with writing(engine) as connection:
        insert = inserting(connection, consents_passed_on)
        again = {"passed_on_at": insert.excluded.passed_on_at}
        keys = [p.consent_id, p.target]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=again), rows)


def note_refused(engine: Engine, changes: Iterable[tuple[str, Change]]) -> None:
    """Take back what was noted of consents that the target surely did not take."""
    refused = sorted((change.consent_id, target) for target, change in changes)
    if not refused:
        return
    with writing(engine) as connection:
        for consent, target in refused:
            connection.execute(sa.delete(consents_passed_on).where(p.consent_id == consent, p.target == target))
