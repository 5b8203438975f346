"""Where rows of one target wait, in temporary tables, until all of a source are together.

Staged rows are what the readers gave, in the order of the source. Chosen rows are one per key, with the ids of the
rows that they refer to and what they would change. Both live beside the shop's tables, so that SQL can join them, and
vanish with the connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.frames import Batch
from vefa.crm.importers.maps import Part
from vefa.crm.importers.rejecting import ANYBODY, Reject, hint_of
from vefa.crm.importers.summary import Change
from vefa.crm.importers.targets import TARGETS, Target
from vefa.database import inserting

#: Plain types: everything is already as the database holds it.
_TYPES: dict[str, Any] = {
    "money": sa.BigInteger,
    "quantity": sa.BigInteger,
    "whole": sa.BigInteger,
    "stars": sa.BigInteger,
    "score": sa.BigInteger,
    "time": sa.BigInteger,
    "boolean": sa.Boolean,
    "birthday": sa.Date,
}

#: What a chosen row brings.
UNCHANGED, NEW, CHANGED = 0, 1, 2

_EXTRA = {
    "customers": ("bucket", sa.BigInteger),
    "contacts": ("address_key", sa.Text),
    "consents": ("address_key", sa.Text),
    "suppressions": ("address_key", sa.Text),
}


@dataclass(frozen=True)
class Stage:
    """The temporary tables of one target, and the part of the map that stands for all its parts."""

    target: Target
    part: Part
    staged: sa.Table
    chosen: sa.Table
    refused: sa.Table

    @property
    def filled(self) -> tuple[str, ...]:
        """The names that the map fills, references included."""
        return tuple(self.part.columns)

    def create(self, connection: Connection) -> None:
        """Empty tables, whatever a broken import before may have left."""
        for table in (self.staged, self.chosen, self.refused):
            table.drop(connection, checkfirst=True)
            table.create(connection)

    def drop(self, connection: Connection) -> None:
        """Give the room back."""
        for table in (self.staged, self.chosen, self.refused):
            table.drop(connection, checkfirst=True)

    def refuse(self, connection: Connection, keys: Collection[str]) -> None:
        """Note that rows of these owners are missing."""
        if keys:
            new = inserting(connection, self.refused).on_conflict_do_nothing()
            connection.execute(new, [{"key": key} for key in sorted(keys)])

    def refuse_problems(self, connection: Connection) -> None:
        """The same for chosen rows that name something unknown."""
        if (name := self.target.whole_by) is None:
            return
        chosen = self.chosen
        wrong = sa.select(chosen.c[name]).distinct().where(chosen.c.problem.is_not(None), chosen.c[name].is_not(None))
        new = inserting(connection, self.refused).from_select(["key"], wrong)
        connection.execute(new.on_conflict_do_nothing())

    def lacks_rows_of(self, key: Any, *, perhaps: bool = False) -> sa.ColumnElement[bool]:
        """Whether a row of that owner could not be used; `perhaps`, too, where one of anybody's could not."""
        keys = [key, sa.literal(ANYBODY, sa.Text)] if perhaps else [key]
        return sa.exists().where(sa.or_(*(self.refused.c.key == each for each in keys))).correlate_except(self.refused)

    def add(self, connection: Connection, batch: Batch, place: str, numbers: Iterator[int]) -> None:
        """Put a chunk's rows behind those that are there; `numbers` goes on through the whole import."""
        self.refuse(connection, batch.refused)
        if not batch.lines:
            return
        names = ("n", "place", "at_line", *batch.columns)
        columns = (numbers, repeat(place), batch.lines, *batch.columns.values())
        first, *rest = zip(*_equally_long(columns, len(batch.lines)), strict=True)
        rows = [dict(zip(names, row, strict=True)) for row in chain([first], rest)]
        connection.execute(self.staged.insert(), rows)


def _equally_long(columns: tuple[Any, ...], length: int) -> list[Any]:
    """The endless ones cut to length, so that no number is lost between chunks."""
    from itertools import islice

    return [list(islice(column, length)) for column in columns]


def make_stages(parts: tuple[Part, ...]) -> list[Stage]:
    """A stage for each target of the map, in the order in which targets are written."""
    by_target = {part.into: part for part in reversed(parts)}
    return [_stage(target, by_target[name]) for name, target in TARGETS.items() if name in by_target]


def _stage(target: Target, part: Part) -> Stage:
    metadata = sa.MetaData()
    staged = sa.Table(
        f"staged_{target.name}",
        metadata,
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        *_place(),
        *_said(target),
        prefixes=["TEMPORARY"],
    )
    chosen = sa.Table(
        f"chosen_{target.name}",
        metadata,
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        *_place(),
        *_said(target),
        *(sa.Column(f"{name}_id", sa.BigInteger) for name in target.references),
        sa.Column("owner", sa.Text, comment="whose batch it is written in"),
        sa.Column("news", sa.SmallInteger),
        sa.Column("problem", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("batch", sa.BigInteger),
        prefixes=["TEMPORARY"],
    )
    refused = sa.Table(
        f"refused_{target.name}", metadata, sa.Column("key", sa.Text, primary_key=True), prefixes=["TEMPORARY"]
    )
    return Stage(target, part, staged, chosen, refused)


def _place() -> list[sa.Column[Any]]:
    return [sa.Column("place", sa.Text), sa.Column("at_line", sa.BigInteger)]


def _said(target: Target) -> Iterator[sa.Column[Any]]:
    for name, kind in target.columns.items():
        yield sa.Column(name, _TYPES.get(kind, sa.Text))
    for name in target.references:
        yield sa.Column(name, sa.Text)
    if target.has_fingerprint:
        yield sa.Column("fingerprint", sa.Text)
    if target.name == "customers" or "customer" in target.references:
        yield sa.Column("customer_at", sa.Text)  # the key of the address by which the customer is named
    if target.name in _EXTRA:
        yield sa.Column(*_EXTRA[target.name])


def changes_of(connection: Connection, stage: Stage, most: int) -> list[Change]:
    """The first rows that are new, and the first that are changed."""
    chosen, found = stage.chosen, []
    key = sa.cast(chosen.c[stage.target.key[0]], sa.Text)
    for news, word in ((NEW, "new"), (CHANGED, "changed")):
        query = sa.select(chosen.c.place, chosen.c.at_line, key).where(chosen.c.news == news)
        rows = connection.execute(query.order_by(chosen.c.n).limit(most))
        found += [Change(stage.target.name, word, place, line, owner or "") for place, line, owner in rows]
    return found


def unknown_reject(stage: Stage, place: str, line: int, problem: str, detail: str) -> Reject:
    """A row of the stage that names something unknown."""
    field = problem.removeprefix("unknown ").removeprefix("no ")
    known = field in stage.target.references
    hint = hint_of("id", problem, detail, stage.part.columns.get(field), "") if known else None
    return Reject(place, line, problem, detail, stage.target.name, field if known else None, hint)


def analyze(connection: Connection, table: sa.Table) -> None:
    """Tell PostgreSQL how many rows a temporary table has; it plans as for a small one otherwise."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f'ANALYZE "{table.name}"')
