"""Runs a migration on the connection that the caller gives, inside the caller's transaction."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

import vefa.consent.tables
import vefa.crm.answers
import vefa.crm.coupon_uses
import vefa.crm.forgotten
import vefa.crm.points
import vefa.crm.recommendations.tables
import vefa.crm.states
import vefa.crm.tables
import vefa.crm.ticket_messages
import vefa.crm.wishes
import vefa.engine.shortages
import vefa.engine.tables
import vefa.engine.trial_tables
import vefa.errands.tables
import vefa.inbox
import vefa.ledger.tables
import vefa.rewards.tables
import vefa.web.keys  # noqa: F401  # imported for its tables, as the ones above
from vefa.database import Instant, Money, metadata


def render_item(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Migrations hold what stands in the database and never our own types, which may change later."""
    if kind == "type" and isinstance(item, Instant | Money):
        return "sa.BigInteger()"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), sa.True_ | sa.False_):
        return f"sa.{item.arg}()"  # type: ignore[attr-defined]  # looked at in the line above
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
