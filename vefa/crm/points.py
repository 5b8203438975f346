"""The points ledger's tables, and the marks that say whose points must be looked at.

A move carries points from one account to another: double entry in a row, so that the sum over all accounts is zero
whatever happens. One of the two accounts is always a customer's; the others are the shop's: what it has issued, what
was redeemed and what has expired. Moves are only ever added. Each move to a customer is a *lot*, which moves away from
them use up (`point_uses`), the one that runs out first before the others.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.engine import Connection

from vefa.database import EPOCH, Id, Instant, Money, inserting, metadata

Text = sa.Text
#: The customer's own account; the shop's.
CUSTOMER, ISSUED, REDEEMED, EXPIRED = "customer", "issued", "redeemed", "expired"

redemptions = Table(
    "point_redemptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("outside_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, server_default=""),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("order_id", Id, ForeignKey("orders.id"), comment="what they were spent on"),
    Column("points", sa.Integer, nullable=False),
    Column("redeemed_at", Instant, nullable=False),
    Column("redeemed_known_at", Instant, nullable=False),
    UniqueConstraint("source", "outside_id"),
    Index("ix_point_redemptions_customer_id", "customer_id"),
    Index("ix_point_redemptions_order_id", "order_id"),
    comment="points that customers have spent, as the shop tells it",
)

point_moves = Table(
    "point_moves",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="what it is for: nothing is posted twice"),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("debit", Text, nullable=False, comment="the account that gives"),
    Column("credit", Text, nullable=False, comment="the account that gets"),
    Column("points", sa.Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="earn | grant | redeem | take_back | give_back | expire | correct"),
    Column("rule", Text, comment="order, first-order, a rule of config/loyalty.yaml, or a step"),
    Column("at", Instant, nullable=False, comment="from when on it counts"),
    Column("earned_at", Instant, comment="of what was issued: when it was earned, also for what is taken back of it"),
    Column("runs_out_at", Instant, comment="of a lot: the last moment at which it can be spent; null: never"),
    Column("posted_at", Instant, nullable=False, comment="when it was written down"),
    Column("order_id", Id, ForeignKey("orders.id")),
    Column("basis", Money, comment="worth of the order that the points were first counted by"),
    Column("redemption_id", Id, ForeignKey("point_redemptions.id")),
    Column("enrolment_id", Id, ForeignKey("enrolments.id")),
    Column("step", Id),
    Column("reason", Text, comment="of a correction"),
    CheckConstraint("points > 0", name="ck_point_moves_points"),
    CheckConstraint("debit <> credit AND 'customer' IN (debit, credit)", name="ck_point_moves_accounts"),
    Index("ix_point_moves_customer_id_at", "customer_id", "at", "credit", "points"),
    Index("ix_point_moves_order_id", "order_id"),
    Index("ix_point_moves_enrolment_id", "enrolment_id"),
    Index("ix_point_moves_redemption_id", "redemption_id"),
    comment="append-only: points between a customer's account and the shop's",
)

point_uses = Table(
    "point_uses",
    metadata,
    Column("spend_id", Id, ForeignKey("point_moves.id"), primary_key=True),
    Column("lot_id", Id, ForeignKey("point_moves.id"), primary_key=True),
    Column("points", sa.Integer, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("points > 0", name="ck_point_uses_points"),
    Index("ix_point_uses_lot_id", "lot_id", "at", "points"),
    comment="append-only: which lots a move away from the customer has used up",
)

tier_changes = Table(
    "tier_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("since", Instant, nullable=False),
    Column("tier", Text, comment="null: none any more"),
    Column("before", Text),
    UniqueConstraint("customer_id", "since"),
    comment="append-only: the latest one counts",
)

points_due = Table(
    "points_due",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("at", Instant, nullable=False, comment="when their points must be looked at next; 1970: now"),
    Index("ix_points_due_at", "at"),
    comment="whose points change: written in the transaction that changes their orders, returns or spendings",
)

points_settled = Table(
    "points_settled",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("programme", Text, nullable=False, comment="hash of the rules that everybody was last looked at by"),
    comment="one row",
)


def mark_points(connection: Connection, customer_ids: sa.Select[Any]) -> None:
    """These customers' points must be looked at; nulls are passed over."""
    chosen = customer_ids.subquery()
    named = sa.select(chosen.c[0], sa.literal(EPOCH, Instant())).distinct().where(chosen.c[0].is_not(None))
    insert = inserting(connection, points_due).from_select(["customer_id", "at"], named)
    again = insert.on_conflict_do_update(
        index_elements=["customer_id"], set_={"at": insert.excluded.at}, where=points_due.c.at > EPOCH
    )
    connection.execute(again)
