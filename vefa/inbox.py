"""Written down before it is answered: what providers and shops send is kept first, and taken in afterwards.

Taking in and the mark that it is done are one transaction, so a process that dies between leaves either both or
neither. What cannot be taken keeps its problem and holds up nobody else.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.source_activity import note_activity
from vefa.database import Id, Instant, among, metadata, reading, retry_conflicts, writing

log = logging.getLogger(__name__)

#: Rows that are taken in one transaction, and bytes of bodies: events of an hour must not hold the lock for seconds.
BATCH, BYTES = 200, 1024 * 1024

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, comment="who takes it: sendgrid, twilio, woocommerce, shopify, …"),
    sa.Column("about", sa.JSON, nullable=False, comment="what came beside the body and is needed: a topic, an id"),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="as it came, its signature proved"),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("taken_at", Instant, comment="null: not yet"),
    sa.Column("problem", sa.Text, comment="why it could not be taken; it stays for somebody to look at"),
    sa.Column("waits_until", Instant, comment="something of ours must be mended first; it is tried again then"),
    sa.Index(
        "ix_inbox_waiting",
        "id",
        sqlite_where=sa.text("taken_at IS NULL"),
        postgresql_where=sa.text("taken_at IS NULL"),
    ),
    sa.Index("ix_inbox_taken_at", "taken_at"),
    comment="what providers and shops sent, written down before they got their 2xx",
)
i = inbox.c


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    id: int
    kind: str
    about: Mapping[str, Any]
    body: bytes
    received_at: datetime


class NotTaken(Exception):
    """What came cannot be taken in. Its text says why, names nobody, and is kept with the row."""


class Postponed(Exception):
    """What came is right, and something of ours is not, such as the file that says what its columns mean.

    Its text says what to mend. The row waits, is tried again each minute, and is never final.
    """


#: How long a postponed row waits before it is tried again.
POSTPONED_FOR = timedelta(minutes=1)

#: Takes in what came of one kind, in the order in which it came, in the caller's transaction. It writes nothing
#: outside of it, and raises for what it cannot read.
Taker = Callable[[Connection, Sequence[Received], datetime], None]


def put(connection: Connection, kind: str, body: bytes, now: datetime, about: Mapping[str, Any] | None = None) -> None:
    """Write down what came, in the caller's transaction."""
    row = {"kind": kind, "about": dict(about or {}), "body": body, "received_at": now}
    connection.execute(sa.insert(inbox).values(row))


def take_in(engine: Engine, takers: Mapping[str, Taker], now: datetime) -> int:
    """Take in the next rows that wait, at most BATCH. Returns how many were looked at: 0 when none wait."""
    with reading(engine) as connection:  # whoever finds nothing asks nobody to wait
        if not connection.scalar(sa.select(sa.exists().where(_is_waiting(takers, now)))):
            return 0
    return retry_conflicts(lambda: _take_next(engine, takers, now))


def _take_next(engine: Engine, takers: Mapping[str, Taker], now: datetime) -> int:
    """One batch and the mark that it is done, in one transaction."""
    with writing(engine) as connection:
        rows = _next(connection, takers, now)
        outcomes = dict(_taken(connection, takers, rows, now))
        later = {number for number, problem in outcomes.items() if isinstance(problem, Postponed)}
        ids = [row.id for row in rows]
        finished = sa.update(inbox).where(among(i.id, [number for number in ids if number not in later]))
        connection.execute(finished.values(taken_at=now, problem=None))
        note_activity(connection, Counter(map(_source, rows)), now)
        for number, problem in outcomes.items():
            again = {"waits_until": now + POSTPONED_FOR} if number in later else {}
            mine = sa.update(inbox).where(i.id == number)
            connection.execute(mine.values(problem=str(problem), **again))
    return len(rows)


def _source(row: Received) -> str:
    """Who speaks: a shop system has a webhook for each kind of object, and may switch off one of them alone."""
    topic = re.split(r"[./]", str(row.about.get("topic") or ""))[0]
    return f"{row.kind} {topic}".strip()


def _is_waiting(takers: Mapping[str, Taker], now: datetime) -> sa.ColumnElement[bool]:
    ready = sa.or_(i.waits_until.is_(None), i.waits_until <= now)
    return sa.and_(i.taken_at.is_(None), i.kind.in_(list(takers)), ready)


def _next(connection: Connection, takers: Mapping[str, Taker], now: datetime) -> list[Received]:
    waiting = sa.select(i.id, sa.func.length(i.body)).where(_is_waiting(takers, now))
    waiting = waiting.order_by(i.id).limit(BATCH).with_for_update(skip_locked=True)
    chosen: list[int] = []
    size = 0
    for number, length in connection.execute(waiting).all():
        size += length
        if chosen and size > BYTES:
            break
        chosen.append(number)
    query = sa.select(i.id, i.kind, i.about, i.body, i.received_at).where(among(i.id, chosen))
    return [Received(*row) for row in connection.execute(query.order_by(i.id))]


def _taken(
    connection: Connection, takers: Mapping[str, Taker], rows: Sequence[Received], now: datetime
) -> Iterator[tuple[int, str | Postponed]]:
    """Take all of a kind together, else one by one. Yields what could not be taken, and why."""
    for kind, same in groupby(rows, lambda row: row.kind):
        together = list(same)
        if _attempt(connection, takers[kind], together, now) is None:
            continue
        for row in together:
            if (problem := _attempt(connection, takers[kind], [row], now)) is not None:
                log.warning("a webhook could not be taken in", extra={"inbox": row.id, "webhook": kind})
                yield row.id, problem


def _attempt(connection: Connection, taker: Taker, rows: Sequence[Received], now: datetime) -> str | Postponed | None:
    """None where it went well; else what kind of thing was wrong. Never its text, which may hold an address."""
    try:
        with connection.begin_nested():
            taker(connection, rows, now)
    except sa.exc.OperationalError:
        raise  # the database, not the row: nothing is taken, and the next round tries again
    except Postponed as reason:
        return reason
    except NotTaken as reason:
        return str(reason)
    except Exception as error:
        return type(error).__name__
    return None
