"""Which snapshot of each object holds: compared and written in one statement, under the object's own lock.

An object's row in `told_last` is its lock. Whoever writes an object, or parks what needs it, holds that row until the
commit, so of two servers beside each other the second sees what the first has written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.shops.update import Update
from vefa.crm.tables import told_last
from vefa.database import inserting

Key = tuple[str, str]
#: Before anything that a shop can report.
_NEVER = datetime(1900, 1, 1, tzinfo=UTC)
_KEY = ["source", "kind", "outside_id"]


@dataclass(frozen=True)
class Version:
    """What is kept of the snapshot that holds."""

    version: tuple[datetime, int, str]
    withdrawn: str | None
    partial: bool | None


def lock_objects(connection: Connection, keys: Iterable[Key], source: str) -> None:
    """Lock these objects until the commit, known or not, all callers in one order."""
    rows = [
        {"source": source, "kind": kind, "outside_id": key, "said_at": _NEVER, "rank": -1, "digest": ""}
        for kind, key in sorted(set(keys))
    ]
    if not rows:
        return
    insert = inserting(connection, told_last)
    same = {"outside_id": insert.excluded.outside_id}
    connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=same), rows)


def put_versions(connection: Connection, updates: Sequence[Update], source: str) -> None:
    """Write the versions of these snapshots, one an object, where they are later than those that hold."""
    if not updates:
        return
    insert = inserting(connection, told_last)
    new, old = insert.excluded, told_last.c
    names = ("said_at", "rank", "digest", "partial", "withdrawn")
    later = sa.tuple_(new.said_at, new.rank, new.digest) > sa.tuple_(old.said_at, old.rank, old.digest)
    upsert = insert.on_conflict_do_update(index_elements=_KEY, set_={name: new[name] for name in names}, where=later)
    rows: list[dict[str, Any]] = [
        {
            "source": source,
            "kind": each.kind,
            "outside_id": each.key,
            "said_at": each.updated_at,
            "rank": each.rank,
            "digest": each.digest,
            "partial": each.partial,
            "withdrawn": each.withdrawn,
        }
        for each in sorted(updates, key=lambda one: (one.kind, one.key))
    ]
    connection.execute(upsert, rows)


def read_versions(connection: Connection, keys: Iterable[Key], source: str) -> dict[Key, Version]:
    """The versions that hold, of objects of which there is one."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for kind, key in keys:
        by_kind[kind].add(key)
    c = told_last.c
    found: dict[Key, Version] = {}
    for kind, ids in by_kind.items():
        query = sa.select(c.outside_id, c.said_at, c.rank, c.digest, c.withdrawn, c.partial)
        query = query.where(c.source == source, c.kind == kind, c.outside_id.in_(sorted(ids)), c.rank >= 0)
        for key, at, rank, digest, withdrawn, partial in connection.execute(query):
            found[kind, key] = Version((at, rank, digest), withdrawn, partial)
    return found
