"""Who asked to be forgotten, so that the next import does not bring them back. Only hashes are kept."""

from __future__ import annotations

from hashlib import blake2b

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import Instant, metadata

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("person_key", sa.Text, primary_key=True, comment="HMAC of a number or address of theirs"),
    sa.Column("forgotten_at", Instant, nullable=False),
    sa.Column("left_out", sa.Integer, nullable=False, server_default="0", comment="facts that came later nevertheless"),
    comment="by what people were known who were forgotten, as HMACs: nothing from before brings them back",
)


def person_key(outside_id: str) -> str:
    """What stands for a customer's number among the forgotten."""
    return blake2b(outside_id.strip().lower().encode(), digest_size=16, person=b"vefa person").hexdigest()


def forgotten_keys(connection: Connection) -> frozenset[str]:
    """All of them. They are few beside the customers."""
    return frozenset(connection.scalars(sa.select(forgotten.c.person_key)))
