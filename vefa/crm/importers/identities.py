"""What an import says of who is one with whom: ids that the shop has merged, and addresses that guests are named after.

Statements over a whole batch; where there are no guests and no merged ids they touch nothing (rule 26).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# The whole module, for it needs places of this package itself.
from vefa.crm import people
from vefa.crm.identifiers import customer_aliases, guests, identifiers
from vefa.crm.importers.stages import CHANGED, Stage
from vefa.crm.resolution import PREFIX
from vefa.crm.tables import contacts, customers
from vefa.database import from_micros, inserting

_NAMES = ["name", "channel", "address_key", "own"]


def follow_merges(connection: Connection, stage: Stage) -> None:
    """Rows under an id that the shop has merged away are the kept customer's; what they say of themselves is past."""
    a, staged = customer_aliases.c, stage.staged
    if not connection.scalar(sa.select(sa.exists(sa.select(a.outside_id)))):
        return
    past = stage.target.name in ("customers", "contacts")
    column = staged.c.get("customer") if stage.target.name != "customers" else staged.c.outside_id
    if column is None:
        return
    merged = sa.exists().where(a.outside_id == column)
    if past:
        connection.execute(sa.delete(staged).where(merged))
        return
    kept = sa.select(a.kept).where(a.outside_id == column).scalar_subquery()
    connection.execute(sa.update(staged).where(merged).values({column.name: kept}))


def note_former(connection: Connection, stage: Stage, batch: int) -> None:
    """Addresses that are about to change were the customers' own."""
    chosen, k, c = stage.chosen, contacts.c, customers.c
    changing = sa.exists().where(chosen.c.owner == c.outside_id, chosen.c.batch == batch, chosen.c.news == CHANGED)
    unseen = sa.not_(sa.exists().where(identifiers.c.name == c.outside_id))
    rows = sa.select(c.outside_id, k.channel, k.address_key, sa.true()).join(contacts, k.customer_id == c.id)
    insert = inserting(connection, identifiers).from_select(_NAMES, rows.where(changing, unseen))
    connection.execute(insert.on_conflict_do_nothing())


def note_addresses(connection: Connection, stage: Stage, batch: int, now: int, zone: str) -> None:
    """The batch's addresses, of customers who were seen elsewhere; and the guests who are named after one of them."""
    chosen = stage.chosen
    mine = chosen.c.batch == batch
    seen = sa.exists().where(identifiers.c.name == chosen.c.owner)
    rows: Any = sa.select(chosen.c.owner, chosen.c.channel, chosen.c.address_key, sa.true()).where(mine, seen)
    insert = inserting(connection, identifiers).from_select(_NAMES, rows)
    connection.execute(insert.on_conflict_do_update(index_elements=_NAMES[:3], set_={"own": True}))
    _note_guests(connection, chosen, mine)
    is_guest = guests.c.name == sa.literal(PREFIX, sa.Text) + chosen.c.address_key
    owners = list(connection.scalars(sa.select(chosen.c.owner).distinct().join(guests, is_guest).where(mine)))
    if owners:
        people.reconsider(connection, owners, from_micros(now), zone)


def _note_guests(connection: Connection, chosen: sa.Table, mine: Any) -> None:
    """Customers whom the import names by their address alone."""
    named = sa.literal(PREFIX, sa.Text) + chosen.c.address_key == chosen.c.owner
    c = customers.c
    rows = sa.select(c.outside_id, chosen.c.channel, c.id).join(chosen, chosen.c.owner == c.outside_id)
    insert = inserting(connection, guests).from_select(["name", "channel", "customer_id"], rows.where(mine, named))
    connection.execute(insert.on_conflict_do_nothing())
