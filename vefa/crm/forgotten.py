"""Who was erased, so that nothing from before brings them back: keys of all they were known by, and the moment of it.

A key is an HMAC, under the shop's secret, of the hash of a number or an address: whoever has the table and not the
secret can find nobody in it. Keys are looked up in the transaction that writes, under a lock that an erasure takes
alone: no erasure ends between the look and the write.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from datetime import datetime
from hashlib import blake2b

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.identity import address_key
from vefa.database import Instant, inserting, metadata
from vefa.secret_key import secret_of
from vefa.settings import Settings

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("person_key", sa.Text, primary_key=True, comment="HMAC of a number or address of theirs"),
    sa.Column("forgotten_at", Instant, nullable=False),
    sa.Column("left_out", sa.Integer, nullable=False, server_default="0", comment="facts that came later nevertheless"),
    comment="by what people were known who were forgotten, as HMACs: nothing from before brings them back",
)
f = forgotten.c

#: Any number; on PostgreSQL writers of customers' facts share it, and an erasure has it alone.
_LOCK = 7_633_662
#: Keys in one question.
_PART = 500
#: What a keyed key begins with; one without it was made before there was a secret in it.
KEYED = "k."


def person_key(outside_id: str) -> str:
    """What stands for a customer's number before it is keyed."""
    return blake2b(outside_id.strip().lower().encode(), digest_size=16, person=b"vefa person").hexdigest()


def order_key(source: str, outside_id: str) -> str:
    """What stands for an order's number before it is keyed."""
    said = f"{source}\x1f{outside_id.strip()}".encode()
    return blake2b(said, digest_size=16, person=b"vefa order").hexdigest()


def contact_key(address: str) -> str:
    """What stands for an address before it is keyed: the same as in the tables of addresses."""
    return address_key(address)


def keyed(settings: Settings, key: str) -> str:
    """The key as it is kept."""
    mac = hmac.digest(_secret(settings), key.encode(), hashlib.sha256)
    return KEYED + mac[:16].hex()


def _secret(settings: Settings) -> bytes:
    return hmac.digest(secret_of(settings), b"vefa erased", hashlib.sha256)


def hold_erasures(connection: Connection) -> None:
    """No erasure begins or ends until this transaction has; to be called before anything is written in it.

    SQLite has one writer at a time, so it needs nothing.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_LOCK)))


def hold_writers(connection: Connection) -> None:
    """Nobody else writes facts of customers until this transaction has ended."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def erased(connection: Connection, settings: Settings, keys: Iterable[str]) -> dict[str, datetime]:
    """Which of these keys are of somebody who was erased, and when."""
    wanted = sorted(set(keys))
    if not wanted or not connection.scalar(sa.select(sa.exists(sa.select(f.person_key)))):
        return {}
    asked = {keyed(settings, key): key for key in wanted}
    names, found = list(asked), dict[str, datetime]()
    for start in range(0, len(names), _PART):
        query = sa.select(f.person_key, f.forgotten_at).where(f.person_key.in_(names[start : start + _PART]))
        found |= {asked[key]: at for key, at in connection.execute(query)}
    return found


def keep_keys(connection: Connection, keys: Collection[str], now: datetime) -> None:
    """From now on these keys, as they are kept, are of somebody erased."""
    if keys:
        insert = inserting(connection, forgotten)
        later = insert.on_conflict_do_update(
            index_elements=["person_key"],
            set_={"forgotten_at": insert.excluded.forgotten_at},
            where=f.forgotten_at < insert.excluded.forgotten_at,
        )
        connection.execute(later, [{"person_key": key, "forgotten_at": now} for key in sorted(set(keys))])


def count_left_out(connection: Connection, settings: Settings, keys: Iterable[str]) -> None:
    """Note that facts of those who were erased came, and were left out: one for each time that a key is named."""
    for key in keys:
        mine = sa.update(forgotten).where(f.person_key == keyed(settings, key))
        connection.execute(mine.values(left_out=f.left_out + 1))


def latest_erasure(connection: Connection) -> tuple[int, datetime | None]:
    """How many keys there are and when the newest came: another answer means that somebody was erased meanwhile."""
    count, newest = connection.execute(sa.select(sa.func.count(), sa.func.max(f.forgotten_at))).one()
    return count, newest
