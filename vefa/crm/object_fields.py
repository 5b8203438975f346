"""What stands with the object that the trigger is about: a return, a ticket, a review, an answer."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.crm.scope import Scope
from vefa.crm.sql_fields import Kind, SqlField, one, visible
from vefa.crm.states import changed, object_states
from vefa.crm.tables import events, survey_answers
from vefa.database import other


def _may_be_about(scope: Scope, kind: str) -> bool:
    """Whether rows of the scope can have an object of that kind at hand."""
    return scope.object_kind == kind or (scope.object_kind is None and scope.kind_at is not None)


def is_about(scope: Scope, kind: str) -> list[ColumnElement[bool]]:
    """What a row itself says of the kind of its object: the same number names other things in other tables."""
    return [] if scope.kind_at is None else [scope.kind_at == kind]


def own(table: sa.Table, object_kind: str, column: str, kind: Kind, known: str | None = None) -> SqlField:
    """A column of the trigger's own object; empty where the journey is about something else."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        if not _may_be_about(scope, object_kind):
            return sa.null()
        t = other(table)
        value = visible(t.c[column], t.c[known], scope) if known else t.c[column]
        return one(sa.select(value).where(t.c.id == scope.object_id, *is_about(scope, object_kind)), t)

    return SqlField(kind, sql)


def state(object_kind: str) -> SqlField:
    """How the trigger's own object stands; in a `whenever` that runs for a change of it, what it changed to."""

    def sql(scope: Scope) -> ColumnElement[Any]:
        if not _may_be_about(scope, object_kind):
            return sa.null()
        st = other(object_states)
        mine = (st.c.kind == object_kind, st.c.object_id == scope.object_id, *is_about(scope, object_kind))
        now = sa.select(st.c.state).where(*mine, st.c.known_at <= scope.now)
        last = one(now.order_by(st.c.changed_at.desc(), st.c.n.desc()).limit(1), st)
        if scope.event_id is None:
            return last
        v = other(events)
        told = (v.c.id == scope.event_id, v.c.type == changed(object_kind), v.c.object_id == st.c.object_id)
        change = sa.select(st.c.state).where(*mine, *told, st.c.n == v.c.occurrence)
        return sa.func.coalesce(one(change, st, v), last)

    return SqlField("text", sql)


def answer(name: str, kind: Kind, column: str, known: str | None = None) -> SqlField:
    """Of the answer that brought the customer in, else of the one to what this journey asked."""
    brought = own(survey_answers, "survey", column, kind, known)

    def sql(scope: Scope) -> ColumnElement[Any]:
        asked = sa.null() if scope.more is None else scope.more(name)
        if not _may_be_about(scope, "survey"):
            return asked
        at_hand: ColumnElement[Any] = brought.sql(scope)
        return sa.func.coalesce(at_hand, asked, type_=survey_answers.c[column].type)

    return SqlField(kind, sql)


def more(name: str, kind: Kind) -> SqlField:
    """A field that a room above owns and puts into the scope; empty elsewhere."""
    return SqlField(kind, lambda scope: sa.null() if scope.more is None else scope.more(name))
