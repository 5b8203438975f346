"""Customers known by an address alone: attached to the customer whom the address names, detached when it names several.

What came in under the address follows it. Rows of journeys and messages belong to the engine, so two customers who
turn out to be one, or orders that went over to another customer, are noted in `identity_changes` for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Person
from vefa.crm.happenings import FACT_TABLES, Kind, mark_stale, record_events
from vefa.crm.identifiers import guest_objects, guests, identity_changes
from vefa.crm.identity import address_key
from vefa.crm.resolution import PREFIX
from vefa.crm.tables import deliveries, events
from vefa.database import among, inserting

#: Kinds of objects that follow the order they belong to.
_FOLLOWING: tuple[Kind, ...] = ("return", "ticket", "review", "survey", "redemption")


def guest_name(person: Person) -> str | None:
    """The name of somebody who gave an address and no id: e-mail before phone."""
    address = person.email or person.sms
    return None if person.outside_id is not None or address is None else guest_id(address)


def guest_id(address: str) -> str:
    """The number of somebody without one: the same for the same address, whoever sends it, and not the address."""
    return f"{PREFIX}{address_key(address)}"


def note_guest_objects(connection: Connection, kind: str, named: Mapping[int, Person]) -> None:
    """Remember which of these objects were told of under an address alone, as of their latest message."""
    names = {number: guest_name(person) for number, person in named.items()}
    rows = [{"kind": kind, "object_id": number, "name": name} for number, name in names.items() if name is not None]
    if rows:
        insert = inserting(connection, guest_objects)
        new = {"name": insert.excluded.name}
        connection.execute(insert.on_conflict_do_update(index_elements=["kind", "object_id"], set_=new), rows)
    if by_id := [number for number, name in names.items() if name is None]:
        o = guest_objects.c
        connection.execute(sa.delete(guest_objects).where(o.kind == kind, among(o.object_id, by_id)))


@dataclass(frozen=True)
class Move:
    """A guest's objects go from one customer to another."""

    guest: str
    before: int
    after: int


def move_objects(connection: Connection, moves: Sequence[Move], now: datetime) -> None:
    """Detach guests from the customers they were attached to, with everything that came under their address."""
    for move in moves:
        moved = _move(connection, move)
        _note_events(connection, moved, move)
    if moves:
        mark_stale(connection, sorted({number for move in moves for number in (move.before, move.after)}))
        note_changes(connection, "detach", [(move.after, move.before) for move in moves], now)


def _move(connection: Connection, move: Move) -> dict[Kind, list[int]]:
    moved: dict[Kind, list[int]] = {}
    for kind in ("order", *_FOLLOWING):
        table = FACT_TABLES[kind].table
        which: Any = table.c.id.in_(_objects_of(move.guest, kind))
        if kind != "order":
            its_order = table.c.order_id.in_(_objects_of(move.guest, "order")) if "order_id" in table.c else sa.false()
            which = sa.or_(which, its_order)
        mine = sa.update(table).where(which, table.c.customer_id == move.before)
        moved[kind] = list(connection.scalars(mine.values(customer_id=move.after).returning(table.c.id)))
    return moved


def _note_events(connection: Connection, moved: Mapping[Kind, Sequence[int]], move: Move) -> None:
    for kind, numbers in moved.items():
        record_events(connection, kind, list(numbers))
    if moved["order"]:
        parcels = sa.select(deliveries.c.id).where(among(deliveries.c.order_id, moved["order"]))
        record_events(connection, "delivery", list(connection.scalars(parcels)))
    free = sa.or_(
        events.c.id.in_(_objects_of(move.guest, "event")), events.c.order_id.in_(_objects_of(move.guest, "order"))
    )
    mine = sa.update(events).where(free, events.c.customer_id == move.before)
    connection.execute(mine.values(customer_id=move.after))


def _objects_of(guest: str, kind: str) -> sa.Select[Any]:
    o = guest_objects.c
    return sa.select(o.object_id).where(o.name == guest, o.kind == kind)


def attach(connection: Connection, rows: Mapping[str, tuple[str, int]]) -> None:
    """Say whose each guest (with the channel of its address) is now."""
    if not rows:
        return
    given = [{"name": name, "channel": channel, "customer_id": number} for name, (channel, number) in rows.items()]
    insert = inserting(connection, guests)
    new = {"customer_id": insert.excluded.customer_id}
    connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new), given)


def note_changes(connection: Connection, kind: str, pairs: Sequence[tuple[int, int]], now: datetime) -> None:
    """Ask the engine for merges (kept, gone), or for what follows a detachment (after, before)."""
    rows = [{"kind": kind, "kept_id": kept, "gone_id": gone, "noted_at": now} for kept, gone in dict.fromkeys(pairs)]
    if rows:
        connection.execute(sa.insert(identity_changes), rows)


def take_back_merges(connection: Connection, gone: Sequence[int]) -> None:
    """These customers stand alone again before they were merged."""
    c = identity_changes.c
    if gone:
        connection.execute(sa.delete(identity_changes).where(c.kind == "merge", among(c.gone_id, gone)))
