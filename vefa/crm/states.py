"""How tickets and returns stand, and how they came to: each change of state is a row, numbered from 1, and an event.

A state comes from a moment (`answered_at` is set: answered) or from words that are told (`state`). What both tell is
one change. Number 0 is the state that the object began with, which is no change. A corrected moment corrects its
change; it makes no second one (rule 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Table
from sqlalchemy.engine import Connection

from vefa.crm.tables import returns, tickets
from vefa.database import Id, Instant, inserting, metadata, other

object_states = Table(
    "object_states",
    metadata,
    Column("kind", sa.Text, primary_key=True, comment="ticket | return"),
    Column("object_id", Id, primary_key=True, autoincrement=False),
    Column("n", sa.Integer, primary_key=True, autoincrement=False, comment="0: the first state, which is no change"),
    Column("state", sa.Text, nullable=False),
    Column("origin", sa.Text, nullable=False, comment="the moment that tells it (answered …), or said"),
    Column("changed_at", Instant, nullable=False),
    Column("known_at", Instant, nullable=False),
    comment="the states of tickets and returns, one after the other",
)

#: Tables with states, and the moments that tell one; the first is what an object begins with.
STATEFUL: dict[str, tuple[sa.Table, tuple[str, ...]]] = {
    "ticket": (tickets, ("opened", "answered", "resolved")),
    "return": (returns, ("requested", "received", "refunded")),
}
SAID = "said"
_NAMES = ("kind", "object_id", "n", "state", "origin", "changed_at", "known_at")

c = object_states.c


def changed(kind: str) -> str:
    """The event that a change of state makes."""
    return f"{kind}.state_changed"


def note_states(connection: Connection, kind: str, wanted: Any) -> None:
    """Write down every state that these rows (`wanted`, over their table; None: all) tell and that is new."""
    table, moments = STATEFUL[kind]
    chosen = sa.true() if wanted is None else wanted
    for moment in moments:
        _correct(connection, kind, table, moment, chosen)
    _insert(connection, _first(kind, table, moments[0], chosen))
    _insert(connection, _numbered(kind, sa.union_all(*(_reached(kind, table, m, chosen) for m in moments[1:]))))
    _insert(connection, _numbered(kind, _told(kind, table, chosen)))


def _correct(connection: Connection, kind: str, table: sa.Table, moment: str, chosen: Any) -> None:
    at = table.c[f"{moment}_at"]
    now = sa.select(at).where(table.c.id == c.object_id).scalar_subquery()
    wrong = sa.exists().where(table.c.id == c.object_id, chosen, at.is_not(None), at != c.changed_at)
    mine = sa.and_(c.kind == kind, c.origin == moment, wrong)
    connection.execute(sa.update(object_states).where(mine).values(changed_at=now))


def _first(kind: str, table: sa.Table, moment: str, chosen: Any) -> sa.Select[Any]:
    at, known = table.c[f"{moment}_at"], table.c[f"{moment}_known_at"]
    row = (sa.literal(kind), table.c.id, sa.literal(0), sa.literal(moment), sa.literal(moment), at, known)
    return sa.select(*row).where(chosen, at.is_not(None), sa.not_(_there(kind, table, n=0)))


def _reached(kind: str, table: sa.Table, moment: str, chosen: Any) -> sa.Select[Any]:
    """The moment's own state, unless words have told it or tell of that very moment."""
    at, known = table.c[f"{moment}_at"], table.c[f"{moment}_known_at"]
    speaks = sa.and_(table.c.state.is_not(None), table.c.state_at.is_not_distinct_from(at), table.c.state != moment)
    new = (sa.not_(_there(kind, table, origin=moment)), sa.not_(_there(kind, table, state=moment, origin=SAID)))
    row = (table.c.id, sa.literal(moment).label("state"), sa.literal(moment).label("origin"))
    said = sa.select(*row, at.label("changed_at"), known.label("known_at"))
    return said.where(chosen, at.is_not(None), *new, sa.not_(speaks))


def _told(kind: str, table: sa.Table, chosen: Any) -> sa.Select[Any]:
    """The state in words, unless the object stands so already, or was told to at that moment."""
    last = other(object_states)
    stands = (
        sa.select(last.c.state)
        .where(last.c.kind == kind, last.c.object_id == table.c.id)
        .order_by(last.c.changed_at.desc(), last.c.n.desc())
        .limit(1)
        .correlate_except(last)
        .scalar_subquery()
    )
    known = _there(kind, table, state=table.c.state, changed_at=table.c.state_at)
    row = (table.c.id, table.c.state, sa.literal(SAID).label("origin"))
    said = sa.select(*row, table.c.state_at.label("changed_at"), table.c.state_known_at.label("known_at"))
    new = (stands.is_distinct_from(table.c.state), sa.not_(known))
    return said.where(chosen, table.c.state.is_not(None), table.c.state_at.is_not(None), *new)


def _there(kind: str, table: sa.Table, **wanted: Any) -> sa.ColumnElement[bool]:
    have = object_states.alias("have")
    same = (have.c[name] == value for name, value in wanted.items())
    return sa.exists().where(have.c.kind == kind, have.c.object_id == table.c.id, *same).correlate_except(have)


def _numbered(kind: str, given: Any) -> sa.Select[Any]:
    """New states behind those that are there, in the order of time."""
    new, have = given.subquery("new_states"), object_states.alias("numbered")
    last = sa.select(sa.func.coalesce(sa.func.max(have.c.n), 0)).where(
        have.c.kind == kind, have.c.object_id == new.c.id
    )
    place = sa.func.row_number().over(partition_by=new.c.id, order_by=(new.c.changed_at, new.c.origin))
    n = sa.cast(last.correlate_except(have).scalar_subquery() + place, sa.Integer)
    return sa.select(sa.literal(kind), new.c.id, n, new.c.state, new.c.origin, new.c.changed_at, new.c.known_at).where(
        new.c.id.is_not(None)
    )


def _insert(connection: Connection, rows: sa.Select[Any]) -> None:
    insert = inserting(connection, object_states).from_select(_NAMES, rows)
    connection.execute(insert.on_conflict_do_nothing())


def changes(kind: str, before: Sequence[Any], after: Sequence[Any]) -> sa.Select[Any]:
    """Every change of state: its number, between columns of its object, then when it was and when we learned of it."""
    table, _ = STATEFUL[kind]
    mine = sa.and_(c.kind == kind, c.object_id == table.c.id, c.n > 0)
    query = sa.select(*before, c.n, *after, c.changed_at, c.known_at).join_from(table, object_states, mine)
    return query.order_by(table.c.id, c.n)
