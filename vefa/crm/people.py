"""Who is meant: customers found again by the shop's id or an address, or made where that is wished (rule 26)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Person, Receipt
from vefa.crm.barred import may_be_made
from vefa.crm.former_addresses import keep_former
from vefa.crm.guests import Move, attach, guest_name, move_objects, note_changes, take_back_merges
from vefa.crm.identifiers import customer_aliases, guests, identifiers
from vefa.crm.identity import address_key, bucket
from vefa.crm.importers.places import languages_of_countries, zones_of_countries
from vefa.crm.resolution import PREFIX, Holder, Identifier, key_of, resolve_guests
from vefa.crm.tables import contacts, customers, events
from vefa.database import among, inserting

#: What may be told of somebody new beside their addresses.
DETAILS = ("first_name", "last_name", "language", "country", "city")
#: Resolution is one at a time (PostgreSQL's advisory lock): of two takers each would not see the other's customer.
_LOCK = 7_230_026
_Key = tuple[str, str]


def find_people(
    connection: Connection, people: Sequence[Person], receipt: Receipt, *, own: bool = False
) -> dict[Person, int]:
    """The ids of those who are known, and of strangers where the shop takes them in.

    `own`: this is what the customers' own records say; else it stood in an order, or beside an event.
    """
    if not people:
        return {}
    names = _names(connection, people)
    seen = _seen(names, own)
    known = _known(connection, set(names.values()))
    if set(names.values()) - set(known) or _is_news(connection, seen):
        strangers = [person for person, name in names.items() if name not in known]
        free = may_be_made(connection, strangers, receipt)
        names = {person: name for person, name in names.items() if name in known or person in free}
        seen = _seen(names, own)
        lock_identities(connection)
        known = _Resolving(connection, receipt.now, receipt.settings.shop.zone, receipt.creates).note(names, seen)
        put_contacts(connection, {known[n]: p for p, n in names.items() if n in known}, anew=False)
    return {person: known[name] for person, name in names.items() if name in known}


def reconsider(connection: Connection, outside_ids: Collection[str], now: datetime, zone: str) -> None:
    """Look again at the guests who have an address of these customers; what an import has changed, for example."""
    lock_identities(connection)
    _Resolving(connection, now, zone, creates=False).look_again(outside_ids)


def lock_identities(connection: Connection) -> None:
    """Resolve identities alone until the end of the caller's transaction. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def put_contacts(
    connection: Connection, people: Mapping[int, Person], *, anew: bool, now: datetime | None = None
) -> None:
    """Their addresses; `anew` puts them in the place of others, which are former ones since `now`."""
    rows = [
        {"customer_id": number, "channel": channel, "address": address, "address_key": address_key(address)}
        for number, person in people.items()
        for channel, address in _addresses(person)
    ]
    if not rows:
        return
    insert = inserting(connection, contacts)
    same = ["customer_id", "channel"]
    if not anew:
        connection.execute(insert.on_conflict_do_nothing(index_elements=same), rows)
        return
    if now is not None:
        keep_former(connection, rows, now)
    new = insert.excluded
    told = {"address": new.address, "address_key": new.address_key, "undeliverable": None}
    other = contacts.c.address != new.address
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_=told, where=other), rows)


