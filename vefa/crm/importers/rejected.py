"""What `rejects` holds: rows that imports and mapped webhooks could not use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.rejecting import Reject
from vefa.crm.tables import imports, rejects

r, i = rejects.c, imports.c


@dataclass(frozen=True)
class Wanted:
    """Which rejects are asked for; without an import and `every` those of the last import that has any."""

    import_id: int | None = None
    every: bool = False
    map: str | None = None
    file: str | None = None
    target: str | None = None
    reason: str | None = None


def read_rejects(connection: Connection, wanted: Wanted, most: int) -> list[Reject]:
    """The rows, the newest import's first, in the order of its files."""
    columns = (r.file, r.line, r.reason, r.detail, r.target, r.field, r.hint)
    query = sa.select(*columns).join_from(rejects, imports).where(*_conditions(connection, wanted))
    rows = connection.execute(query.order_by(r.import_id.desc(), r.file, r.line, r.id).limit(most))
    return [Reject(file, line, reason, detail or "", *rest) for file, line, reason, detail, *rest in rows]


def count_rejects(connection: Connection, wanted: Wanted) -> int:
    """How many there are."""
    query = sa.select(sa.func.count()).select_from(rejects).join(imports)
    return connection.execute(query.where(*_conditions(connection, wanted))).scalar_one()


def _conditions(connection: Connection, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    equal: list[tuple[Any, Any]] = [(i.name, wanted.map), (r.file, wanted.file), (r.target, wanted.target)]
    conditions = [column == value for column, value in equal if value is not None]
    if wanted.reason is not None:
        conditions.append(r.reason.contains(wanted.reason, autoescape=True))
    if wanted.import_id is not None:
        conditions.append(r.import_id == wanted.import_id)
    elif not wanted.every:
        last = sa.select(sa.func.max(r.import_id)).join_from(rejects, imports).where(*conditions)
        conditions.append(r.import_id == connection.scalar(last))
    return conditions
