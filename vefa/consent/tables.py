"""What we know of İYS, Turkey's register of consents: its word on each address, and ours to it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table

from vefa.database import Id, Instant, metadata

Text = sa.Text

iys_recipients = Table(
    "iys_recipients",
    metadata,
    Column("channel", Text, primary_key=True, comment="email | sms"),
    Column("address_key", Text, primary_key=True, comment="as in contacts: never the address itself"),
    Column("recipient_type", Text, primary_key=True, comment="BIREYSEL | TACIR (a merchant)"),
    Column("status", Text, comment="ONAY | RET: the newest change that İYS told of; null: it told of none"),
    Column("said_at", Instant, comment="when that was said"),
    Column("source", Text, comment="where: HS_WEB, IYS_KISAMESAJ …"),
    Column("approved", sa.Boolean, comment="whether it stood as ONAY when we last asked; null: never asked"),
    Column("asked_at", Instant),
    comment="İYS's word on an address, as far as we have heard it",
)

iys_pushes = Table(
    "iys_pushes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("consent_id", Id, ForeignKey("consents.id"), nullable=False, unique=True),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("address_key", Text, nullable=False),
    Column("recipient_type", Text, nullable=False),
    Column("granted", sa.Boolean, nullable=False),
    Column("source", Text, nullable=False, comment="HS_…"),
    Column("said_at", Instant, nullable=False),
    Column("due_by", Instant, nullable=False, comment="three business days after it was said"),
    Column("state", Text, nullable=False, comment="waiting | sent | done | needless | refused | late"),
    Column("request_id", Text, comment="İYS's number of the request that it went with"),
    Column("place", sa.Integer, comment="its place in that request"),
    Column("problem", Text, comment="İYS's code, or a word of ours"),
    Column("changed_at", Instant, nullable=False),
    Index("ix_iys_pushes_address", "channel", "address_key"),
    Index(
        "ix_iys_pushes_open",
        "state",
        "due_by",
        sqlite_where=sa.text("state != 'done'"),
        postgresql_where=sa.text("state != 'done'"),
    ),
    Index("ix_iys_pushes_customer_id", "customer_id"),
    Index("ix_iys_pushes_request_id", "request_id"),
    comment="words that were said to us and İYS must hear of",
)

iys_progress = Table(
    "iys_progress",
    metadata,
    Column("name", Text, primary_key=True, comment="changes IYS | changes HS | offered | spread | token"),
    Column("mark", Text, comment="the cursor; of the token its sealed text"),
    Column("at", Instant, comment="changes: all that was said to İYS until then is here; token: when it ends"),
    comment="how far we have come with İYS",
)
