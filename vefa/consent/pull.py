"""Reading what was said to İYS, page by page: each page and the cursor behind it are one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from vefa.clock import Clock
from vefa.consent import mirror
from vefa.consent.answers import FEEDS, Feed, Page
from vefa.consent.gate import STALE_REASON, feed_name, is_fresh
from vefa.consent.progress import read_progress, write_progress
from vefa.crm.tables import contacts
from vefa.database import reading, writing
from vefa.ledger import settlements

if TYPE_CHECKING:
    from vefa.consent.client import IysClient

logger = logging.getLogger("vefa.consent")

#: Customers whose addresses are looked up together.
PART = 5_000
#: How often all addresses are looked up: those that came to us after İYS had told of them.
SPREAD_EVERY = timedelta(hours=24)
SPREAD = "spread"


@dataclass(frozen=True)
class Pulled:
    """What was read: lines, and words that are new in the log."""

    read: int = 0
    new: int = 0

    def __add__(self, other: Pulled) -> Pulled:
        return Pulled(self.read + other.read, self.new + other.new)


def pull(engine: Engine, client: IysClient, clock: Clock, told: Callable[[int], None] = lambda _n: None) -> Pulled:
    """Read all that is new in every feed. Stopped anywhere, the next one goes on; repeated, it changes nothing."""
    with reading(engine) as connection:
        was_fresh = connection.scalar(sa.select(is_fresh(clock())))
    done = Pulled()
    for feed in FEEDS:
        done += _read(engine, client, feed, clock, told)
    done += _spread(engine, clock())
    if not was_fresh:
        _let_go(engine, clock())
    logger.info("changes read from İYS", extra={"rows": done.read, "entered": done.new})
    return done


def _read(engine: Engine, client: IysClient, feed: Feed, clock: Clock, told: Callable[[int], None]) -> Pulled:
    with reading(engine) as connection:
        after = read_progress(connection, feed_name(feed)).mark
    done = Pulled()
    while True:
        asked_at = clock()
        page = client.changes(feed, after)
        ended = not page.read or page.after == after
        done += Pulled(page.read, _write(engine, feed, after, page, asked_at, ended))
        told(done.read)
        if ended:
            return done
        after = page.after


def _write(engine: Engine, feed: Feed, after: str | None, page: Page, asked_at: datetime, ended: bool) -> int:
    """One page into mirror and log. Where somebody else has read on meanwhile, the cursor stays theirs."""
    with writing(engine) as connection:
        mirror.take(connection, page.changes)
        new = mirror.log(connection, page.changes, asked_at)
        kept = read_progress(connection, feed_name(feed))
        if kept.mark == after:
            at = max(filter(None, (kept.at, asked_at))) if ended else kept.at
            write_progress(connection, feed_name(feed), page.after, at)
    return new


def _let_go(engine: Engine, now: datetime) -> None:
    """Messages that waited because İYS had not been heard."""
    count = PART
    while count == PART:
        with writing(engine) as connection:
            count = settlements.bring_forward(connection, STALE_REASON, now, PART)


def _spread(engine: Engine, now: datetime) -> Pulled:
    with reading(engine) as connection:
        last = read_progress(connection, SPREAD).at
        if last is not None and last > now - SPREAD_EVERY:
            return Pulled()
        border = connection.scalar(sa.select(sa.func.max(contacts.c.customer_id))) or 0
    new = 0
    for first in range(1, border + 1, PART):
        with writing(engine) as connection:
            new += mirror.spread(connection, first, first + PART - 1, now)
    with writing(engine) as connection:
        write_progress(connection, SPREAD, None, now)
    return Pulled(0, new)
