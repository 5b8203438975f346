"""One import from beginning to end: read everything into stages, choose, then write batch by batch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.forgotten import forgotten_keys
from vefa.crm.importers.batches import plan_batches
from vefa.crm.importers.choosing import choose
from vefa.crm.importers.filling import filled, filler_of
from vefa.crm.importers.frames import Batch, PartReader, Reject
from vefa.crm.importers.maps import ImportMap, Part
from vefa.crm.importers.sources import CHUNK_ROWS, Chunk, chunks_of
from vefa.crm.importers.stages import CHANGED, NEW, UNCHANGED, Stage, make_stages
from vefa.crm.importers.summary import ImportSummary, TargetSummary
from vefa.crm.importers.writing import Family, Terms, write_batch
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
) -> ImportSummary:
    """Import `path` (a folder, a file or a database URL) by the map; raises ImportMapError if it cannot be read.

    A bad row is written to `rejects` and stops nothing. The same files again change nothing. After a crash the
    next run goes on where it stopped. `history` makes everything known when it happened (rule 2).
    """
    with engine.connect() as connection, _file_backed_temporaries(connection):
        run = _Run(connection, given, path, now, settings, progress or (lambda *_: None), chunk_rows, batch_keys)
        return run.whole(history)


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
    """The state of one import."""

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
    ) -> None:
        self._connection = connection
        self._map = given
        self._path = path
        self._now = now
        self._settings = settings
        self._progress = progress
        self._chunk_rows = chunk_rows
        self._batch_keys = batch_keys
        self._stages = {stage.target.name: stage for stage in make_stages(given.targets)}
        self._numbers = count(1)
        self._read: Counter[str] = Counter()
        self._states: dict[str, Counter[int]] = {name: Counter() for name in self._stages}
        self._rejected: dict[str, Counter[str]] = {name: Counter() for name in self._stages}
        self._counted: dict[str, Counter[str]] = {name: Counter() for name in self._stages}
        self._misshapen: Counter[str] = Counter()
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
        for name in self._map.inputs:
            self._read_input(name)
        for names, owner in FAMILIES:
            stages = tuple(self._stages[name] for name in names if name in self._stages)
            if stages:
                self._write_family(Family(stages, owner), terms)
        return self._finish(time.perf_counter() - started)

    def _begin(self) -> None:
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
            targets={name: self._target_summary(name) for name in self._stages},
            misshapen=dict(self._misshapen),
            events=self._events,
            seconds=round(seconds, 3),
        )
        with self._transaction():
            for stage in self._stages.values():
                stage.drop(self._connection)
        with self._transaction(write=True):
            finished = self._now + timedelta(seconds=seconds)
            self._connection.execute(
                imports.update().where(imports.c.id == self._id).values(finished_at=finished, summary=summary.as_json())
            )
        return summary

    def _target_summary(self, name: str) -> TargetSummary:
        states = self._states[name]
        return TargetSummary(
            read=self._read[name],
            new=states[NEW],
            changed=states[CHANGED],
            unchanged=states[UNCHANGED],
            rejected=dict(self._rejected[name]),
            counted=dict(self._counted[name]),
        )

    def _read_input(self, name: str) -> None:
        with self._transaction():
            forgotten = forgotten_keys(self._connection)
        readers = [PartReader(part, self._map, self._settings, forgotten) for part in self._map.parts_of(name)]
        needed = {column for reader in readers for column in reader.sources} | set(filler_of(self._map, name).sources)
        done = 0
        for chunk in filled(self._map, name, chunks_of(self._map, name, self._path, needed, self._chunk_rows)):
            self._note_strays(chunk)
            batches = [(reader.part, reader.read(chunk)) for reader in readers]
            with self._transaction():
                for part, batch in batches:
                    self._stages[part.into].add(self._connection, batch, chunk.place, self._numbers)
            self._note(batches)
            done += len(chunk.lines)
            self._progress(f"reading {chunk.place}", done, None)

    def _note_strays(self, chunk: Chunk) -> None:
        self._misshapen[chunk.place] += len(chunk.strays)
        self._reject([Reject(chunk.place, stray.line, "wrong columns", stray.detail) for stray in chunk.strays])

    def _note(self, batches: list[tuple[Part, Batch]]) -> None:
        found: list[Reject] = []
        for part, batch in batches:
            self._read[part.into] += batch.read
            self._counted[part.into].update(batch.counted)
            self._rejected[part.into].update(reject.reason for reject in batch.rejects)
            found.extend(batch.rejects)
        self._reject(found)

    def _reject(self, found: Sequence[Reject]) -> None:
        if not found:
            return
        rows = [
            {
                "import_id": self._id,
                "file": reject.place,
                "line": reject.line,
                "reason": reject.reason,
                "detail": reject.detail or None,
            }
            for reject in found
        ]
        with self._transaction(write=True):
            self._connection.execute(rejects.insert(), rows)

    def _write_family(self, family: Family, terms: Terms) -> None:
        for stage in family.stages:
            self._choose(stage, family.head, terms.source)
        with self._transaction():
            plan = plan_batches(self._connection, family, self._batch_keys)
        if plan.vanished_lines:
            self._counted["order_lines"]["removed"] += plan.vanished_lines
        label = f"writing {family.stages[0].target.name}"
        for number in range(plan.batches):
            with self._transaction(write=True):
                self._events += write_batch(self._connection, family, terms, number)
            self._progress(label, number + 1, plan.batches)

    def _choose(self, stage: Stage, head: Stage | None, source: str) -> None:
        chosen, name = stage.chosen, stage.target.name
        with self._transaction():
            choose(self._connection, stage, source, head if head is not stage else None)
            if name == "order_lines":
                sa.Index(f"ix_{chosen.name}_line", chosen.c.order_id, chosen.c.line).create(self._connection)
        self._reject_unknown(stage)
        with self._transaction():
            states = sa.select(chosen.c.news, sa.func.count()).group_by(chosen.c.news)
            self._states[name].update(dict(self._pairs(states)))

    def _reject_unknown(self, stage: Stage) -> None:
        """Rows that name somebody whom nobody knows; found in the database, so they come last."""
        last = 0
        while wrong := self._wrong_rows(stage.chosen, last):
            last = wrong[-1].n
            self._rejected[stage.target.name].update(row.problem for row in wrong)
            self._reject([Reject(row.place, row.at_line, row.problem, row.detail or "") for row in wrong])
        if last:
            with self._transaction():
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
