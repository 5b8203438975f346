"""Taking in what somebody outside tells of, many events in a few statements, in the caller's transaction.

The same again changes nothing. A correction changes the event and enters nobody again (rule 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import KNOWN, NEW, Arrival, Outcome, Person, Receipt, refused
from vefa.crm.barred import FORGOTTEN, bar
from vefa.crm.guests import note_guest_objects
from vefa.crm.happenings import FACT_TABLES, Kind
from vefa.crm.objects import MOMENTS, put_objects
from vefa.crm.people import find_people
from vefa.crm.tables import events
from vefa.database import inserting

#: A sender's clock may be ahead by so much; what "has happened" within it is known at once.
AHEAD = timedelta(minutes=5)
#: Objects that a sender must name, because other events will be about them.
NAMED = ("order", "delivery", "return", "refund", "ticket")
_ORDER = {name: place for place, name in enumerate(MOMENTS)}


def take(connection: Connection, arrivals: Sequence[Arrival], receipt: Receipt) -> list[Outcome]:
    """Write down what came, and say what became of each, in order."""
    arrivals = [_refund(each) if each.type == "order.refunded" else each for each in arrivals]
    barred = bar(connection, arrivals, receipt)
    outcomes: dict[int, Outcome] = dict.fromkeys(barred.places, refused(FORGOTTEN))
    receipt = replace(receipt, back=barred.back)
    people = _people(connection, [each for i, each in enumerate(arrivals) if i not in outcomes], receipt)
    by_type: dict[str, list[int]] = defaultdict(list)
    for index, arrival in enumerate(arrivals):
        if index in outcomes:
            continue
        problem = _problem(arrival, people)
        if problem is not None:
            outcomes[index] = refused(problem)
        else:
            by_type[arrival.type if arrival.type in MOMENTS else ""].append(index)
    for type_ in sorted(by_type, key=lambda each: _ORDER.get(each, len(_ORDER))):  # placed before delivered
        those = [_timely(arrivals[index], receipt.now) for index in by_type[type_]]
        put = (
            put_objects(connection, type_, those, people, receipt)
            if type_
            else _put(connection, those, people, receipt)
        )
        outcomes |= dict(zip(by_type[type_], put, strict=True))
    return [outcomes[index] for index in range(len(arrivals))]


def _refund(arrival: Arrival) -> Arrival:
    """Money of an order that went back: the object is the order, and the sender's id names the payment."""
    if arrival.object_id is None or arrival.object_kind not in (None, "order"):
        return arrival
    data = {**arrival.data, "order": arrival.object_id}
    return replace(arrival, data=data, object_kind="refund", object_id=arrival.id)


def _people(connection: Connection, arrivals: Sequence[Arrival], receipt: Receipt) -> dict[Person, int]:
    """Everybody who is named. Who signs up becomes a customer, whatever the shop does with strangers."""
    new = _named(each for each in arrivals if each.type == "customer.created")
    found = find_people(connection, new, replace(receipt, creates=True), own=True) if new else {}
    others = [each for each in _named(arrivals) if each not in found]
    if not others:
        return found
    also = find_people(connection, others, receipt)
    # What the others have said may have detached an address from the customer it named before.
    return also | find_people(connection, new, replace(receipt, creates=True), own=True)


def _named(arrivals: Iterable[Arrival]) -> list[Person]:
    return list(dict.fromkeys(each.person for each in arrivals if each.person is not None))


def _problem(arrival: Arrival, people: dict[Person, int]) -> str | None:
    if arrival.person is not None and arrival.person not in people:
        return (
            "this customer is not known. Send customer.created first, import them, "
            "or set web: unknown_customers: create in config/settings.yaml"
        )
    if arrival.type not in MOMENTS:
        return None if arrival.person is not None else "customer is missing: the event is about nobody"
    kind = MOMENTS[arrival.type][0]
    if kind == "customer" and arrival.person is None:
        return "customer is missing: say who signed up"
    if kind == "refund" and arrival.object_kind != "refund":
        return 'object is missing: say of which order it is, such as {"object": {"kind": "order", "id": "1001"}}'
    if kind in NAMED and arrival.object_id is None:
        return f'object is missing: say which {kind} it is, such as {{"object": {{"id": "1001"}}}}'
    if arrival.object_kind not in (None, kind):
        return f"object: {arrival.type} has the kind {kind}, not {arrival.object_kind}"
    return None


def _timely(arrival: Arrival, now: datetime) -> Arrival:
    if arrival.occurred_at is None or not now < arrival.occurred_at <= now + AHEAD:
        return arrival
    return replace(arrival, occurred_at=now)


