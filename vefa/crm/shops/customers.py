"""Customers as shop systems show them: who they are, when they signed up, what they agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.barred import FORGOTTEN
from vefa.crm.people import DETAILS, find_people, put_contacts
from vefa.crm.permissions import Said, put_consents
from vefa.crm.shops.moments import NOTHING, Verdict
from vefa.crm.shops.update import ConsentChange, Unreadable, Update
from vefa.crm.shops.versions import Key
from vefa.crm.tables import consents, customers
from vefa.crm.tags import TagChange, TagList, replace_tags, set_tags
from vefa.database import among

_Consent = tuple[int, ConsentChange]


def put_customers(
    connection: Connection,
    updates: Sequence[Update],
    held: Sequence[Update],
    verdicts: dict[Key, dict[str, Verdict]],
    receipt: Receipt,
) -> None:
    """Write the customers whose snapshots hold, then consents and tags of everybody who is named."""
    named = [each.who for each in updates if each.kind == "customer" and each.snapshot is not None]
    own = list(dict.fromkeys(person for person in named if person is not None))
    find_people(connection, own, receipt, own=True)
    signed, seen = [], []
    for each in held:
        verdict = verdicts.get(("customer", each.key), {}).get("created", NOTHING)
        if each.snapshot is None or each.snapshot.person is None:
            continue
        if not verdict.denied or verdict.at is not None:
            signed.append(replace(each.snapshot, occurred_at=verdict.at or each.snapshot.occurred_at))
        else:
            seen.append(each.snapshot.person)
    _sign_up(connection, signed, receipt)
    _put_details(connection, seen, receipt)
    _put_consents(connection, updates, receipt)
    _put_tags(connection, updates, receipt)


def _sign_up(connection: Connection, arrivals: Sequence[Arrival], receipt: Receipt) -> None:
    for outcome in take(connection, arrivals, receipt) if arrivals else ():
        if outcome.state == "refused" and outcome.problem != FORGOTTEN:
            raise Unreadable("a message cannot be taken")


def _put_details(connection: Connection, people: Sequence[Person], receipt: Receipt) -> None:
    """Customers without an account: known by name and address, and not signed up."""
    ids = find_people(connection, people, receipt, own=True) if people else {}
    if not ids:
        return
    put_contacts(connection, {number: person for person, number in ids.items()}, anew=True)
    rows = [
        {"number_": number} | {f"new_{name}": person.details.get(name) for name in DETAILS}
        for person, number in ids.items()
    ]
    values: dict[str, Any] = {
        name: sa.func.coalesce(sa.bindparam(f"new_{name}"), customers.c[name]) for name in DETAILS
    }
    connection.execute(sa.update(customers).where(customers.c.id == sa.bindparam("number_")).values(values), rows)


def _put_consents(connection: Connection, updates: Sequence[Update], receipt: Receipt) -> None:
    spoken = [(each.who, each) for each in updates if each.consents and each.who is not None]
    if not spoken:
        return
    ids = find_people(connection, [person for person, _ in spoken], receipt)
    changes = [(ids[person], change) for person, each in spoken if person in ids for change in each.consents]
    clear = [each for each in changes if not each[1].only_after_yes]
    put_consents(connection, [_consent(*each) for each in clear], receipt.source, receipt.now)
    ended = [each for each in changes if each[1].only_after_yes]
    agreed = _agreed(connection, sorted({number for number, _ in ended})) if ended else set()
    ends = [_consent(number, change) for number, change in ended if (number, change.channel) in agreed]
    put_consents(connection, ends, receipt.source, receipt.now)


def _put_tags(connection: Connection, updates: Sequence[Update], receipt: Receipt) -> None:
    """Whole lists and single changes, each at its moment."""
    tagged = [(each.who, each) for each in updates if each.tags or each.all_tags is not None]
    people = list(dict.fromkeys(person for person, _ in tagged if person is not None))
    if not people:
        return
    ids = find_people(connection, people, receipt, own=True)
    own = _own_numbers(connection, sorted(set(ids.values())))
    lists: list[TagList] = []
    changes: list[TagChange] = []
    for person, each in tagged:
        if person is None or person not in ids:
            continue
        customer = ids[person]
        # What a record bore that has gone into another says nothing of the other's tags.
        if own[customer] != person.outside_id:
            continue
        changes += [TagChange(customer, one.tag, one.added, one.at) for one in each.tags]
        if each.all_tags is not None:
            lists.append(TagList(customer, each.all_tags, each.updated_at))
    replace_tags(connection, lists)
    set_tags(connection, changes)


def _own_numbers(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    query = sa.select(customers.c.id, customers.c.outside_id).where(among(customers.c.id, ids))
    return dict(connection.execute(query).tuples().all())


def _consent(number: int, change: ConsentChange) -> Said:
    return Said(number, change.channel, change.granted, change.evidence, change.occurred_at)


def _agreed(connection: Connection, ids: Sequence[int]) -> set[tuple[int, str]]:
    """Who has ever agreed, by which channel."""
    c = consents.c
    query = sa.select(c.customer_id, c.channel).where(among(c.customer_id, ids), c.granted.is_(True))
    return set(connection.execute(query.where(c.purpose == "commercial").distinct()).tuples())