def note_sign_ups(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """That somebody signed up is learned now where they had been known before, by an order perhaps.

    The event would else be as old as the customer is here, and no journey looks so far back.
    """
    mine = sa.and_(events.c.type == "customer.created", among(events.c.object_id, ids), events.c.known_at < now)
    later = sa.case((events.c.occurred_at > now, events.c.occurred_at), else_=sa.literal(now, events.c.known_at.type))
    connection.execute(sa.update(events).where(events.c.customer_id.in_(ids), mine).values(known_at=later))


def new_customer(outside_id: str, details: Any, now: datetime, shop_zone: str) -> dict[str, Any]:
    """The row of somebody of whom only this is known."""
    country = details.get("country")
    return {
        "outside_id": outside_id,
        "bucket": bucket(outside_id),
        "zone": zones_of_countries().get(country or "", shop_zone),
        "known_at": now,
        **{name: details.get(name) for name in DETAILS},
        "language": details.get("language") or languages_of_countries().get(country or ""),
    }


def kept_ids(connection: Connection, outside_ids: Collection[str]) -> dict[str, str]:
    """For each id that the shop has merged away the one that stands for it."""
    a = customer_aliases.c
    query = sa.select(a.outside_id, a.kept).where(a.outside_id.in_(sorted(outside_ids)))
    return dict(connection.execute(query).tuples().all())


def _addresses(person: Person) -> list[_Key]:
    return [(channel, at) for channel, at in (("email", person.email), ("sms", person.sms)) if at]


def _names(connection: Connection, people: Sequence[Person]) -> dict[Person, str]:
    """The shop's id of each, after merges; of others the name of their address."""
    kept = kept_ids(connection, {person.outside_id for person in people if person.outside_id is not None})
    names = {person: guest_name(person) or person.outside_id or "" for person in people}
    return {person: kept.get(name, name) for person, name in names.items() if name}


def _seen(names: Mapping[Person, str], own: bool) -> set[Identifier]:
    """What the people's addresses say of their names; a guest's own address is its name already."""
    return {
        Identifier(name, channel, key, own and person.outside_id is not None)
        for person, name in names.items()
        for channel, address in _addresses(person)
        if PREFIX + (key := address_key(address)) != name
    }


def _known(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """The customers of these names: of guests whoever they are attached to, of accounts their own row."""
    wanted = sorted(names)
    c, g = customers.c, guests.c
    rows = connection.execute(sa.select(c.outside_id, c.id).where(c.outside_id.in_(wanted))).tuples()
    found = {name: number for name, number in rows if not name.startswith(PREFIX)}
    if any(name.startswith(PREFIX) for name in wanted):
        rows = connection.execute(sa.select(g.name, g.customer_id).where(g.name.in_(wanted))).tuples()
        found |= dict(rows.all())
    return found


def _is_news(connection: Connection, seen: Collection[Identifier]) -> bool:
    """Whether a name was never seen with one of these addresses, or only in orders so far."""
    i = identifiers.c
    query = sa.select(i.name, i.channel, i.address_key, i.own).where(i.name.in_(sorted({one.name for one in seen})))
    there = {Identifier(*row) for row in connection.execute(query)}
    return any(one not in there and _as_own(one) not in there for one in seen)


def _as_own(one: Identifier) -> Identifier:
    return Identifier(one.name, one.channel, one.address_key, True)


@dataclass
class _Resolving:
    """One resolution, under the lock. `creates`: strangers become customers."""

    connection: Connection
    now: datetime
    zone: str
    creates: bool
    _details: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def note(self, names: Mapping[Person, str], seen: Collection[Identifier]) -> dict[str, int]:
        """Write down what is seen, and settle whom it concerns. The customers of the names, as far as there are."""
        self._details = {name: person.details for person, name in names.items()}
        known = _known(self.connection, set(names.values()))
        new = {name for name in names.values() if name not in known} if self.creates else set()
        asked = {name: _channel(person) for person, name in names.items() if name.startswith(PREFIX)}
        self._adopt(set(known), {one.address_key for one in seen} | set(map(key_of, asked)))
        self._write([one for one in seen if one.name in known or one.name in new])
        accounts = {name for name in names.values() if name not in asked}
        self._settle(asked, accounts, {name for name in new if name not in asked})
        return _known(self.connection, set(names.values()))

    def look_again(self, outside_ids: Collection[str]) -> None:
        """Settle the guests who have an address of these customers."""
        self._adopt(outside_ids, ())
        mine = {name: channel for name, (channel, _) in self._guests_named(outside_ids).items()}
        self._settle(mine, outside_ids, ())

    def _adopt(self, names: Collection[str], keys: Collection[str]) -> None:
        """Addresses of customers whom only imports have told of so far: those are their own."""
        k, c = contacts.c, customers.c
        there = sa.select(k.customer_id).where(k.address_key.in_(sorted(keys)))
        mine = sa.or_(c.id.in_(there), c.outside_id.in_(sorted(names)))
        unseen = sa.not_(sa.exists().where(identifiers.c.name == c.outside_id))
        own = sa.not_(c.outside_id.startswith(PREFIX, autoescape=True))
        is_name = sa.literal(PREFIX, sa.Text) + k.address_key == c.outside_id
        rows = sa.select(c.outside_id, k.channel, k.address_key, own).join(contacts, k.customer_id == c.id)
        rows = rows.where(mine, unseen, sa.not_(is_name))
        insert = inserting(self.connection, identifiers).from_select(["name", "channel", "address_key", "own"], rows)
        self.connection.execute(insert.on_conflict_do_nothing())

    def _write(self, seen: Collection[Identifier]) -> None:
        rows = [
            {"name": one.name, "channel": one.channel, "address_key": one.address_key, "own": one.own}
            for one in sorted(seen, key=lambda one: (one.name, one.channel, one.address_key, one.own))
        ]
        if rows:
            insert = inserting(self.connection, identifiers)
            own = sa.or_(identifiers.c.own, insert.excluded.own)
            same = ["name", "channel", "address_key"]
            self.connection.execute(insert.on_conflict_do_update(index_elements=same, set_={"own": own}), rows)

    # --- whom it concerns

    def _settle(self, asked: Mapping[str, str], accounts: Collection[str], new: Collection[str]) -> None:
        concerned = self._guests_at(accounts) | {name: (channel, None) for name, channel in asked.items()}
        concerned |= self._guests_named(concerned)
        mail = [name for name, (channel, _) in concerned.items() if channel == "email"]
        concerned |= {n: g for n, g in self._guests_at(mail).items() if n not in concerned}
        self._adopt((), set(map(key_of, concerned)))
        seen = self._names_seen({key_of(name) for name in concerned})
        others = {one.name for one in seen} | set(new)
        holders: dict[str, Holder] = {**{name: name for name in new}, **_known(self.connection, others)}
        attached = {name: holders.pop(name) for name in list(holders) if name.startswith(PREFIX)}
        channels = {name: channel for name, (channel, _) in concerned.items()}
        outside = {name: held for name, held in attached.items() if name not in channels}
        wanted = resolve_guests(channels, seen, holders, outside)
        if not self.creates:
            standing = {name for name, (_, number) in concerned.items() if number is not None}
            wanted = {name: to for name, to in wanted.items() if to != name or name in standing}
            wanted = {name: to for name, to in wanted.items() if not isinstance(to, str) or to in wanted}
        _Attaching(self.connection, self.now, self.zone, self._details).bring(
            wanted, channels, {n: number for n, (_, number) in concerned.items() if number is not None}, new
        )

    def _guests_at(self, names: Collection[str]) -> dict[str, tuple[str, int | None]]:
        """Guests who are named after an address of these names."""
        i = identifiers.c
        keys = self.connection.scalars(sa.select(i.address_key).where(i.name.in_(sorted(names))))
        return self._guests_named({PREFIX + key for key in keys})

    def _guests_named(self, names: Iterable[str]) -> dict[str, tuple[str, int | None]]:
        g = guests.c
        query = sa.select(g.name, g.channel, g.customer_id).where(g.name.in_(sorted(names)))
        return {name: (channel, number) for name, channel, number in self.connection.execute(query)}

    def _names_seen(self, keys: Collection[str]) -> list[Identifier]:
        """Everything that is known of the names that have one of these addresses."""
        i = identifiers.c
        there = identifiers.alias("there")
        names = sa.select(there.c.name).where(there.c.address_key.in_(sorted(keys)))
        query = sa.select(i.name, i.channel, i.address_key, i.own).where(i.name.in_(names))
        return [Identifier(*row) for row in self.connection.execute(query)]


def _channel(person: Person) -> str:
    return "email" if person.email else "sms"


@dataclass
class _Attaching:
    """Makes the customers that are missing, and brings guests where they belong."""

    connection: Connection
    now: datetime
    zone: str
    details: Mapping[str, Mapping[str, str]]

    def bring(
        self, wanted: Mapping[str, Holder], channels: Mapping[str, str], held: Mapping[str, int], new: Collection[str]
    ) -> None:
        """`wanted`: where each guest belongs; `held`: where those are attached that there were before."""
        own = self._ids(wanted)  # whether they stand alone, or wait to be merged
        held = {**{name: number for name, number in own.items() if name in wanted}, **held}
        alone = sorted((channels[name] != "email", name) for name, to in wanted.items() if to == name)
        needed = [*sorted(new), *(name for _, name in alone)]
        free = {name: number for name, number in own.items() if held[name] == number}
        self._make([name for name in needed if name not in own], wanted, free)
        rows = self._ids(needed)
        final = {name: to if isinstance(to, int) else rows[to] for name, to in wanted.items()}
        attach(self.connection, {name: (channels[name], number) for name, number in final.items()})
        self._follow(final, held, self._ids(wanted))

    def _ids(self, names: Iterable[str]) -> dict[str, int]:
        c = customers.c
        query = sa.select(c.outside_id, c.id).where(c.outside_id.in_(sorted(names)))
        return dict(self.connection.execute(query).tuples().all())

    def _make(self, names: Sequence[str], wanted: Mapping[str, Holder], own: Mapping[str, int]) -> None:
        """Make rows. A guest's row becomes that of the customer it turns out to be, with its bucket (rule 11)."""
        renamed: dict[str, str] = {}
        for name in names:
            mine = [guest for guest, to in wanted.items() if to == name and guest in own and guest not in renamed]
            if mine:
                renamed[min(mine, key=own.__getitem__)] = name
        self._rename(renamed)
        rows = [
            new_customer(name, self.details.get(name, {}), self.now, self.zone)
            for name in names
            if name not in renamed.values()
        ]
        if rows:
            insert = inserting(self.connection, customers).on_conflict_do_nothing(index_elements=["outside_id"])
            self.connection.execute(insert, rows)
            self._address(self._ids(row["outside_id"] for row in rows))

    def _rename(self, renamed: Mapping[str, str]) -> None:
        if not renamed:
            return
        rows = [{"was": guest, "now": name} for guest, name in renamed.items()]
        was: sa.BindParameter[str] = sa.bindparam("was")
        now: sa.BindParameter[str] = sa.bindparam("now")
        c, e = customers.c, events.c
        self.connection.execute(sa.update(customers).where(c.outside_id == was).values(outside_id=now), rows)
        signed = sa.and_(e.source == "crm", e.object_kind == "customer", e.object_key == was)
        self.connection.execute(sa.update(events).where(signed).values(object_key=now), rows)

    def _address(self, made: Mapping[str, int]) -> None:
        """Guests who stand alone again take the address they are named after from where it stands."""
        k = contacts.c
        alone = {key_of(name): number for name, number in made.items() if name.startswith(PREFIX)}
        query = sa.select(k.address_key, k.channel, sa.func.min(k.address)).where(k.address_key.in_(sorted(alone)))
        found = self.connection.execute(query.group_by(k.address_key, k.channel)).all()
        rows = [
            {"customer_id": alone[key], "channel": channel, "address": address, "address_key": key}
            for key, channel, address in found
        ]
        if rows:
            self.connection.execute(inserting(self.connection, contacts).on_conflict_do_nothing(), rows)

    def _follow(self, to: Mapping[str, int], held: Mapping[str, int], own: Mapping[str, int]) -> None:
        """Merge rows that a guest leaves for good; take its objects along where it leaves somebody else's."""
        leaving = {name: (held[name], to[name]) for name in to if name in held and held[name] != to[name]}
        merged = {before: after for name, (before, after) in leaving.items() if own.get(name) == before}
        note_changes(self.connection, "merge", [(after, before) for before, after in merged.items()], self.now)
        moves = [
            Move(name, before, after)
            for name, (before, after) in sorted(leaving.items())
            if merged.get(before) != after
        ]
        take_back_merges(self.connection, [move.after for move in moves if own.get(move.guest) == move.after])
        move_objects(self.connection, moves, self.now)
