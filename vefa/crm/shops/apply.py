"""What shop systems tell goes into the shop's facts, whatever the order in which it comes.

Of two snapshots of an object the later one holds. Moments are set, never cleared, and the earliest that is told of one
stays. What is about an order that is not there yet is given back, to be told again once the order has come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.barred import FORGOTTEN
from vefa.crm.happenings import FACT_TABLES, Kind
from vefa.crm.parcels import set_orders
from vefa.crm.people import find_people
from vefa.crm.permissions import Said, put_consents
from vefa.crm.shops.erased import without_erased
from vefa.crm.shops.update import Unreadable, Update
from vefa.crm.tables import deliveries, orders, told_last
from vefa.database import among, inserting

#: Customers first, then orders, then what belongs to orders.
_KINDS = ("customer", "order", "delivery", "return")
_Key = tuple[str, str]


def apply_updates(connection: Connection, told: Sequence[Update], receipt: Receipt) -> list[Update]:
    """Take it in, in the caller's transaction; gives back what must wait for its order. Raises Unreadable."""
    receipt = replace(receipt, creates=True, earliest=True, parcels_deliver=False)
    told = without_erased(connection, told, receipt)
    waiting: list[Update] = []
    for kind in _KINDS:
        mine = [each for each in told if each.kind == kind]
        if not mine:
            continue
        known = _known(connection, mine, receipt.source)
        early = [each for each in mine if each.order is not None and ("order", each.order) not in known]
        waiting += early
        ready = [each for each in mine if each not in early and not (each.only_known and _key(each) not in known)]
        _note_people(connection, kind, ready, receipt)
        _take(connection, ready, receipt)
        _put_consents(connection, ready, receipt)
    _deliver(connection, told, receipt.source)
    return waiting


def _note_people(connection: Connection, kind: str, told: Sequence[Update], receipt: Receipt) -> None:
    """Whom they name, also those that are out of date: who is one with whom does not depend on what came first."""
    named = [each.snapshot.person for each in told if each.snapshot is not None]
    people = list(dict.fromkeys(person for person in named if person is not None))
    find_people(connection, people, receipt, own=kind == "customer")


def _key(told: Update) -> _Key:
    return told.kind, told.key


def _take(connection: Connection, told: Sequence[Update], receipt: Receipt) -> None:
    last = _last(connection, told, receipt.source)
    newest: dict[_Key, Update] = {}
    for each in sorted(told, key=lambda one: one.updated_at):  # of two that are equally old the one that came later
        if _key(each) not in last or each.updated_at >= last[_key(each)]:
            newest[_key(each)] = each
    snapshots = [each.snapshot for each in newest.values() if each.snapshot is not None]
    _put(connection, snapshots, receipt)
    _put(connection, [moment for each in told for moment in each.moments], receipt)
    if newest:
        _note(connection, list(newest.values()), receipt.source)


def _put(connection: Connection, arrivals: Sequence[Arrival], receipt: Receipt) -> None:
    for outcome in take(connection, arrivals, receipt) if arrivals else ():
        if outcome.state == "refused" and outcome.problem != FORGOTTEN:
            raise Unreadable("a message cannot be taken")


def _last(connection: Connection, told: Sequence[Update], source: str) -> dict[_Key, datetime]:
    found: dict[_Key, datetime] = {}
    by_kind: dict[str, set[str]] = defaultdict(set)
    for each in told:
        by_kind[each.kind].add(each.key)
    c = told_last.c
    for kind, keys in by_kind.items():
        query = sa.select(c.outside_id, c.said_at).where(c.source == source, c.kind == kind)
        found |= {(kind, key): at for key, at in connection.execute(query.where(c.outside_id.in_(sorted(keys))))}
    return found


def _note(connection: Connection, told: Sequence[Update], source: str) -> None:
    insert = inserting(connection, told_last)
    new = insert.excluded
    changed = {"said_at": new.said_at, "partial": new.partial}
    rows: list[dict[str, Any]] = [
        {"source": source, "kind": e.kind, "outside_id": e.key, "said_at": e.updated_at, "partial": e.partial}
        for e in told
    ]
    key = ["source", "kind", "outside_id"]
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)


def _known(connection: Connection, told: Sequence[Update], source: str) -> set[_Key]:
    """Which of these objects, and of the orders they belong to, are there."""
    wanted: dict[Kind, set[str]] = defaultdict(set)
    for each in told:
        if each.kind != "customer":
            wanted[each.kind].add(each.key)
        if each.order is not None:
            wanted["order"].add(each.order)
    found: set[_Key] = set()
    for kind, keys in wanted.items():
        table = FACT_TABLES[kind].table
        query = sa.select(table.c.outside_id).where(table.c.source == source, table.c.outside_id.in_(sorted(keys)))
        found |= {(kind, key) for key in connection.scalars(query)}
    return found


def _put_consents(connection: Connection, told: Sequence[Update], receipt: Receipt) -> None:
    spoken = [(each.snapshot.person, each) for each in told if each.consents and each.snapshot is not None]
    people: list[Person] = [person for person, _ in spoken if person is not None]
    ids = find_people(connection, people, receipt) if people else {}
    said = [
        Said(ids[person], word.channel, word.granted, word.evidence, word.occurred_at)
        for person, each in spoken
        if person in ids
        for word in each.consents
    ]
    put_consents(connection, said, receipt.source, receipt.now)


def _deliver(connection: Connection, told: Sequence[Update], source: str) -> None:
    """Orders all of whose goods have left are delivered with their last parcel."""
    named = {each.key for each in told if each.kind == "order" and each.partial is False}
    named |= {each.order for each in told if each.kind == "delivery" and each.order is not None}
    if not named:
        return
    partial = sa.exists().where(
        told_last.c.source == source,
        told_last.c.kind == "order",
        told_last.c.outside_id == orders.c.outside_id,
        told_last.c.partial.is_(True),
    )
    query = sa.select(orders.c.id).where(orders.c.source == source, orders.c.outside_id.in_(sorted(named)), ~partial)
    ready = sorted(connection.scalars(query))
    if ready:
        set_orders(connection, sa.select(deliveries.c.order_id).where(among(deliveries.c.order_id, ready)).distinct())
