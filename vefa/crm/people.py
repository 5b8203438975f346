"""Who is meant: customers found again by their number or an address, or made where that is wished."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Person, Receipt
from vefa.crm.identity import address_key, bucket
from vefa.crm.importers.places import languages_of_countries, zones_of_countries
from vefa.crm.tables import contacts, customers, events
from vefa.database import among, inserting

#: What may be told of somebody new beside their addresses.
DETAILS = ("first_name", "last_name", "language", "country", "city")


def guest_id(address: str) -> str:
    """The number of somebody without one: the same for the same address, whoever sends it, and not the address."""
    return f"guest:{address_key(address)}"


def outside_ids_at(connection: Connection, channel: str, addresses: Iterable[str]) -> dict[str, str]:
    """The customer's own number for each address (by its key) that somebody has; of several the first who came."""
    keys = sorted({address_key(address) for address in addresses})
    first = sa.select(contacts.c.address_key, sa.func.min(contacts.c.customer_id).label("id"))
    first = first.where(contacts.c.channel == channel, contacts.c.address_key.in_(keys))
    owners = first.group_by(contacts.c.address_key).subquery("owners")
    query = sa.select(owners.c.address_key, customers.c.outside_id).join(customers, customers.c.id == owners.c.id)
    return dict(connection.execute(query).tuples().all())


def find_people(connection: Connection, people: Sequence[Person], receipt: Receipt) -> dict[Person, int]:
    """The ids of those who are known, and of strangers where the shop takes them in."""
    numbers = _numbers(connection, people)
    known = _ids(connection, set(numbers.values()))
    strangers = {number: person for person, number in numbers.items() if number not in known}
    if strangers and receipt.creates:
        _make(connection, strangers, receipt)
        known |= _ids(connection, set(strangers))
    return {person: known[number] for person, number in numbers.items() if number in known}


def put_contacts(connection: Connection, people: dict[int, Person], *, anew: bool) -> None:
    """Their addresses; `anew` puts them in the place of others."""
    rows = [
        {"customer_id": number, "channel": channel, "address": address, "address_key": address_key(address)}
        for number, person in people.items()
        for channel, address in (("email", person.email), ("sms", person.sms))
        if address
    ]
    if not rows:
        return
    insert = inserting(connection, contacts)
    same = ["customer_id", "channel"]
    if not anew:
        connection.execute(insert.on_conflict_do_nothing(index_elements=same), rows)
        return
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


def _numbers(connection: Connection, people: Sequence[Person]) -> dict[Person, str]:
    """The own number of each; who has none is looked for by their addresses, e-mail before phone."""
    unnamed = [person for person in people if person.outside_id is None]
    at: dict[str, dict[str, str]] = {}
    for channel in ("email", "sms"):
        addresses = {address for person in unnamed if (address := getattr(person, channel))}
        at[channel] = outside_ids_at(connection, channel, addresses) if addresses else {}
    return {person: person.outside_id or _number_at(person, at) for person in people}


def _number_at(person: Person, at: dict[str, dict[str, str]]) -> str:
    for channel, address in (("email", person.email), ("sms", person.sms)):
        if address and (found := at[channel].get(address_key(address))):
            return found
    return guest_id(person.email or person.sms or "")


def _ids(connection: Connection, numbers: set[str]) -> dict[str, int]:
    query = sa.select(customers.c.outside_id, customers.c.id).where(customers.c.outside_id.in_(sorted(numbers)))
    return dict(connection.execute(query).tuples().all())


def _make(connection: Connection, strangers: dict[str, Person], receipt: Receipt) -> None:
    """They were there before this was told of them, but nobody says since when: no day of signing up."""
    zone = receipt.settings.shop.zone
    rows = [new_customer(number, each.details, receipt.now, zone) for number, each in sorted(strangers.items())]
    connection.execute(inserting(connection, customers).on_conflict_do_nothing(index_elements=["outside_id"]), rows)
    made = _ids(connection, set(strangers))
    put_contacts(connection, {made[number]: person for number, person in strangers.items()}, anew=False)
