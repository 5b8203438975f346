"""Coupons given away, the pools that some of them come from, how the checkout learned of them, and their use."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from vefa.database import Id, Instant, metadata

Text = sa.Text
_FREE = sa.text("taken_at IS NULL AND aside_at IS NULL")
_UNTOLD = sa.text("exported = 0")
_UNREAD = sa.text("pool_code_id IS NOT NULL AND valid_from IS NULL")
_OPEN = sa.text("ended_at IS NULL")

coupon_pools = Table(
    "coupon_pools",
    metadata,
    Column("name", Text, primary_key=True, comment="as in config/coupons.yaml"),
    Column("stock", sa.Integer, nullable=False, comment="free codes after the last import"),
    Column("imported_at", Instant, nullable=False),
)

pool_codes = Table(
    "pool_codes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("code", Text, nullable=False, comment="as the checkout writes it"),
    Column("code_key", Text, nullable=False, unique=True, comment="without spaces and in capitals"),
    Column("imported_at", Instant, nullable=False),
    Column("taken_at", Instant, comment="given to a customer: the coupon names this row"),
    Column("aside_at", Instant, comment="not to be given: used by somebody already, or free when a backup came back"),
    Index("ix_pool_codes_free", "pool", "id", sqlite_where=_FREE, postgresql_where=_FREE),
    Index("ix_pool_codes_pool", "pool"),
    comment="codes that the shop's checkout has made",
)

coupon_exports = Table(
    "coupon_exports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("way", Text, nullable=False, comment="file | push"),
    Column("target", Text, nullable=False, comment="the file's name, or the host"),
    Column("codes", sa.Integer, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant, comment="the checkout has them; null: not surely yet"),
    Column("attempts", sa.Integer, nullable=False, server_default="0"),
    Column("leased_until", Instant, comment="nobody else tries before (wall clock)"),
    Column("problem", Text, comment="why it was not taken at the last attempt"),
    Index("ix_coupon_exports_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    comment="codes made by vefa, handed to the checkout: a file or a request a row",
)

coupons = Table(
    "coupons",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id"), nullable=False),
    Column("step", Id, nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("terms", sa.JSON, nullable=False, comment="percent | amount, currency | free_shipping, minimum"),
    Column("made_at", Instant, nullable=False),
    Column("valid_days", sa.Integer),
    Column("valid_seconds", sa.Integer),
    Column("valid_from", Instant, comment="the claim of its first message (rule 18)"),
    Column("valid_until", Instant),
    Column("pool_code_id", Id, ForeignKey("pool_codes.id"), unique=True, comment="null: vefa made the code"),
    Column(
        "exported",
        sa.SmallInteger,
        nullable=False,
        server_default="0",
        comment="0 to be told to the checkout, 1 told before its last moment was known, 2 told, or its own",
    ),
    Column("export_id", Id, ForeignKey("coupon_exports.id"), comment="with which it was told last"),
    UniqueConstraint("enrolment_id", "step"),
    Index("ix_coupons_customer_id", "customer_id"),
    Index("ix_coupons_export_id", "export_id"),
    Index("ix_coupons_to_export", "id", sqlite_where=_UNTOLD, postgresql_where=_UNTOLD),
    Index("ix_coupons_pool_unread", "enrolment_id", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
)

redemptions = Table(
    "redemptions",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("coupon_id", Id, ForeignKey("coupons.id"), comment="null: a pool's code that nobody was given"),
    Column("pool_code_id", Id, ForeignKey("pool_codes.id")),
    Column("at", Instant, nullable=False, comment="when the order was placed"),
    Column("known_at", Instant, nullable=False),
    Column("undone_known_at", Instant, comment="when the order's cancellation was learned: the coupon is good again"),
    Column("counts", sa.Boolean, nullable=False, comment="this order has used the coupon up"),
    Column("again", sa.Boolean, nullable=False, comment="an earlier order had used it up already"),
    Column("late", sa.Boolean, nullable=False, comment="after its last moment"),
    Column("small", sa.Boolean, nullable=False, comment="the basket was surely below its minimum"),
    Column("not_theirs", sa.Boolean, nullable=False, comment="the order is another customer's"),
    Column("other_currency", sa.Boolean, nullable=False, comment="the order is in another currency than the coupon"),
    Column("code_key", Text, primary_key=True, comment="the code without spaces and in capitals"),
    Index("ix_redemptions_coupon_id", "coupon_id"),
    Index("ix_redemptions_pool_code_id", "pool_code_id"),
    comment="orders in which a coupon of ours was used, as the shop's checkout let it happen",
)
