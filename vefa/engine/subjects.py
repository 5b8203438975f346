"""Who is erased: all records of the one person, and by what each of them can be known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm import tables as crm
from vefa.crm.forgotten import contact_key, order_key, person_key
from vefa.crm.former_addresses import former_addresses
from vefa.crm.guests import guest_id
from vefa.crm.identifiers import customer_aliases, identifiers
from vefa.database import among
from vefa.engine.privacy_requests import Subject
from vefa.engine.traces import Traces, whole_names
from vefa.errands.outbox import ref
from vefa.errands.tables import errands
from vefa.ledger.tables import sends

_GUEST = guest_id("").partition(":")[0] + ":"


@dataclass(frozen=True)
class Known:
    """What is known of one person before it goes: `keys` before they are keyed, `refs` of messages in the outbox,
    `objects` by kind and number."""

    ids: tuple[int, ...]
    traces: Traces
    keys: frozenset[str]
    refs: tuple[str, ...]
    objects: frozenset[tuple[str, str]]


def records_of(connection: Connection, customer_id: int) -> list[int]:
    """The customer, and what they ordered as a guest from the same mailbox."""
    k, other, c = crm.contacts.c, crm.contacts.alias(), crm.customers.c
    same = sa.and_(k.channel == "email", other.c.channel == "email", k.address_key == other.c.address_key)
    query = sa.select(other.c.customer_id).select_from(crm.contacts.join(other, same))
    query = query.join(crm.customers, c.id == other.c.customer_id)
    guests = connection.scalars(query.where(k.customer_id == customer_id, c.outside_id.startswith(_GUEST)))
    return sorted({customer_id, *guests})


def known_of(connection: Connection, ids: Sequence[int], also: Subject, source: str) -> Known:
    """All of it. `also`: what somebody else has named them by, in the numbers of that source."""
    c = crm.customers.c
    people = connection.execute(sa.select(c.outside_id, c.first_name, c.last_name).where(among(c.id, ids))).all()
    names_of_theirs = {each.outside_id for each in people} | _merged(connection, {each.outside_id for each in people})
    objects = {("customer", each) for each in names_of_theirs} | set(_objects(connection, ids))
    orders = _orders(connection, ids)
    addresses, hashes = _addresses(connection, ids)
    addresses |= {each for each in (also.email, also.phone) if each}
    numbers = {number for kind, number in objects if kind in ("customer", "order", "delivery")}
    numbers |= {row.number for row in orders} | set(also.orders) | ({also.outside_id} if also.outside_id else set())
    numbers |= {guest_id(each) for each in addresses}
    hashes |= _seen(connection, names_of_theirs)
    keys = {person_key(each) for each in names_of_theirs} | {contact_key(each) for each in addresses} | hashes
    keys |= {person_key(guest_id(each)) for each in addresses}
    keys |= {order_key(row.source, row.outside_id) for row in orders}
    keys |= {order_key(source, each) for each in also.orders}
    keys |= {person_key(also.outside_id)} if also.outside_id else set()
    names = {name for each in people for name in whole_names(each.first_name, each.last_name)}
    traces = Traces(frozenset(filter(None, numbers)), frozenset(addresses), frozenset(names))
    return Known(tuple(ids), traces, frozenset(keys), _refs(connection, ids), frozenset(objects))


def _merged(connection: Connection, names: Collection[str]) -> set[str]:
    """Ids that the shop has merged into theirs."""
    a = customer_aliases.c
    return set(connection.scalars(sa.select(a.outside_id).where(a.kept.in_(sorted(names)))))


def _seen(connection: Connection, names: Collection[str]) -> set[str]:
    """Hashes of every address that their own record was ever seen with."""
    i = identifiers.c
    return set(connection.scalars(sa.select(i.address_key).where(i.own, i.name.in_(sorted(names)))))


def _addresses(connection: Connection, ids: Sequence[int]) -> tuple[set[str], set[str]]:
    """Their addresses, of now and before, and the hashes of all of them."""
    now, before = crm.contacts.c, former_addresses.c
    query = sa.union_all(
        sa.select(now.address, now.address_key).where(among(now.customer_id, ids)),
        sa.select(before.address, before.address_key).where(among(before.customer_id, ids)),
    )
    rows = connection.execute(query).all()
    return {row.address for row in rows if row.address}, {row.address_key for row in rows}


def _orders(connection: Connection, ids: Sequence[int]) -> Sequence[sa.Row[tuple[str, str, str]]]:
    o = crm.orders.c
    return connection.execute(sa.select(o.source, o.outside_id, o.number).where(among(o.customer_id, ids))).all()


def _objects(connection: Connection, ids: Sequence[int]) -> list[tuple[str, str]]:
    o, d, r = crm.orders.c, crm.deliveries.c, crm.returns.c
    mine = sa.select(o.id).where(among(o.customer_id, ids))
    found = [("order", each) for each in connection.scalars(sa.select(o.outside_id).where(among(o.customer_id, ids)))]
    found += [("delivery", each) for each in connection.scalars(sa.select(d.outside_id).where(d.order_id.in_(mine)))]
    found += [("return", each) for each in connection.scalars(sa.select(r.outside_id).where(among(r.customer_id, ids)))]
    f = crm.refunds.c
    found += [("refund", each) for each in connection.scalars(sa.select(f.outside_id).where(f.order_id.in_(mine)))]
    return found


def _refs(connection: Connection, ids: Sequence[int]) -> tuple[str, ...]:
    """What their messages are called in the outbox, whatever address they went to."""
    letters = connection.scalars(sa.select(sends.c.id).where(among(sends.c.customer_id, ids)))
    told = connection.scalars(sa.select(errands.c.id).where(among(errands.c.customer_id, ids)))
    return (*map(str, letters), *map(ref, told))
