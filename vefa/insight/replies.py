"""How soon tickets are answered, beside how soon customers expect it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import tickets
from vefa.insight.proportions import Share

#: "At once" in a letter or a chat: within a minute.
AT_ONCE = timedelta(minutes=1)

#: How soon customers expect an answer, in hundredths of them (docs/measures.md); None: whenever it comes.
EXPECTED: tuple[tuple[str, timedelta | None, int], ...] = (
    ("at once", AT_ONCE, 31),
    ("5 minutes", timedelta(minutes=5), 40),
    ("30 minutes", timedelta(minutes=30), 11),
    ("1 hour", timedelta(hours=1), 5),
    ("1 day", timedelta(days=1), 10),
    ("1 week", timedelta(days=7), 1),
    ("whenever", None, 2),
)


@dataclass(frozen=True)
class Bound:
    """By then so many customers (hundredths, all sooner ones with them) expect an answer, and so many tickets had one.

    A ticket still waiting counts once it has waited that long.
    """

    within: str
    expected: int
    answered: Share


@dataclass(frozen=True)
class Replies:
    """All tickets of a stretch, or one agent's, or one category's."""

    of: str
    tickets: int
    answered: int
    waiting: int
    bounds: tuple[Bound, ...]

    @property
    def content(self) -> float | None:
        """The share of customers who are answered as soon as they expect it; None where nothing can be said yet.

        Each expectation's share times how often it is met, as if expectations were the same for every ticket.
        """
        before, met = 0, 0.0
        for bound in self.bounds:
            if bound.answered.rate is None:
                return None
            met += (bound.expected - before) * bound.answered.rate
            before = bound.expected
        return met / 100


def replies(connection: Connection, begin: datetime, end: datetime, by: str | None = None) -> tuple[Replies, ...]:
    """Tickets opened from `begin` to `end`, as known at `end`: all together, or for each `agent` or `category`."""
    t = tickets.c
    name: Any = sa.literal("all", sa.Text) if by is None else sa.func.coalesce(t[by], "")
    there = sa.and_(t.opened_at > begin, t.opened_at <= end, t.opened_known_at <= end)
    answered = sa.and_(t.answered_at.is_not(None), t.answered_known_at <= end)
    query = sa.select(
        name.label("name"),
        sa.func.count().label("tickets"),
        sa.func.count(sa.case((answered, 1))).label("answered"),
        sa.func.count(sa.case((sa.and_(~answered, unresolved(end)), 1))).label("waiting"),
        *(column for place, (_, within, _) in enumerate(EXPECTED) for column in _bound(place, within, answered, end)),
    ).where(there)
    rows = connection.execute(query.group_by(name).order_by(sa.func.count().desc(), name))
    return tuple(_replies(row) for row in rows)


def unresolved(end: datetime) -> sa.ColumnElement[bool]:
    """Over `tickets`: not known to be resolved by then."""
    t = tickets.c
    return sa.or_(t.resolved_at.is_(None), t.resolved_known_at > end)


def _bound(place: int, within: timedelta | None, answered: Any, end: datetime) -> Iterable[Any]:
    """How many were answered by then, and how many can be judged by it."""
    t = tickets.c
    hit: Any
    old: Any
    if within is None:
        hit, old = answered, sa.literal(True, sa.Boolean())
    else:
        micros = within // timedelta(microseconds=1)
        opened = sa.type_coerce(t.opened_at, sa.BigInteger)
        hit = sa.and_(answered, sa.type_coerce(t.answered_at, sa.BigInteger) - opened <= micros)
        old = t.opened_at <= end - within
    yield sa.func.count(sa.case((hit, 1))).label(f"hit{place}")
    yield sa.func.count(sa.case((sa.or_(hit, old), 1))).label(f"of{place}")


def _replies(row: Any) -> Replies:
    bounds, expected = [], 0
    for place, (within, _, share) in enumerate(EXPECTED):
        expected += share
        found = row._mapping
        bounds.append(Bound(within, expected, Share(found[f"hit{place}"], found[f"of{place}"])))
    return Replies(row.name or "·", row.tickets, row.answered, row.waiting, tuple(bounds))
