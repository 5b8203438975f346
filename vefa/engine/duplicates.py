"""One person twice inside a journey, because two customers turned out to be one: the later enrolment ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.plans import leave
from vefa.engine.tables import enrolments, reentry_slots
from vefa.ledger.tables import sends

REASON = "merged"
#: Messages that somebody got, or may have got.
_WENT = ("claimed", "sent", "unknown")

e, s = enrolments.c, sends.c


@dataclass(frozen=True)
class _Pair:
    """Enrolments of both customers in one journey, under keys that mean the same."""

    kept: Any
    gone: Any

    def second(self, older: int) -> Any:
        """The one that ends. A control group's stays, where the older customer is in it; then who got more messages."""
        pair = (self.kept, self.gone)
        for mine in pair:
            if mine.customer_id == older and mine.state == "holdout":
                return next(other for other in pair if other is not mine)
        return max(pair, key=lambda row: (-row.went, row.enrolled_at, row.id))


def end_duplicates(connection: Connection, kept: int, gone: int, older: int, now: datetime) -> None:
    """Make the gone customer's enrolments fit among the kept one's: no used entry key is free again, none doubled."""
    about = sa.and_(e.customer_id == gone, e.object_kind == "customer", e.entry_key == gone)
    connection.execute(sa.update(enrolments).where(about).values(entry_key=kept))
    for pair in _same_key(connection, kept, gone):
        second = pair.second(older)
        leave(connection, e.id == second.id, now, REASON, at_once=True)
        # Its key is the other's; what it sent stays, and counts.
        connection.execute(sa.update(enrolments).where(e.id == second.id).values(entry_key=-second.id))
    for pair in _too_soon(connection, kept, gone):
        leave(connection, e.id == pair.second(older).id, now, REASON, at_once=True)


def _rows(connection: Connection, which: Any) -> list[Any]:
    went = sa.select(sa.func.count()).where(s.enrolment_id == e.id, s.state.in_(_WENT)).scalar_subquery()
    return list(connection.execute(sa.select(enrolments, went.label("went")).where(which).order_by(e.id)))


def _same_key(connection: Connection, kept: int, gone: int) -> list[_Pair]:
    other = enrolments.alias("other")
    same = sa.and_(other.c.journey_id == e.journey_id, other.c.entry_key == e.entry_key)
    both = sa.or_(
        sa.and_(e.customer_id == kept, other.c.customer_id == gone),
        sa.and_(e.customer_id == gone, other.c.customer_id == kept),
    )
    rows = _rows(connection, sa.exists().where(same, both))
    mine = {(row.journey_id, row.entry_key): row for row in rows if row.customer_id == kept}
    return [_Pair(mine[row.journey_id, row.entry_key], row) for row in rows if row.customer_id == gone]


def _too_soon(connection: Connection, kept: int, gone: int) -> list[_Pair]:
    """Both inside a journey whose re-entry rule would have let one person in once."""
    r = reentry_slots.c
    query = sa.select(reentry_slots).where(r.customer_id.in_((kept, gone)))
    slots: dict[int, dict[int, Any]] = {}
    for row in connection.execute(query):
        slots.setdefault(row.journey_id, {})[row.customer_id] = row
    pairs = []
    for journey, held in slots.items():
        if len(held) < 2:
            continue
        rows = _rows(connection, sa.and_(e.journey_id == journey, e.state == "active", e.customer_id.in_((kept, gone))))
        mine = [row for row in rows if row.customer_id == kept]
        theirs = [row for row in rows if row.customer_id == gone]
        pairs += [_Pair(one, two) for one in mine[:1] for two in theirs[:1] if _meet(one, two, held)]
    return pairs


def _meet(one: Any, two: Any, slots: dict[int, Any]) -> bool:
    first, second = sorted((one, two), key=lambda row: row.entered_at)
    until = slots[first.customer_id].next_at
    return until is None or second.entered_at < until
