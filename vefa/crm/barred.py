"""Which of what comes in is about somebody who was erased, and must not bring them back.

What happened before the erasure is left out, whichever way it comes, and so is what still happens to an order that was
erased. A later order or sign-up makes a new customer, who has said nothing yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.forgotten import contact_key, count_left_out, erased, hold_erasures, order_key, person_key
from vefa.crm.tables import contacts, customers

#: What makes a customer anew of somebody who was erased.
RETURNS = frozenset({"order.placed", "customer.created"})
#: Why what came was not taken. It names nobody.
FORGOTTEN = "they asked to be forgotten: nothing from before brings them back, only a later order or sign-up"


@dataclass(frozen=True)
class Barred:
    """Places of what is left out, and who may be made anew."""

    places: frozenset[int] = frozenset()
    back: frozenset[Person] = frozenset()


@dataclass
class _Look:
    """What was erased of all that is named, and who of those people is a customer now."""

    at: Mapping[str, datetime]
    known: Collection[Person] = ()
    named: list[str] = field(default_factory=list)

    def person(self, person: Person | None) -> tuple[str, datetime] | None:
        """By which key they were erased, and when."""
        for key in keys_of(person) if person is not None else ():
            if key in self.at:
                return key, self.at[key]
        return None


def keys_of(person: Person) -> list[str]:
    """By what somebody is known, the surest first. A phone number tells only of who has nothing else."""
    keys = [person_key(person.outside_id)] if person.outside_id else []
    if person.email:
        keys.append(contact_key(person.email))
    if person.sms and not keys:
        keys.append(contact_key(person.sms))
    return keys


def bar(connection: Connection, arrivals: Sequence[Arrival], receipt: Receipt) -> Barred:
    """What must be left out of these, in the transaction that writes the rest; it is counted."""
    hold_erasures(connection)
    orders = [_order_keys(each, receipt.source) for each in arrivals]
    people = {each.person for each in arrivals if each.person is not None}
    asked = {key for person in people for key in keys_of(person)} | {key for keys in orders for key in keys}
    look = _Look(erased(connection, receipt.settings, asked))
    if not look.at:
        return Barred()
    look.known = known_now(connection, [person for person in people if look.person(person)])
    back = {each.person for each in arrivals if each.person is not None and _returns(each, look, receipt.now)}
    places = {
        place
        for place, (each, keys) in enumerate(zip(arrivals, orders, strict=True))
        if _is_barred(each, keys, look, back, receipt.now)
    }
    count_left_out(connection, receipt.settings, look.named)
    return Barred(frozenset(places), frozenset(back))


def may_be_made(connection: Connection, people: Collection[Person], receipt: Receipt) -> set[Person]:
    """Who of these strangers may become a customer: whoever was not erased, or has come back."""
    hold_erasures(connection)
    found = erased(connection, receipt.settings, {key for person in people for key in keys_of(person)})
    return {each for each in people if each in receipt.back or not any(key in found for key in keys_of(each))}


def known_now(connection: Connection, people: Sequence[Person]) -> set[Person]:
    """Who of these is a customer at this moment, by the number, else by the e-mail address."""
    numbers = sorted({person.outside_id for person in people if person.outside_id})
    mails = sorted({contact_key(person.email) for person in people if person.email})
    there = set(connection.scalars(sa.select(customers.c.outside_id).where(customers.c.outside_id.in_(numbers))))
    k = contacts.c
    held = set(connection.scalars(sa.select(k.address_key).where(k.channel == "email", k.address_key.in_(mails))))
    return {
        person
        for person in people
        if (person.outside_id in there if person.outside_id else contact_key(person.email or "") in held)
    }


def _returns(arrival: Arrival, look: _Look, now: datetime) -> bool:
    if arrival.type not in RETURNS or (found := look.person(arrival.person)) is None:
        return False
    return (arrival.occurred_at or now) > found[1]


def _is_barred(
    arrival: Arrival, orders: Sequence[str], look: _Look, back: Collection[Person | None], now: datetime
) -> bool:
    for key in orders:
        if key in look.at:
            look.named.append(key)
            return True
    person, found = arrival.person, look.person(arrival.person)
    if person is None or found is None:
        return False
    key, at = found
    if person in look.known and person.outside_id and key != person_key(person.outside_id):
        return False  # somebody else, who stands beside them with an address of theirs
    if (arrival.occurred_at or now) > at and (person in look.known or person in back):
        return False
    look.named.append(key)
    return True


def _order_keys(arrival: Arrival, source: str) -> list[str]:
    kind = arrival.object_kind or arrival.type.partition(".")[0]
    named = [arrival.object_id] if kind == "order" and arrival.object_id else []
    order = arrival.data.get("order")
    if isinstance(order, str | int):
        named.append(str(order))
    return [order_key(source, each) for each in named]
