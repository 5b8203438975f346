"""Tables of identity resolution: which addresses name whom, and who has become one with whom.

A *name* here is the shop's id of an account, or `guest:…` for somebody who is known by one address alone. Guests are
attached to a customer (`guests.customer_id`), and can be detached again, because `guest_objects` remembers what came
in under the address alone. Addresses stand here as keys only.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table

from vefa.database import Id, Instant, metadata

Text = sa.Text

identifiers = Table(
    "identifiers",
    metadata,
    Column("name", Text, primary_key=True, comment="the shop's id, or guest:KEY"),
    Column("channel", Text, primary_key=True, comment="email | sms"),
    Column("address_key", Text, primary_key=True, comment="as in contacts"),
    Column("own", sa.Boolean, nullable=False, comment="stood in the customer's own record; else in an order"),
    Index("ix_identifiers_address_key", "address_key"),
    comment="every address that a name was ever seen with",
)

guests = Table(
    "guests",
    metadata,
    Column("name", Text, primary_key=True, comment="guest:KEY"),
    Column("channel", Text, nullable=False, comment="what the key is of: email | sms"),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False, comment="whose orders these are now"),
    Index("ix_guests_customer_id", "customer_id"),
    comment="names that are an address alone, and the customer they are attached to",
)

guest_objects = Table(
    "guest_objects",
    metadata,
    Column("kind", Text, primary_key=True, comment="order | return | ticket | … | event"),
    Column("object_id", Id, primary_key=True),
    Column("name", Text, nullable=False, comment="guests.name"),
    Index("ix_guest_objects_name", "name"),
    comment="what came in under an address alone, so that it can follow the address",
)

customer_aliases = Table(
    "customer_aliases",
    metadata,
    Column("outside_id", Text, primary_key=True, comment="an id that the shop has merged away"),
    Column("kept", Text, nullable=False, comment="the id that stands for it for ever"),
    Column("since", Instant, nullable=False),
    Index("ix_customer_aliases_kept", "kept"),
    comment="ids of merged customers: what comes later under them is the kept customer's",
)

identity_changes = Table(
    "identity_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False, comment="merge | detach"),
    Column(
        "kept_id", Id, ForeignKey("customers.id"), nullable=False, comment="of a detachment: who has the orders now"
    ),
    Column("gone_id", Id, ForeignKey("customers.id"), nullable=False, comment="of a detachment: who had them"),
    Column("noted_at", Instant, nullable=False),
    Index("ix_identity_changes_kept_id", "kept_id"),
    Index("ix_identity_changes_gone_id", "gone_id"),
    comment="what resolution has found and the engine must carry out before anybody is written to",
)
