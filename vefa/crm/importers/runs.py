"""One import from beginning to end: read everything into stages, choose, then write batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.forgotten import hold_erasures
from vefa.crm.importers.batches import plan_batches
from vefa.crm.importers.choosing import choose, keep_shifted_lines
from vefa.crm.importers.chunks import CHUNK_ROWS, Chunk
from vefa.crm.importers.erasures import Erasures, discreet
from vefa.crm.importers.filling import filled, filler_of
from vefa.crm.importers.frames import PartReader
from vefa.crm.importers.incomplete import mark_incomplete, set_aside_sums
from vefa.crm.importers.lookups import Lookups, look_up_in, lookups_of
from vefa.crm.importers.maps import ImportMap
from vefa.crm.importers.rejecting import ANYBODY, Reject, reject_row
from vefa.crm.importers.sources import chunks_of
from vefa.crm.importers.stages import Stage, changes_of, make_stages, unknown_reject
from vefa.crm.importers.summary import Change, ImportSummary
from vefa.crm.importers.tallies import SAMPLES, WRONG_COLUMNS, Tallies
from vefa.crm.importers.writing import Family, Terms, write_batch
from vefa.crm.shared_mailboxes import shared_mailboxes
from vefa.crm.tables import customers, imports, orders, rejects
from vefa.database import to_micros
from vefa.settings import Settings

#: Told what is going on: the file or target, rows or batches done, and of how many where that is known.
Progress = Callable[[str, int, int | None], None]

#: Keys in one write transaction: with an order's lines about as much as is written in 100 ms (rule 19).
BATCH_KEYS = 500
#: Rejects that are fetched from a stage at one time.
_REJECTS = 5_000

#: Targets that are written together, in the order in which they are written, and the table of their owners.
FAMILIES: tuple[tuple[tuple[str, ...], sa.Table | None], ...] = (
    (("customers", "contacts", "consents"), customers),
    (("products",), None),
    (("orders", "order_lines"), orders),
    (("deliveries",), None),
    (("returns",), None),
    (("tickets",), None),
    (("ticket_messages",), None),
    (("reviews",), None),
    (("survey_answers",), None),
    (("events",), None),
    (("suppressions",), None),
)


def run_import(
    engine: Engine,
    given: ImportMap,
    path: str,
    now: datetime,
    history: bool,
    settings: Settings,
    progress: Progress | None = None,
    *,
    chunk_rows: int = CHUNK_ROWS,
    batch_keys: int = BATCH_KEYS,
    dry: bool = False,
) -> ImportSummary:
    """Import `path` (a folder, a file or a database URL) by the map; raises ImportMapError if it cannot be read.

    A bad row is written to `rejects` and stops nothing. The same files again change nothing. After a crash the
    next run goes on where it stopped. `history` makes everything known when it happened (rule 2). A `dry` run writes
    nothing and takes no lock: it says what would become of the rows.
    """
    with engine.connect() as connection, _file_backed_temporaries(connection):
        run = _Run(connection, given, path, now, settings, progress or _silently, chunk_rows, batch_keys, dry)
        return run.whole(history)


def _silently(_what: str, _done: int, _total: int | None) -> None:
    """Nobody is told."""


@contextmanager
def _file_backed_temporaries(connection: Connection) -> Iterator[None]:
    """Stages may be larger than memory: on SQLite they go to a file for the time being."""
    if connection.dialect.name != "sqlite":
        yield
        return
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA temp_store=FILE")
    try:
        yield
    finally:
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()


class _Run:
    """The state of one import. A dry one writes nothing but temporary tables."""

    def __init__(
        self,
        connection: Connection,
        given: ImportMap,
        path: str,
        now: datetime,
        settings: Settings,
        progress: Progress,
        chunk_rows: int,
        batch_keys: int,
        dry: bool,
    ) -> None:
        self._connection = connection
        self._map = given
        self._path = path
        self._now = now
        self._settings = settings
        self._progress = progress
        self._chunk_rows = chunk_rows
        self._batch_keys = batch_keys
        self._dry = dry
        self._stages = {stage.target.name: stage for stage in make_stages(given.targets)}
        self._erasures = Erasures(settings, self._stages, given.source)
        self._numbers = count(1)
        self._tallies = Tallies(self._stages, settings.imports.unusable_share)
        self._changes: list[Change] = []
        self._tables: Lookups = {}
        self._events = 0
        self._id = 0

    def whole(self, history: bool) -> ImportSummary:
        """Everything, in order."""
        started = time.perf_counter()
        self._begin()
        terms = Terms(
            source=self._map.source,
            now=to_micros(self._now),
            history=history,
            shop_zone=self._settings.shop.zone,
            parcels_set_orders=any(part.sets_orders for part in self._map.targets),
        )
        self._tables = {
            key: look_up_in(lookup, chunks_of(self._map, lookup.input, self._path, {lookup.match, lookup.take}))
            for key, lookup in lookups_of(self._map).items()
        }
        for name in self._map.inputs:
            self._read_input(name)
        for names, owner in FAMILIES:
            stages = tuple(self._stages[name] for name in names if name in self._stages)
            if stages:
                self._write_family(Family(stages, owner), terms)
        return self._finish(time.perf_counter() - started)

    def _begin(self) -> None:
        if not self._dry:
            with self._transaction(write=True):
                row = {"name": self._map.name, "path": _without_password(self._path), "started_at": self._now}
                self._id = self._connection.execute(imports.insert().returning(imports.c.id), row).scalar_one()
        with self._transaction():
            for stage in self._stages.values():
                stage.create(self._connection)

    def _finish(self, seconds: float) -> ImportSummary:
        summary = ImportSummary(
            import_id=self._id,
            name=self._map.name,
            path=_without_password(self._path),
            targets={name: tally.summary() for name, tally in self._tallies.by_target.items()},
            misshapen=dict(self._tallies.misshapen),
            events=self._events,
            seconds=round(seconds, 3),
            unusable=dict(self._tallies.unusable()),
        )
        with self._transaction():
            for stage in self._stages.values():
                stage.drop(self._connection)
        if self._dry:
            return replace(summary, samples=tuple(self._tallies.samples), would_change=tuple(self._changes))
        with self._transaction(write=True):
            finished = self._now + timedelta(seconds=seconds)
            self._connection.execute(
                imports.update().where(imports.c.id == self._id).values(finished_at=finished, summary=summary.as_json())
            )
        return summary

    def _read_input(self, name: str) -> None:
        readers = [
            PartReader(part, self._map, self._settings, self._now, self._tables) for part in self._map.parts_of(name)
        ]
        if not readers:  # it is there to be looked up in
            return
        needed = {column for reader in readers for column in reader.sources} | set(filler_of(self._map, name).sources)
        targets = {reader.part.into for reader in readers}
        done = 0
        for chunk in filled(self._map, name, chunks_of(self._map, name, self._path, needed, self._chunk_rows)):
            self._note_strays(chunk, targets)
            batches = [(reader.part, reader.read(chunk)) for reader in readers]
            with self._transaction():
                for part, batch in batches:
                    self._stages[part.into].add(self._connection, batch, chunk.place, self._numbers)
            for part, batch in batches:
                self._tallies.note_batch(part.into, batch)
                self._reject(batch.rejects)
            done += len(chunk.lines)
            self._progress(f"reading {chunk.place}", done, None)

    def _note_strays(self, chunk: Chunk, targets: Collection[str]) -> None:
        self._tallies.note_strays(chunk.place, len(chunk.strays), targets)
        if not chunk.strays:
            return
        hint = "see that no quotation mark is lost, and that delimiter: is right"
        self._reject(
            [Reject(chunk.place, stray.line, WRONG_COLUMNS, stray.detail, hint=hint) for stray in chunk.strays]
        )
        with self._transaction():
            for target in targets:
                self._stages[target].refuse(self._connection, {ANYBODY})

    def _reject(self, found: Sequence[Reject]) -> None:
        if self._dry:
            self._tallies.sample(found)
        elif found:
            with self._transaction(write=True):
                hold_erasures(self._connection)
                found = discreet(self._connection, self._settings, found)
                self._connection.execute(rejects.insert(), [reject_row(self._id, reject) for reject in found])

    def _write_family(self, family: Family, terms: Terms) -> None:
        for stage in family.stages:
            self._choose(stage, family, terms.source)
        lines = family.stage("order_lines")
        if lines is not None and self._tallies.unusable():  # no file of which so much is wrong says what is gone
            with self._transaction():
                lines.refuse(self._connection, {ANYBODY})
        self._set_aside_sums(family)
        with self._transaction():
            plan = plan_batches(self._connection, family, self._batch_keys)
        if plan.vanished_lines:
            self._tallies["order_lines"].counted["removed"] += plan.vanished_lines
        if self._dry:
            return
        label = f"writing {family.stages[0].target.name}"
        for number in range(plan.batches):
            with self._transaction(write=True):
                hold_erasures(self._connection)
                late = self._erasures.drop(self._connection, family, number)
                self._events += write_batch(self._connection, family, terms, number)
            self._note_late(late)
            self._progress(label, number + 1, plan.batches)
        if family.stage("contacts") is not None:
            with self._transaction():
                if shared := shared_mailboxes(self._connection).addresses:
                    self._tallies["contacts"].counted["addresses of several customers"] = shared
        if lines is not None:
            with self._transaction(write=True):
                mark_incomplete(self._connection, terms.source, lines)

    def _set_aside_sums(self, family: Family) -> None:
        """Orders that cost what their lines cost are rejects where a line is one."""
        head, lines = family.stage("orders"), family.stage("order_lines")
        if head is None or lines is None or not head.part.columns["total"].from_lines:
            return
        with self._transaction():
            aside = set_aside_sums(self._connection, head, lines)
        if not aside.orders:
            return
        self._tallies["orders"].states.subtract(aside.orders)
        self._tallies["order_lines"].states.subtract(aside.lines)
        self._tallies["order_lines"].counted["kept as they were"] += sum(aside.lines.values())
        self._reject_unknown(head)

    def _note_late(self, late: dict[str, list[Reject]]) -> None:
        """Rows of people who were erased while the import ran."""
        for name, found in late.items():
            self._tallies[name].rejected.update(each.reason for each in found)
            self._reject(found)

    def _choose(self, stage: Stage, family: Family, source: str) -> None:
        chosen, tally = stage.chosen, self._tallies[stage.target.name]
        with self._transaction():
            coming = self._stages.get("contacts") if self._dry else family.contacts_of(stage)
            choose(self._connection, stage, source, self._pending(stage, family), coming)
            self._erasures.mark(self._connection, stage)
            if stage.target.name == "order_lines":
                sa.Index(f"ix_{chosen.name}_line", chosen.c.order_id, chosen.c.line).create(self._connection)
        self._reject_unknown(stage)
        with self._transaction():
            if kept := keep_shifted_lines(self._connection, stage):
                tally.counted["kept as they were"] += kept
            states = sa.select(chosen.c.news, sa.func.count()).group_by(chosen.c.news)
            tally.states.update(dict(self._pairs(states)))
            if self._dry:
                self._changes += changes_of(self._connection, stage, SAMPLES)

    def _pending(self, stage: Stage, family: Family) -> dict[str, Stage]:
        """Where rows may be that this stage's rows refer to: in a dry run nothing before it has been written."""
        if not self._dry:
            return family.pending(stage)
        heads = {"customer": "customers", "order": "orders", "product": "products", "ticket": "tickets"}
        there = {name: self._stages[target] for name, target in heads.items() if target in self._stages}
        return {name: head for name, head in there.items() if head is not stage}

    def _reject_unknown(self, stage: Stage) -> None:
        """Rows that name somebody whom nobody knows; found in the database, so they come last."""
        last = 0
        while wrong := self._wrong_rows(stage.chosen, last):
            last = wrong[-1].n
            self._tallies[stage.target.name].rejected.update(row.problem for row in wrong)
            self._reject(
                [unknown_reject(stage, row.place, row.at_line, row.problem, row.detail or "") for row in wrong]
            )
        if last:
            with self._transaction():
                stage.refuse_problems(self._connection)
                self._connection.execute(stage.chosen.delete().where(stage.chosen.c.problem.is_not(None)))

    def _wrong_rows(self, chosen: sa.Table, after: int) -> Sequence[Any]:
        """Some of them, so that a file of nothing else neither fills the memory nor holds the write lock."""
        columns = (chosen.c.n, chosen.c.place, chosen.c.at_line, chosen.c.problem, chosen.c.detail)
        query = sa.select(*columns).where(chosen.c.problem.is_not(None), chosen.c.n > after)
        with self._transaction():
            return self._connection.execute(query.order_by(chosen.c.n).limit(_REJECTS)).all()

    def _pairs(self, query: sa.Select[Any]) -> list[tuple[Any, int]]:
        return [(key, number) for key, number in self._connection.execute(query)]

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[None]:
        """Only what goes into the shop's own tables takes the write lock; stages are nobody else's."""
        self._connection.execution_options(vefa_write=write)
        with self._connection.begin():
            yield


def _without_password(path: str) -> str:
    return sa.make_url(path).render_as_string(hide_password=True) if "://" in path else path
