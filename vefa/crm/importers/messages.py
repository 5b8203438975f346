"""Rows that come as messages instead of files: by the same maps, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.forgotten import hold_erasures
from vefa.crm.importers.batches import plan_batches
from vefa.crm.importers.choosing import choose, keep_shifted_lines
from vefa.crm.importers.chunks import Chunk, make_chunk
from vefa.crm.importers.erasures import Erasures, discreet
from vefa.crm.importers.filling import filler_of
from vefa.crm.importers.frames import PartReader
from vefa.crm.importers.lookups import Lookups, look_up_in, lookups_of
from vefa.crm.importers.maps import ImportMap
from vefa.crm.importers.rejecting import Reject, reject_row
from vefa.crm.importers.runs import FAMILIES
from vefa.crm.importers.stages import Stage, make_stages, unknown_reject
from vefa.crm.importers.writing import Family, Terms, write_batch
from vefa.crm.people import note_sign_ups
from vefa.crm.tables import BY_MESSAGE, customers, imports, rejects
from vefa.database import to_micros
from vefa.settings import Settings

#: Owners in one batch: all of them, for the transaction is the caller's.
_ALL = 10**9


def take_rows(
    connection: Connection,
    given: ImportMap,
    rows: Mapping[str, Sequence[Mapping[str, str]]],
    now: datetime,
    settings: Settings,
) -> int:
    """Write the rows of each input of the map, as an import of such files would; how many could not be used.

    Those are kept in `rejects`, with the number of the row among all that came together.
    """
    found: list[Reject] = []
    stages = {stage.target.name: stage for stage in make_stages(given.targets)}
    for stage in stages.values():
        stage.create(connection)
    hold_erasures(connection)
    erasures = Erasures(settings, stages, given.source)
    numbers = count(1)
    looked_up = lookups_of(given)
    tables = {
        key: look_up_in(each, [_chunk(given, each.input, rows.get(each.input, ()))]) for key, each in looked_up.items()
    }
    for name, those in rows.items():
        found += _read(connection, given, _chunk(given, name, those), name, stages, numbers, now, settings, tables)
    terms = Terms(
        source=given.source,
        now=to_micros(now),
        history=False,
        shop_zone=settings.shop.zone,
        parcels_set_orders=any(part.sets_orders for part in given.targets),
    )
    for names, owner in FAMILIES:
        mine = tuple(stages[name] for name in names if name in stages)
        if mine:
            found += _write(connection, Family(mine, owner), terms, now, erasures)
    for stage in stages.values():
        stage.drop(connection)
    if found:
        _keep(connection, given, discreet(connection, settings, found), now)
    return len(found)


def _chunk(given: ImportMap, name: str, rows: Sequence[Mapping[str, str]]) -> Chunk:
    """The rows of an input, with every column that any of them has or the map needs; a missing one is empty."""
    needed = {column for part in given.parts_of(name) for column in part.sources} | set(filler_of(given, name).sources)
    needed |= {key for each in lookups_of(given).values() if each.input == name for key in (each.match, each.take)}
    needed |= {column for row in rows for column in row}
    cells = {column: [row.get(column, "") for row in rows] for column in sorted(needed)}
    return filler_of(given, name).fill(make_chunk(name, cells, list(range(1, len(rows) + 1))))


def _read(
    connection: Connection,
    given: ImportMap,
    chunk: Chunk,
    name: str,
    stages: Mapping[str, Stage],
    numbers: Iterator[int],
    now: datetime,
    settings: Settings,
    tables: Lookups,
) -> list[Reject]:
    found: list[Reject] = []
    for part in given.parts_of(name):
        batch = PartReader(part, given, settings, now, tables=tables).read(chunk)
        found += batch.rejects
        stages[part.into].add(connection, batch, name, numbers)
    return found


def _write(connection: Connection, family: Family, terms: Terms, now: datetime, erasures: Erasures) -> list[Reject]:
    found: list[Reject] = []
    for stage in family.stages:
        choose(connection, stage, terms.source, family.pending(stage), family.contacts_of(stage))
        erasures.mark(connection, stage)
        stage.refuse_problems(connection)
        chosen = stage.chosen
        wrong = sa.select(chosen.c.place, chosen.c.at_line, chosen.c.problem, chosen.c.detail)
        wrong = wrong.where(chosen.c.problem.is_not(None)).order_by(chosen.c.n)
        found += [
            unknown_reject(stage, place, line, problem, detail or "")
            for place, line, problem, detail in connection.execute(wrong)
        ]
        connection.execute(chosen.delete().where(chosen.c.problem.is_not(None)))
        keep_shifted_lines(connection, stage)
    head = family.head
    signing_up = _without_day(connection, head) if head is not None and head.target.name == "customers" else []
    for number in range(plan_batches(connection, family, _ALL).batches):
        write_batch(connection, family, terms, number)
    if signing_up:
        note_sign_ups(connection, signing_up, now)
    return found


def _without_day(connection: Connection, stage: Stage) -> list[int]:
    """Those who are known, and of whom nobody has said yet when they signed up."""
    chosen = stage.chosen
    query = sa.select(customers.c.id).join(chosen, chosen.c.outside_id == customers.c.outside_id)
    return list(connection.scalars(query.where(customers.c.created_at.is_(None), chosen.c.created_at.is_not(None))))


def _keep(connection: Connection, given: ImportMap, found: Sequence[Reject], now: datetime) -> None:
    row = {"name": given.name, "path": BY_MESSAGE, "started_at": now, "finished_at": now}
    number = connection.execute(imports.insert().returning(imports.c.id), row).scalar_one()
    connection.execute(rejects.insert(), [reject_row(number, each) for each in found])
