"""Mailboxes and telephones that several customers name: each is written to once and capped as one (rule 17)."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import contacts, customers

#: Customers that are named as examples.
EXAMPLES = 5


@dataclass(frozen=True)
class SharedMailboxes:
    """How many addresses several customers name, how many customers these are, and some of their numbers."""

    addresses: int
    customers: int
    examples: tuple[str, ...] = ()


def shared_mailboxes(connection: Connection) -> SharedMailboxes:
    """All that are shared now. It reads an index of all addresses, so ask it for people and not each minute."""
    c = contacts.c
    grouped = sa.select(c.channel, c.address_key, sa.func.count().label("owners"))
    shared = grouped.group_by(c.channel, c.address_key).having(sa.func.count() > 1).subquery("shared")
    total = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(shared.c.owners), 0)).select_from(shared)
    addresses, owners = connection.execute(total).one()
    if not addresses:
        return SharedMailboxes(0, 0)
    same = sa.and_(shared.c.channel == c.channel, shared.c.address_key == c.address_key)
    named = sa.select(customers.c.outside_id).join_from(contacts, shared, same)
    named = named.join(customers, customers.c.id == c.customer_id).order_by(shared.c.address_key, customers.c.id)
    return SharedMailboxes(addresses, int(owners), tuple(connection.scalars(named.limit(EXAMPLES))))
