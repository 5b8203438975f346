"""Facts have the moment in which they became facts, and can be withdrawn.

Every snapshot's report of a moment is kept; the value follows from all of them, whatever the order in which they
came: of the reports after the last one that says "it has not happened" the earliest. What a snapshot does not mention
stays as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.shops.update import Update
from vefa.crm.shops.versions import Key
from vefa.crm.tables import moment_reports
from vefa.database import inserting

_KEY = ["source", "kind", "outside_id", "moment", "updated_at", "rank"]


@dataclass(frozen=True)
class Verdict:
    """What all reports of one moment say together. `reported`: every value that any of them had."""

    at: datetime | None
    denied: bool
    reported: frozenset[datetime]


NOTHING = Verdict(None, False, frozenset())


def put_reports(connection: Connection, updates: Sequence[Update], source: str) -> None:
    """Keep what these snapshots report. Of two reports of one snapshot the earlier moment stands."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in updates:
        for report in each.moments:
            key = (source, each.kind, each.key, report.moment, each.updated_at, each.rank)
            row = {**dict(zip(_KEY, key, strict=True)), "at": report.at}
            there = rows.setdefault(key, row)
            there["at"] = min((at for at in (there["at"], report.at) if at is not None), default=None)
    if not rows:
        return
    insert = inserting(connection, moment_reports)
    new, old = insert.excluded.at, moment_reports.c.at
    earlier = sa.and_(new.is_not(None), sa.or_(old.is_(None), new < old))
    upsert = insert.on_conflict_do_update(index_elements=_KEY, set_={"at": new}, where=earlier)
    connection.execute(upsert, [rows[key] for key in sorted(rows)])


def read_verdicts(connection: Connection, keys: Iterable[Key], source: str) -> dict[Key, dict[str, Verdict]]:
    """Every moment of these objects of which there is a report."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for kind, key in keys:
        by_kind[kind].add(key)
    c = moment_reports.c
    reports: dict[tuple[Key, str], list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for kind, ids in by_kind.items():
        query = sa.select(c.outside_id, c.moment, c.updated_at, c.at)
        query = query.where(c.source == source, c.kind == kind, c.outside_id.in_(sorted(ids)))
        for key, moment, updated_at, at in connection.execute(query.order_by(c.updated_at, c.rank)):
            reports[(kind, key), moment].append((updated_at, at))
    found: dict[Key, dict[str, Verdict]] = defaultdict(dict)
    for (whose, moment), those in reports.items():
        found[whose][moment] = _sign_up(those) if whose[0] == "customer" else _verdict(those)
    return found


def _verdict(reports: Sequence[tuple[datetime, datetime | None]]) -> Verdict:
    denied, since = False, 0
    for place, (_, at) in enumerate(reports):
        if at is None:
            denied, since = True, place + 1
    first = next((updated for updated, at in reports if at is None), None)
    told = [_after(at, updated, first) for updated, at in reports[since:] if at is not None]
    return Verdict(min(told, default=None), denied, _all(reports))


def _sign_up(reports: Sequence[tuple[datetime, datetime | None]]) -> Verdict:
    """An account that is closed later was opened nevertheless."""
    first = next((place for place, (_, at) in enumerate(reports) if at is not None), None)
    return _verdict(reports if first is None else reports[: first + 1])


def _after(at: datetime, updated: datetime, first_denied: datetime | None) -> datetime:
    """What had not happened yet when the object was new is as old as the snapshot that shows it, not as the object."""
    return updated if first_denied is not None and at <= first_denied and updated > first_denied else at


def _all(reports: Sequence[tuple[datetime, datetime | None]]) -> frozenset[datetime]:
    return frozenset(value for updated, at in reports if at is not None for value in (at, updated))
