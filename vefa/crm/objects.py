"""Events that the tables make: who tells that an order was delivered changes the order, and the order makes the event.

What the data may hold are the columns of an importer's target, so both ways in mean the same by the same words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import KNOWN, NEW, Arrival, Outcome, Person, Receipt, refused
from vefa.crm.coupon_uses import codes_of, put_codes, several
from vefa.crm.guests import note_guest_objects
from vefa.crm.happenings import FACT_TABLES, Kind, Moment, mark_stale, record_events
from vefa.crm.importers.cleaning import written
from vefa.crm.importers.maps import Column, unknown
from vefa.crm.importers.readings import Habits, Misfit, reader
from vefa.crm.importers.targets import TARGETS, Target
from vefa.crm.lines import Line, put_lines, read_lines
from vefa.crm.parcels import set_orders
from vefa.crm.people import note_sign_ups, put_contacts
from vefa.crm.states import STATEFUL, changed
from vefa.crm.tables import customers, deliveries, orders, products
from vefa.crm.tags import TagList, replace_tags, tag_names
from vefa.crm.told_messages import Told, put_messages, read_messages
from vefa.database import Money, among, from_micros, inserting

#: The moments that a type of event sets, and the target that has them.
MOMENTS: dict[str, tuple[Kind, Moment]] = {
    moment.type: (kind, moment) for kind, fact in FACT_TABLES.items() for moment in fact.moments
}
#: What is told each time it changes: the last that was told stands in the object's row, all of it in `object_states`.
STATES: dict[str, tuple[Kind, Moment]] = {
    changed(kind): (kind, Moment(changed(kind), "state_at", "state_known_at"))
    for kind in FACT_TABLES
    if kind in STATEFUL
}
MOMENTS |= STATES
_TARGETS: dict[Kind, Target] = {target.events: target for target in TARGETS.values() if target.events}
_OTHERS = {"order": orders, "product": products}
#: What the database's own form of a value is, where it is no plain one.
_ASIDE: dict[str, Callable[[Any], Any]] = {"money": lambda value: Decimal(value) / Money.scale, "time": from_micros}


#: Letters in a text, and in one that an index holds.
LONGEST, LONGEST_KEY = 10_000, 200
_INDEXED = {"coupon_code"}
#: What an order says beside its columns: all its codes, and that a line of it could not be read.
_CODES, _INCOMPLETE, _TAGS = "coupon_codes", "lines_incomplete", "tags"


#: Who does not say when it happened means now, after all that is dated.
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass
class _Row:
    """One object to be written."""

    arrival: Arrival
    key: str
    values: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lines: list[Line] | None = None
    codes: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    messages: list[Told] = field(default_factory=list)
    customer_id: int | None = None
    id: int | None = None
    problem: str | None = None
    state: Outcome = NEW


def put_objects(
    connection: Connection, kind_of_event: str, given: Sequence[Arrival], people: dict[Person, int], receipt: Receipt
) -> list[Outcome]:
    """Write the objects of events of one type, and the events; what became of each, in order."""
    if kind_of_event not in STATES:
        return _Writer(connection, kind_of_event, people, receipt).put(given)
    found: dict[int, Outcome] = {}
    for turn in _turns(given):  # of one object's several states each is written down by itself
        writer = _Writer(connection, kind_of_event, people, receipt)
        found |= zip(turn, writer.put([given[index] for index in turn]), strict=True)
    return [found[index] for index in range(len(given))]


def _turns(given: Sequence[Arrival]) -> list[list[int]]:
    """Places of the arrivals, each object once a turn, its own in the order of time."""
    turns: list[list[int]] = []
    met: Counter[str | None] = Counter()
    for index in sorted(range(len(given)), key=lambda i: (given[i].occurred_at or _LAST, i)):
        place = met[given[index].object_id]
        met[given[index].object_id] += 1
        if place == len(turns):
            turns.append([])
        turns[place].append(index)
    return turns


def _note_codes(row: _Row, name: str, value: Any) -> str | None:
    """All codes, or the text of a single cell; where both are said, the list counts."""
    if name == _CODES:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return f"data: {name} must be a list of texts"
        codes = several(value)
    elif value is None or isinstance(value, str | int):
        if row.codes is not None and _CODES in row.arrival.data:
            return None
        codes = codes_of(written(value))
    else:
        return f"data: {name} must be one value, not several"
    row.codes = codes
    row.values["coupon_code"] = codes[0] if codes else None
    return None


class _Writer:
    """The statements for one type of event."""

    def __init__(self, connection: Connection, type_: str, people: dict[Person, int], receipt: Receipt) -> None:
        self._connection = connection
        self._people = people
        self._receipt = receipt
        self._kind, self._moment = MOMENTS[type_]
        self._target = _TARGETS[self._kind]
        self._table = self._target.table
        shop = receipt.settings.shop
        self._habits = Habits(shop.zone, "12:00", shop.country)

    def put(self, given: Sequence[Arrival]) -> list[Outcome]:
        rows = [self._read(arrival) for arrival in given]
        self._find(rows)
        self._refer(rows)
        for row in rows:
            row.problem = row.problem or self._lack(row)
        good = [row for row in rows if row.problem is None]
        before = self._owners(good)
        self._write(good)
        self._record(good, before)
        return [row.state if row.problem is None else refused(row.problem) for row in rows]

    def _read(self, arrival: Arrival) -> _Row:
        """The data as the target's columns; the first thing that is wrong with them."""
        row = _Row(arrival, self._key(arrival))
        if arrival.person is not None:
            row.customer_id = self._people.get(arrival.person)
        row.values[self._moment.occurred] = arrival.occurred_at or self._receipt.now
        own = arrival.person.details if self._kind == "customer" and arrival.person is not None else {}
        for name, value in {**own, **arrival.data}.items():
            row.problem = row.problem or self._note(row, name, value)
        if row.values.get("state") is not None:
            row.values.setdefault("state_at", row.values[self._moment.occurred])
        elif self._moment.type in STATES:
            row.problem = row.problem or 'data: state is missing: say which, such as {"state": "waiting"}'
        return row

    def _key(self, arrival: Arrival) -> str:
        if self._kind == "customer" and arrival.person is not None:
            return str(self._people.get(arrival.person))
        return arrival.object_id or arrival.id

    def _note(self, row: _Row, name: str, value: Any) -> str | None:
        if self._kind == "order" and name == "lines":
            row.lines, problem = read_lines(value, self._habits)
            row.values.setdefault(_INCOMPLETE, False)
            return problem
        if self._kind == "order" and name in (_CODES, "coupon_code"):
            return _note_codes(row, name, value)
        if self._kind == "order" and name == _INCOMPLETE:
            row.values[_INCOMPLETE] = value is True
            return None if isinstance(value, bool) else f"data: {name} must be true or false"
        if self._kind == "customer" and name == _TAGS:
            row.tags = tag_names(value)
            return None if isinstance(value, str | list) else "data: tags must be a list of texts"
        if self._kind == "ticket" and name == "messages":
            row.messages, problem = read_messages(value, self._habits)
            return problem
        named = (*self._target.columns, *(each for each in self._target.references if each != "customer"))
        if name in ("outside_id", self._moment.occurred) or name not in named:
            said = [each for each in named if each not in ("outside_id", self._moment.occurred)]
            return f"data: {unknown('key', name[:80], said)}"
        if isinstance(value, dict | list):
            return f"data: {name} must be one value, not several"
        if name in self._target.references:
            if value is not None:
                row.names[name] = written(value)[:LONGEST_KEY]
            return None
        kind = self._target.columns[name]
        text = written(value)
        if len(text) > (LONGEST_KEY if name in _INDEXED else LONGEST):
            return f"data: {name}: longer than anybody would write"
        read = reader(kind, Column(column=name), self._habits)(text)
        if isinstance(read, Misfit):
            return None if read.mild else f"data: {name}: {read.reason}"
        if read is None and not self._table.c[name].nullable:
            return None  # nothing said
        row.values[name] = _ASIDE[kind](read) if kind in _ASIDE and read is not None else read
        return None

    def _find(self, rows: Sequence[_Row]) -> None:
        """Which objects are there, and whether the moment is new to them."""
        stands = self._table.c.state if self._moment.type in STATES else sa.null()
        told_at = self._table.c[self._moment.occurred]
        query = sa.select(self._table.c.outside_id, self._table.c.id, told_at, stands)
        query = query.where(self._table.c.outside_id.in_(sorted({row.key for row in rows})))
        if self._target.has_source:
            query = query.where(self._table.c.source == self._receipt.source)
        found = {outside_id: (number, at, state) for outside_id, number, at, state in self._connection.execute(query)}
        told: set[str] = set()
        for row in rows:
            if self._kind == "customer" and row.customer_id is not None:
                row.id, moment = row.customer_id, self._signed_up(row.customer_id)
            else:
                row.id, at, state = found.get(row.key, (None, None, None))
                # A state is known where it stands so since that very moment; any other fact, where it has a moment.
                same = (at, state) == (row.values[self._moment.occurred], row.values.get("state"))
                moment = at if self._moment.type not in STATES or same else None
            row.state = KNOWN if moment is not None or row.key in told else NEW
            told.add(row.key)

    def _signed_up(self, number: int) -> datetime | None:
        return self._connection.scalar(sa.select(customers.c.created_at).where(customers.c.id == number))

    def _refer(self, rows: Sequence[_Row]) -> None:
        """The ids of orders and products that the data name."""
        for name, table in _OTHERS.items():
            wanted = sorted({row.names[name] for row in rows if name in row.names})
            if not wanted:
                continue
            query = sa.select(table.c.outside_id, table.c.id, *([orders.c.customer_id] if table is orders else []))
            query = query.where(table.c.source == self._receipt.source, table.c.outside_id.in_(wanted))
            found = {row.outside_id: row for row in self._connection.execute(query)}
            for row in rows:
                if (text := row.names.get(name)) is None:
                    continue
                if text not in found:
                    row.problem = row.problem or f"data: unknown {name} of source {self._receipt.source}"
                    continue
                row.values[f"{name}_id"] = found[text].id
                if table is orders and row.customer_id is None:
                    row.customer_id = found[text].customer_id

    def _lack(self, row: _Row) -> str | None:
        """What a new object needs and was not told; an order's currency is the shop's unless said."""
        if row.customer_id is not None and "customer_id" in self._table.c:
            row.values["customer_id"] = row.customer_id
        if row.id is not None:
            return None
        if self._kind == "order":
            row.values.setdefault("currency", self._receipt.settings.shop.currency)  # null is never put there
            row.values.setdefault("number", row.key)
        held = {name.removesuffix("_id") for name, value in row.values.items() if value is not None} | {"outside"}
        lacking = [name for name in self._target.required if name not in held and name != "outside_id"]
        if not lacking:
            return None
        return (
            f"this {self._kind} is not known yet from source {self._receipt.source}, "
            f"and to begin with it needs {', '.join(lacking)}"
        )

    def _owners(self, rows: Sequence[_Row]) -> list[int]:
        """Whose orders these were before."""
        if self._kind != "order":
            return []
        there = [row.id for row in rows if row.id is not None]
        query = sa.select(orders.c.customer_id).where(among(orders.c.id, there), orders.c.customer_id.is_not(None))
        return list(self._connection.scalars(query))

    def _write(self, rows: Sequence[_Row]) -> None:
        """Each shape of rows in one statement: new ones in, others changed in what was told."""
        shapes: dict[tuple[bool, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            values = {**row.values, **dict(self._learned(row))}
            if row.id is None:
                own = {"outside_id": row.key, **({"source": self._receipt.source} if self._target.has_source else {})}
                shapes[True, tuple(sorted(values))].append({**values, **own})
            else:
                shapes[False, tuple(sorted(values))].append({**values, "number_": row.id})
        for (is_new, names), those in shapes.items():
            self._insert(names, those) if is_new else self._update(names, those)

    def _learned(self, row: _Row) -> Iterator[tuple[str, datetime]]:
        moments = {self._moment.occurred: self._moment.known} if self._kind != "customer" else {}
        for at, known in (moments | self._target.moments).items():
            if row.values.get(at) is not None:
                yield known, max(self._receipt.now, row.values[at])

    def _insert(self, names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        insert = inserting(self._connection, self._table)
        key = ["source", "outside_id"] if self._target.has_source else ["outside_id"]
        changed = {name: insert.excluded[name] for name in names}
        self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed), rows)

    def _update(self, names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        """When a moment was first learned stays: a correction enters nobody again (rule 7)."""
        stored = self._table.c
        known = {moment: name for name, moment in self._target.moments.items()}
        changed: dict[str, Any] = {}
        for name in names:
            value = sa.bindparam(f"new_{name}", type_=stored[name].type)
            if name in ("state", "state_at", "state_known_at"):
                changed[name] = value  # each is a new one
            elif name == self._moment.occurred and self._receipt.earliest:
                earlier = sa.or_(stored[name].is_(None), stored[name] > value)
                changed[name] = sa.case((earlier, value), else_=stored[name])
            elif name in known:
                changed[name] = sa.case((stored[known[name]].is_(None), value), else_=stored[name])
            else:
                changed[name] = value
        statement = self._table.update().where(stored.id == sa.bindparam("number_")).values(changed)
        told = [{f"new_{name}": row[name] for name in names} | {"number_": row["number_"]} for row in rows]
        self._connection.execute(statement, told)

    def _record(self, rows: Sequence[_Row], before: list[int]) -> None:
        ids = self._written(rows)
        numbers = sorted(ids.values())
        if not numbers:
            return
        put_codes(self._connection, {ids[row.key]: row.codes for row in rows if row.codes is not None})
        record_events(self._connection, self._kind, numbers, self._changed(rows))
        if self._kind != "customer":
            people = {ids[row.key]: row.arrival.person for row in rows if row.arrival.person is not None}
            note_guest_objects(self._connection, self._kind, people)
        if self._kind == "order":
            lines = {ids[row.key]: row.lines for row in rows if row.lines is not None}
            put_lines(self._connection, lines, self._receipt.source)
            mark_stale(self._connection, sorted({*before, *self._owners_of(numbers)}))
        elif self._kind == "delivery":
            touched = sa.select(deliveries.c.order_id).where(among(deliveries.c.id, numbers))
            set_orders(self._connection, touched, delivers=self._receipt.parcels_deliver)
        elif self._kind == "ticket":
            said = {ids[row.key]: row.messages for row in rows}
            put_messages(self._connection, said, self._receipt.source, self._receipt.now)
        elif self._kind == "customer":
            told = {ids[row.key]: row.arrival.person for row in rows if row.arrival.person is not None}
            put_contacts(self._connection, told, anew=True, now=self._receipt.now)
            fresh = sorted({row.id for row in rows if row.state is NEW and row.id is not None})
            at, source = self._receipt.now, self._receipt.source
            named = [(row.id, row.tags) for row in rows if row.id is not None]
            replace_tags(
                self._connection, [TagList(id_, those, at, source) for id_, those in named if those is not None]
            )
            note_sign_ups(self._connection, fresh, self._receipt.now)

    def _changed(self, rows: Sequence[_Row]) -> set[str] | None:
        """The types of events that there may be anything new of; None: any, for the objects may have changed hands."""
        if any(row.id is not None and (row.customer_id is not None or row.names) for row in rows):
            return None
        told = {name for row in rows for name in row.values}
        return {moment.type for moment in FACT_TABLES[self._kind].moments if moment.occurred in told}

    def _written(self, rows: Sequence[_Row]) -> dict[str, int]:
        if self._kind == "customer":
            return {row.key: row.id for row in rows if row.id is not None}
        query = sa.select(self._table.c.outside_id, self._table.c.id)
        query = query.where(self._table.c.outside_id.in_(sorted({row.key for row in rows})))
        query = query.where(self._table.c.source == self._receipt.source)
        return dict(self._connection.execute(query).tuples().all())

    def _owners_of(self, numbers: list[int]) -> list[int]:
        query = sa.select(orders.c.customer_id).where(among(orders.c.id, numbers), orders.c.customer_id.is_not(None))
        return list(self._connection.scalars(query))
