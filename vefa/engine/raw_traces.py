"""What came from outside and still stands as it came: the inbox, webhooks that wait for an order, rows rejected.

The search reads every body, so it is done before the transaction of an erasure; inside it only what came since is
looked at. Bodies never change, so what was found stays found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import moment_reports, rejects, told_early, told_last
from vefa.database import among
from vefa.engine.traces import Traces
from vefa.inbox import inbox

#: Bodies that are read at one time.
PART = 200
#: Why a message that waited is not taken in any more. A sentence: it needs nobody.
GONE = "it named somebody who was forgotten"


@dataclass(frozen=True)
class Found:
    """Rows that name somebody, by their numbers, and how far the search has come in each table."""

    taken: frozenset[int] = frozenset()
    waiting: frozenset[int] = frozenset()
    parked: frozenset[int] = frozenset()
    rejected: frozenset[int] = frozenset()
    seen: tuple[int, int, int] = (0, 0, 0)

    def __or__(self, more: Found) -> Found:
        return Found(
            self.taken | more.taken,
            self.waiting | more.waiting,
            self.parked | more.parked,
            self.rejected | more.rejected,
            more.seen,
        )


def search(connection: Connection, traces: Traces, after: tuple[int, int, int] = (0, 0, 0)) -> Found:
    """Every row behind these numbers that names them."""
    i = inbox.c
    taken, waiting = set[int](), set[int]()
    last = list(after)
    for row in _pages(connection, inbox, after[0]):
        last[0] = row.id
        raw = row.body + b"\n" + orjson.dumps(row.about)
        if row.taken_at is None and traces.names_surely(raw):
            waiting.add(row.id)
        elif row.taken_at is not None and traces.names_perhaps(raw):
            taken.add(row.id)
    parked = set[int]()
    for row in _pages(connection, told_early, after[1]):
        last[1] = row.id
        if row.order_key in traces.numbers or traces.names_surely(row.body):
            parked.add(row.id)
    rejected = set[int]()
    for row in _pages(connection, rejects, after[2]):
        last[2] = row.id
        if any(traces.names_perhaps(value.encode()) for value in _texts(row)):
            rejected.add(row.id)
    # What was waiting when it was read may have been taken in since.
    again = connection.scalars(sa.select(i.id).where(among(i.id, waiting), i.taken_at.is_not(None)))
    taken |= set(again)
    return Found(
        frozenset(taken),
        frozenset(waiting - taken),
        frozenset(parked),
        frozenset(rejected),
        (last[0], last[1], last[2]),
    )


def remove(connection: Connection, traces: Traces, found: Found, now: Any) -> dict[str, int]:
    """Take it away, in the caller's transaction; how much of each."""
    i = inbox.c
    empty = {"body": b"", "about": {}}
    taken = sa.and_(among(i.id, found.taken | found.waiting), i.taken_at.is_not(None))
    done = {"webhooks": connection.execute(sa.update(inbox).where(taken).values(**empty)).rowcount}
    done["webhooks that waited"] = _end_waiting(connection, traces, found.waiting, now)
    gone = sa.delete(told_early).where(among(told_early.c.id, found.parked))
    done["webhooks that waited for an order"] = connection.execute(gone).rowcount
    done["rejects"] = _blank_rejects(connection, found.rejected)
    return done


def remove_snapshots(connection: Connection, keys: Collection[tuple[str, str]]) -> int:
    """When shops last spoke of these objects, each named by kind and number."""
    count = 0
    for kind, outside_id in keys:
        mine = sa.and_(told_last.c.kind == kind, told_last.c.outside_id == outside_id)
        count += connection.execute(sa.delete(told_last).where(mine)).rowcount
        reported = sa.and_(moment_reports.c.kind == kind, moment_reports.c.outside_id == outside_id)
        count += connection.execute(sa.delete(moment_reports).where(reported)).rowcount
    return count


def _end_waiting(connection: Connection, traces: Traces, numbers: Collection[int], now: Any) -> int:
    """Rows of several people lose those of this one; a message of theirs alone is not taken in any more."""
    i, count = inbox.c, 0
    query = sa.select(i.id, i.body).where(among(i.id, numbers), i.taken_at.is_(None)).with_for_update()
    for number, body in connection.execute(query).all():
        kept = _without(body, traces.names_surely)
        change: dict[str, Any] = {"body": kept}
        if kept is None:
            change = {"body": b"", "about": {}, "taken_at": now, "problem": GONE}
        count += connection.execute(sa.update(inbox).where(i.id == number).values(change)).rowcount
    return count


def _without(body: bytes, names: Callable[[bytes], bool]) -> bytes | None:
    """A JSON list, or an object of lists, without the entries that name them; None where nothing else is in it."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None

    def others(rows: list[Any]) -> list[Any]:
        return [row for row in rows if not names(orjson.dumps(row))]

    if isinstance(given, list):
        kept: Any = others(given)
    elif isinstance(given, dict) and given and all(isinstance(rows, list) for rows in given.values()):
        kept = {name: others(rows) for name, rows in given.items()}
    else:
        return None
    raw = orjson.dumps(kept)
    left = kept if isinstance(kept, list) else [row for rows in kept.values() for row in rows]
    return raw if left and not names(raw) else None


def _blank_rejects(connection: Connection, numbers: Collection[int]) -> int:
    """The details go, and those of other rejects of the same rows: they are the same person's."""
    r, other = rejects.c, rejects.alias()
    same = sa.and_(other.c.import_id == r.import_id, other.c.file == r.file, other.c.line == r.line)
    theirs = sa.exists().where(same, among(other.c.id, numbers))
    blank: dict[str, Any] = dict.fromkeys(_text_columns(), None)
    return connection.execute(sa.update(rejects).where(sa.or_(among(r.id, numbers), theirs)).values(blank)).rowcount


def _text_columns() -> list[str]:
    """Columns of rejects that hold a value of the row."""
    fixed = {"target", "field", "hint"}
    return [c.name for c in rejects.c if isinstance(c.type, sa.Text) and c.nullable and c.name not in fixed]


def _texts(row: Any) -> Iterator[str]:
    for name in _text_columns():
        if value := getattr(row, name):
            yield value


def _pages(connection: Connection, table: sa.Table, after: int) -> Iterator[Any]:
    """The rows behind that number, some at a time."""
    while rows := connection.execute(sa.select(table).where(table.c.id > after).order_by(table.c.id).limit(PART)).all():
        yield from rows
        after = rows[-1].id