def _put(
    connection: Connection, arrivals: Sequence[Arrival], people: dict[Person, int], receipt: Receipt
) -> list[Outcome]:
    """The shop's own events: each is an object of its own, by the sender's id."""
    objects = _objects(connection, arrivals, receipt.source)
    rows = [_row(each, people, objects, receipt) for each in arrivals]
    keys = [(row["type"], row["object_key"]) for row in rows]
    there = _there(connection, keys, receipt.source)
    fresh = {key: row for key, row in zip(keys, rows, strict=True) if key not in there}  # the last word of each
    if fresh:
        connection.execute(_upsert(connection, moves=True), list(fresh.values()))
    corrected = [(row, each) for row, each, key in zip(rows, arrivals, keys, strict=True) if key in there]
    for moves in (True, False):
        told = [row for row, each in corrected if (each.occurred_at is not None) is moves]
        if told:
            connection.execute(_upsert(connection, moves=moves), told)
    _note_guests(connection, {key: each.person for key, each in zip(keys, arrivals, strict=True)}, receipt.source)
    first = {key: index for index, key in reversed([*enumerate(keys)])}
    return [NEW if key in fresh and first[key] == index else KNOWN for index, key in enumerate(keys)]


def _note_guests(connection: Connection, named: Mapping[tuple[str, str], Person | None], source: str) -> None:
    e = events.c
    mine = sa.and_(e.source == source, e.object_key.in_(sorted({key for _, key in named})))
    query = sa.select(e.id, e.type, e.object_key).where(mine, e.type.in_(sorted({type_ for type_, _ in named})))
    rows = connection.execute(query.where(e.occurrence == 0)).all()
    people = {number: person for number, *key in rows if (person := named.get((key[0], key[1]))) is not None}
    note_guest_objects(connection, "event", people)


def _row(
    arrival: Arrival,
    people: dict[Person, int],
    objects: dict[tuple[str, str], tuple[int, int | None]],
    receipt: Receipt,
) -> dict[str, Any]:
    occurred = arrival.occurred_at or receipt.now
    about = objects.get((arrival.object_kind or "", arrival.object_id or ""))
    return {
        "source": receipt.source,
        "type": arrival.type,
        "object_kind": arrival.object_kind if about else None,
        "object_key": arrival.id,
        "object_id": about[0] if about else None,
        "order_id": about[1] if about else None,
        "occurrence": 0,
        "customer_id": people[arrival.person] if arrival.person else None,
        "occurred_at": occurred,
        "known_at": max(receipt.now, occurred),
        "data": dict(arrival.data),
    }


def _upsert(connection: Connection, *, moves: bool) -> Any:
    """Its `known_at` stays. An event that comes again without a time is no later for that."""
    insert = inserting(connection, events)
    told = ("customer_id", "data", *(("occurred_at",) if moves else ()))
    key = ["source", "type", "object_key", "occurrence"]
    return insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in told})


def _there(connection: Connection, keys: Sequence[tuple[str, str]], source: str) -> set[tuple[str, str]]:
    by_type: dict[str, set[str]] = defaultdict(set)
    for type_, key in keys:
        by_type[type_].add(key)
    found: set[tuple[str, str]] = set()
    for type_, ids in by_type.items():
        query = sa.select(events.c.object_key).where(events.c.source == source, events.c.type == type_)
        query = query.where(events.c.object_key.in_(sorted(ids)), events.c.occurrence == 0)
        found |= {(type_, key) for key in connection.scalars(query)}
    return found


def _objects(
    connection: Connection, arrivals: Sequence[Arrival], source: str
) -> dict[tuple[str, str], tuple[int, int | None]]:
    """The row, and the order, of each object that is named and known."""
    wanted: dict[Kind, set[str]] = defaultdict(set)
    for each in arrivals:
        if each.object_id is not None and each.object_kind in FACT_TABLES and each.object_kind != "customer":
            wanted[each.object_kind].add(each.object_id)
    found: dict[tuple[str, str], tuple[int, int | None]] = {}
    for kind, ids in wanted.items():
        table = FACT_TABLES[kind].table
        order = table.c.id if kind == "order" else table.c.get("order_id", sa.null())
        query = sa.select(table.c.outside_id, table.c.id, order).where(table.c.source == source)
        for outside_id, number, belongs in connection.execute(query.where(table.c.outside_id.in_(sorted(ids)))):
            found[kind, outside_id] = (number, belongs)
    return found
