"""Forgetting a customer: nothing that leads to them stays, but keyed hashes which keep them from coming back.

What came from outside is searched before; then all of it is one transaction, in which nobody else writes facts of
customers. Whoever is in a journey leaves it, and what was queued for them is skipped. What a worker has claimed at that
very moment is stopped by the last look before the request; what has been handed to the provider cannot be taken back,
and its row in the ledger is settled without a name. Files go afterwards, and last what the database's own files keep.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.forgotten import contact_key, hold_writers, keep_keys, keyed, person_key
from vefa.crm.former_addresses import former_addresses
from vefa.crm.suppressing import COMMERCIAL, Stop, suppress
from vefa.crm.tables import contacts, customers, rejects, told_early
from vefa.database import among, reading, writing
from vefa.engine import raw_traces
from vefa.engine.erased_keys import keep_beside
from vefa.engine.file_traces import remove_from_files
from vefa.engine.holdings import HOLDINGS, Holding
from vefa.engine.plans import leave
from vefa.engine.privacy_requests import Subject, close_request, open_requests
from vefa.engine.scrub import scrub
from vefa.engine.subjects import Known, known_of, records_of
from vefa.engine.tables import enrolments
from vefa.inbox import inbox
from vefa.settings import Settings

#: The stop that a forgotten address gets, and why their journeys end.
REASON = "forgotten"
#: Nobody who is forgotten is known yet at any moment: nothing that asks about customers finds them.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
#: What no erasure here reaches.
ELSEWHERE = (
    "the shop's own system, the providers' lists and logs, and backups: docs/forgetting.md says what to do there",
)
_RAW = (inbox.name, told_early.name, rejects.name)


@dataclass(frozen=True)
class Forgot:
    """What was done: rows by table, what came raw, files, journeys that ended; and what is still there, in words."""

    removed: dict[str, int]
    stripped: dict[str, int]
    journeys_left: int
    outbox: int = 0
    raw: dict[str, int] | None = None
    files: dict[str, int] | None = None
    records: int = 1
    keys: int = 0
    remains: tuple[str, ...] = ()


def forget(
    engine: Engine,
    settings: Settings,
    customer_id: int,
    now: datetime,
    *,
    also: Subject | None = None,
    source: str = "",
    tidy: bool = True,
) -> Forgot | None:
    """Forget the customer; None where there is nobody of that number, or not any more.

    `also`: by what else somebody named them, in the numbers of that source. Without `tidy` the database's files are
    left to the caller (`finish`).
    """
    with reading(engine) as connection:
        ids = _there(connection, customer_id)
        known = known_of(connection, ids, also or Subject(), source)
        found = raw_traces.search(connection, known.traces) if ids else raw_traces.Found()
    if not ids:
        return None
    with writing(engine) as connection:
        hold_writers(connection)
        ids = _locked(connection, customer_id)
        if not ids:
            return None
        known = known_of(connection, ids, also or Subject(), source)
        done = _forget_rows(connection, settings, known, found, now)
    return _forget_files(engine, settings, known, done, tidy)


def forget_unknown(
    engine: Engine, settings: Settings, subject: Subject, source: str, now: datetime, *, tidy: bool = True
) -> Forgot:
    """The same for somebody who is no customer here: what names them goes, and nothing from before makes them one."""
    with writing(engine) as connection:
        hold_writers(connection)
        known = known_of(connection, (), subject, source)
        found = raw_traces.search(connection, known.traces)
        done = _forget_rows(connection, settings, known, found, now)
    return _forget_files(engine, settings, known, done, tidy)


def finish(engine: Engine, settings: Settings) -> str | None:
    """After the last of several erasures: the keys go beside the database, its files are cut. What is still there."""
    keep_beside(engine, settings)
    return scrub(engine, [holding.table.name for holding in HOLDINGS] + list(_RAW))


def _there(connection: Connection, customer_id: int) -> list[int]:
    c = customers.c
    there = connection.scalar(sa.select(c.id).where(c.id == customer_id, c.forgotten_at.is_(None)))
    return [] if there is None else records_of(connection, customer_id)


def _locked(connection: Connection, customer_id: int) -> list[int]:
    """Their records. Whoever writes about them at this moment finishes first; whoever comes later finds nobody."""
    c = customers.c
    ids = _there(connection, customer_id)
    locked = sa.select(c.id).where(among(c.id, ids), c.forgotten_at.is_(None)).order_by(c.id).with_for_update()
    return list(connection.scalars(locked)) if ids else []


def _forget_rows(
    connection: Connection, settings: Settings, known: Known, found: raw_traces.Found, now: datetime
) -> Forgot:
    found |= raw_traces.search(connection, known.traces, found.seen)
    raw = raw_traces.remove(connection, known.traces, found, now)
    raw["notes on what shops told last"] = raw_traces.remove_snapshots(connection, known.objects)
    keys = {keyed(settings, key) for key in known.keys}
    keep_keys(connection, keys, now)
    raw["requests for a copy"] = _close_copies(connection, known, now)
    left = leave(connection, enrolments.c.customer_id.in_(known.ids), now, REASON, at_once=True) if known.ids else 0
    done: Counter[str] = Counter()
    for number in known.ids:
        _stop_addresses(connection, number, now)
        done.update({holding.name: _end(connection, holding, number) for holding in HOLDINGS})
    mine = sa.update(customers).where(among(customers.c.id, known.ids))
    connection.execute(mine.values(forgotten_at=now, known_at=NEVER))
    fates = {holding.name: holding.fate for holding in HOLDINGS}
    removed, stripped = (
        {name: count for name, count in done.items() if count and fates[name] == fate}
        for fate in ("removed", "stripped")
    )
    raw = {name: count for name, count in raw.items() if count}
    return Forgot(removed, stripped, left, raw=raw, records=len(known.ids), keys=len(keys))


def _close_copies(connection: Connection, known: Known, now: datetime) -> int:
    """Whoever had asked for a copy is named by that request: nothing is left to copy."""
    count = 0
    for request in open_requests(connection):
        subject = request.subject or Subject()
        named = {person_key(subject.outside_id)} if subject.outside_id else set()
        named |= {contact_key(subject.email)} if subject.email else set()
        if request.kind == "export" and named & known.keys:
            count += close_request(connection, request.id, "they were forgotten before", "vefa", now)
    return count


def _forget_files(engine: Engine, settings: Settings, known: Known, done: Forgot, tidy: bool) -> Forgot:
    files, left = remove_from_files(settings, known.traces, known.refs)
    remains = [f"{path}: somebody has put it there" for path in left]
    if tidy and (held := finish(engine, settings)) is not None:
        remains.append(held)
    files = {name: count for name, count in files.items() if count}
    outbox = files.pop("messages in the outbox", 0)
    return replace(done, outbox=outbox, files=files, remains=(*remains, *ELSEWHERE))


def _stop_addresses(connection: Connection, customer_id: int, now: datetime) -> None:
    """Nothing commercial goes to their addresses, those of before among them."""
    for k in (contacts.c, former_addresses.c):
        rows = connection.execute(sa.select(k.channel, k.address_key).where(k.customer_id == customer_id)).all()
        stops = [Stop(row.channel, row.address_key, REASON, "", now, now, COMMERCIAL) for row in rows]
        suppress(connection, stops)


def _end(connection: Connection, holding: Holding, customer_id: int) -> int:
    which = holding.whose(customer_id)
    if holding.fate == "removed":
        return connection.execute(sa.delete(holding.table).where(which)).rowcount
    if holding.fate == "stripped" and holding.strip:
        return connection.execute(sa.update(holding.table).where(which).values(dict(holding.strip))).rowcount
    return 0
