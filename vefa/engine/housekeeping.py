"""What is done each night: dead workers' messages taken back, old rows and files removed, what customers answer to
learned, the database tidied up.

Removed is only what nothing asks any more: sends and enrolments (nobody twice), consents and suppressions (what people
said) are never touched. Each transaction is short; stopped anywhere, the next night goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from vefa.crm.source_activity import GIVEN_UP, HABIT, source_activity
from vefa.crm.tables import imports, rejects, told_early
from vefa.database import reading, writing
from vefa.engine.answers import Learned, learn_channels
from vefa.engine.entries import OVERLAP
from vefa.engine.erasures import keep_promises
from vefa.engine.tables import considered, incidents, journeys
from vefa.engine.vacuum import tidy
from vefa.errands import book
from vefa.errands.tables import errands
from vefa.inbox import inbox
from vefa.ledger.claims import leased, recover
from vefa.ledger.tables import batches, send_history, sends
from vefa.settings import Retention, Settings

logger = logging.getLogger("vefa.housekeeping")

#: Rows in one transaction, so that nobody waits long for the write lock (rule 19).
PART = 5_000
#: What was considered stays at least so long behind the last tick, beside the overlap in which it is looked at again.
MARGIN = timedelta(days=1)

Told = Callable[[str, int], None]


@dataclass
class Tidied:
    """What a night's work did, or would do."""

    returned: int = 0
    unknown: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    learned: Learned | None = None
    database: tuple[str, ...] = ()


@dataclass(frozen=True)
class Old:
    """Rows of a table that are not needed any more, found by its key."""

    table: sa.Table
    which: Any

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(self.table.primary_key)


def keep_house(
    engine: Engine,
    settings: Settings,
    now: datetime,
    wall: datetime,
    *,
    dry_run: bool = False,
    vacuum: bool = False,
    told: Told = lambda _what, _count: None,
) -> Tidied:
    """The whole of it. `dry_run` only counts; `vacuum` shrinks an SQLite file of any size."""
    done = Tidied()
    if not dry_run:
        keep_promises(engine, settings, now)
    if not dry_run and leased(engine, wall):
        done.returned, done.unknown = recover(engine, now, wall)
    for old in _old_rows(engine, settings.retention, now):
        counts = _count(engine, old) if dry_run else _remove(engine, old)
        for count in counts:
            done.removed[old.table.name] = done.removed.get(old.table.name, 0) + count
            told(old.table.name, done.removed[old.table.name])
    if not dry_run:
        _forget_bodies(engine, now - timedelta(days=settings.retention.history_days))
    for kind, paths in _old_files(settings, now):
        done.removed[kind] = len(paths)
        for path in () if dry_run else paths:
            path.unlink(missing_ok=True)
    if not dry_run:
        done.learned = learn_channels(engine, now)
        done.database = tidy(
            engine, [name for name in done.removed if name in sa.inspect(engine).get_table_names()], vacuum
        )
        _log(done)
    return done


def _log(done: Tidied) -> None:
    for what, count in done.removed.items():
        if count:
            logger.info("old ones removed", extra={"table": what, "removed": count})
    if done.returned or done.unknown:
        logger.warning("dead workers' messages taken back", extra={"returned": done.returned, "unknown": done.unknown})


def _old_rows(engine: Engine, retention: Retention, now: datetime) -> Iterator[Old]:
    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    yield from _considered(engine, before(retention.considered_days))
    yield Old(send_history, send_history.c.at < before(retention.history_days))
    yield Old(batches, _ended_batches(before(retention.batches_days)))
    # The newest stay: SQLite would give their numbers a second time.
    yield Old(inbox, sa.and_(inbox.c.taken_at < before(retention.inbox_days), _not_newest(inbox)))
    yield Old(rejects, _of_imports(before(retention.rejects_days)))
    yield Old(source_activity, source_activity.c.hour < now - GIVEN_UP - HABIT)
    yield Old(told_early, told_early.c.received_at < before(retention.rejects_days))
    emptied = sa.not_(sa.exists().where(rejects.c.import_id == imports.c.id))
    yield Old(imports, sa.and_(imports.c.started_at < before(retention.imports_days), emptied, _not_newest(imports)))
    yield Old(incidents, incidents.c.ended_at < before(retention.history_days))
    # Those of journeys stay without their words: nobody is to hear of the same a second time.
    free = sa.and_(errands.c.enrolment_id.is_(None), _not_newest(errands))
    yield Old(errands, sa.and_(errands.c.settled_at < before(retention.history_days), free))


def _forget_bodies(engine: Engine, before: datetime) -> None:
    """What was said to tools and to staff long ago."""
    while True:
        with writing(engine) as connection:
            if book.forget_bodies(connection, before, PART) < PART:
                return


def _considered(engine: Engine, before: datetime) -> Iterator[Old]:
    """What a journey has looked at, and can never look at again: its ticks begin where the last one ended.

    An event was known when it was looked at, so what was looked at before the horizon was known before it (rule 3).
    """
    with reading(engine) as connection:
        ticks = connection.execute(sa.select(journeys.c.id, journeys.c.last_tick_at)).all()
    for journey_id, last_tick_at in ticks:
        if last_tick_at is not None:
            until = min(before, last_tick_at - OVERLAP - MARGIN)
            yield Old(considered, sa.and_(considered.c.journey_id == journey_id, considered.c.at < until))


def _ended_batches(before: datetime) -> Any:
    """Nothing of the batch is under way. The newest stays: SQLite would give its number a second time."""
    last = sa.func.coalesce(batches.c.reserved_at, batches.c.settled_at)
    held = sa.exists().where(sends.c.batch_id == batches.c.id, sends.c.state.in_(("reserved", "claimed")))
    return sa.and_(last < before, sa.not_(held), _not_newest(batches))


def _of_imports(before: datetime) -> Any:
    return rejects.c.import_id.in_(sa.select(imports.c.id).where(imports.c.started_at < before))


def _not_newest(table: sa.Table) -> Any:
    return table.c.id < sa.select(sa.func.max(table.c.id)).scalar_subquery()


def _remove(engine: Engine, old: Old) -> Iterator[int]:
    chosen = sa.select(*old.key).where(old.which).order_by(*old.key).limit(PART)
    while True:
        with writing(engine) as connection:
            count = connection.execute(sa.delete(old.table).where(sa.tuple_(*old.key).in_(chosen))).rowcount
        yield count
        if count < PART:
            return


def _count(engine: Engine, old: Old) -> Iterator[int]:
    with reading(engine) as connection:
        yield connection.scalar(sa.select(sa.func.count()).select_from(old.table).where(old.which)) or 0


def _old_files(settings: Settings, now: datetime) -> Iterator[tuple[str, list[Path]]]:
    """Messages in the outbox with their places on its page, and logs; by when they were last written."""
    outbox, keep = settings.var / "outbox", settings.retention
    yield (
        "outbox files",
        _untouched(now - timedelta(days=keep.outbox_days), outbox, "email/*/*", "sms/*/*", "tools/*", "data/*-*.js"),
    )
    yield "log files", _untouched(now - timedelta(days=keep.logs_days), settings.var / "log", "*.log")


def _untouched(since: datetime, folder: Path, *patterns: str) -> list[Path]:
    found = (path for pattern in patterns for path in folder.glob(pattern))
    return sorted(path for path in found if path.is_file() and path.stat().st_mtime < since.timestamp())
