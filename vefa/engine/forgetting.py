"""Forgetting a customer: nothing that leads to them stays, but the hashes which keep them from being written to again.

All of it is one transaction. Whoever is in a journey leaves it, and what was queued for them is skipped. What a worker
has claimed at that very moment is stopped by the last look before the request; what has been handed to the provider
cannot be taken back, and its row in the ledger is settled without a name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from shutil import rmtree
from urllib.parse import quote, quote_plus

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.channels.outbox import remove_messages
from vefa.crm.forgotten import forgotten, person_key
from vefa.crm.suppressing import COMMERCIAL, Stop, suppress
from vefa.crm.tables import contacts, customers, rejects
from vefa.database import inserting, writing
from vefa.engine.holdings import HOLDINGS, Holding
from vefa.engine.plans import leave
from vefa.engine.tables import enrolments
from vefa.errands.outbox import ref
from vefa.errands.tables import errands
from vefa.inbox import inbox
from vefa.settings import Settings

#: The stop that a forgotten address gets, and why their journeys end.
REASON = "forgotten"
#: Nobody who is forgotten is known yet at any moment: nothing that asks about customers finds them.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Forgot:
    """What was done: rows by table, journeys that ended, and messages in the outbox that were removed."""

    removed: dict[str, int]
    stripped: dict[str, int]
    journeys_left: int
    outbox: int = 0


def forget(engine: Engine, settings: Settings, customer_id: int, now: datetime) -> Forgot | None:
    """Forget the customer; None where there is nobody of that number, or not any more."""
    with writing(engine) as connection:
        c = customers.c
        # Whoever writes about them at this moment finishes first; whoever comes later finds nobody.
        known = sa.select(c.outside_id).where(c.id == customer_id, c.forgotten_at.is_(None)).with_for_update()
        outside_id = connection.scalar(known)
        if outside_id is None:
            return None
        words = connection.scalars(sa.select(errands.c.id).where(errands.c.customer_id == customer_id)).all()
        addresses = list(connection.scalars(sa.select(contacts.c.address).where(contacts.c.customer_id == customer_id)))
        left = leave(connection, enrolments.c.customer_id == customer_id, now, REASON, at_once=True)
        _keep_hashes(connection, customer_id, outside_id, now)
        _forget_raw(connection, outside_id, addresses)
        done = {holding.name: _end(connection, holding, customer_id) for holding in HOLDINGS}
        mine = sa.update(customers).where(c.id == customer_id)
        connection.execute(mine.values(forgotten_at=now, known_at=NEVER))
    fates = {holding.name: holding.fate for holding in HOLDINGS}
    removed, stripped = (
        {name: count for name, count in done.items() if count and fates[name] == fate}
        for fate in ("removed", "stripped")
    )
    rmtree(settings.var / "preview", ignore_errors=True)  # messages as somebody would read them, made anew at will
    return Forgot(removed, stripped, left, remove_messages(settings.var / "outbox", addresses, list(map(ref, words))))


def _keep_hashes(connection: Connection, customer_id: int, outside_id: str, now: datetime) -> None:
    """Nothing commercial goes to their addresses, and no import makes their row anew."""
    k = contacts.c
    rows = connection.execute(sa.select(k.channel, k.address_key).where(k.customer_id == customer_id))
    stops = [Stop(row.channel, row.address_key, REASON, "", now, now, COMMERCIAL) for row in rows]
    suppress(connection, stops)
    row = {"person_key": person_key(outside_id), "forgotten_at": now}
    connection.execute(inserting(connection, forgotten).values(row).on_conflict_do_nothing())


def _forget_raw(connection: Connection, outside_id: str, addresses: Collection[str]) -> None:
    """What providers and shops sent, and rows that an import could not use, as far as they name the customer.

    What is not taken in yet is left: nobody will be found for it, and it goes with the inbox's own retention.
    """
    i, r = inbox.c, rejects.c
    for needle in {form for address in addresses for form in _forms(address)}:
        # Both say where bytes stand in bytes; 0: nowhere.
        place = sa.func.pg_catalog.position if connection.dialect.name == "postgresql" else sa.func.instr
        blank = sa.update(inbox).where(i.taken_at.is_not(None), place(i.body, needle.encode()) > 0)
        connection.execute(blank.values(body=b"", about={}))
    # A number may stand in any other word; an address stands for itself.
    said = [r.detail == outside_id, *(r.detail.contains(address, autoescape=True) for address in addresses)]
    connection.execute(sa.update(rejects).where(sa.or_(*said)).values(detail=None))


def _forms(address: str) -> Iterable[str]:
    """An address as JSON and forms write it."""
    return {address, address.lower(), quote(address), quote_plus(address), quote(address.lower())}


def _end(connection: Connection, holding: Holding, customer_id: int) -> int:
    which = holding.whose(customer_id)
    if holding.fate == "removed":
        return connection.execute(sa.delete(holding.table).where(which)).rowcount
    if holding.fate == "stripped" and holding.strip:
        return connection.execute(sa.update(holding.table).where(which).values(dict(holding.strip))).rowcount
    return 0
