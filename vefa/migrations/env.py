"""Runs a migration on the connection that the caller gives, inside the caller's transaction."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from vefa.database import Instant, Money, Quantity
from vefa.migrations.tables import metadata


def render_item(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Migrations hold what stands in the database and never our own types, which may change later."""
    if kind == "type" and isinstance(item, Instant | Money | Quantity):
        return "sa.BigInteger()"
    if kind == "server_default" and isinstance(truth := getattr(item, "arg", None), sa.True_ | sa.False_):
        return f"sa.{truth}()"
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
