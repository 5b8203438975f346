"""API keys: 256 random bits behind `vefa_`, shown once. The database holds their SHA-256, which finds them again.

A key is looked up by its hash, so nothing is ever compared letter by letter, and who reads the table cannot use it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import Id, Instant, metadata
from vefa.errors import UserError

PREFIX = "vefa_"
#: What a key may be for, and what that means.
SCOPES = {
    "events:write": "send events to /v1/events",
    "hooks:write": "send rows to /v1/hooks/mapped/NAME, by a column map",
    "read": "ask for what vefa knows",
}
#: A key's last use is written down this often at most: a request need not wait for it.
USED_EVERY = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("source", sa.Text, nullable=False, comment="whose ids its orders and events have"),
    sa.Column("hash", sa.Text, nullable=False, unique=True, comment="SHA-256 of the key, in hex"),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("last_used_at", Instant, comment="to the minute"),
    sa.Column("revoked_at", Instant, comment="null: it opens"),
    comment="who may send events; the keys themselves are nowhere",
)
k = api_keys.c


@dataclass(frozen=True)
class ApiKey:
    """A key as the database knows it."""

    id: int
    name: str
    source: str
    scopes: frozenset[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_stale(self, now: datetime) -> bool:
        """Whether its last use ought to be written down."""
        return self.last_used_at is None or now - self.last_used_at >= USED_EVERY


def add_key(connection: Connection, name: str, scopes: Sequence[str], now: datetime, source: str = "") -> str:
    """Make a key and give it, for the only time. Raises UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(f'"{name}" is no name for a key. Use small letters, digits and dashes, such as web-shop.')
    for scope in scopes:
        if scope not in SCOPES:
            raise UserError(f'There is no scope "{scope}". There are: {", ".join(SCOPES)}.')
    if not scopes:
        raise UserError(f"Say what the key is for: --scope {next(iter(SCOPES))}. There are: {', '.join(SCOPES)}.")
    if connection.scalar(sa.select(k.id).where(k.name == name)):
        raise UserError(f'There is a key "{name}" already. Names are never used twice, not even after a revocation.')
    token = PREFIX + secrets.token_urlsafe(32)
    row = {"name": name, "source": source or name, "hash": hash_of(token), "scopes": sorted(set(scopes))}
    connection.execute(sa.insert(api_keys).values(**row, created_at=now))
    return token


def revoke_key(connection: Connection, name: str, now: datetime) -> None:
    """It opens nothing any more, from the next request on. Raises UserError."""
    found = connection.execute(sa.select(k.id, k.revoked_at).where(k.name == name)).one_or_none()
    if found is None:
        raise UserError(f'There is no key "{name}". vefa keys list shows them.')
    if found.revoked_at is None:
        connection.execute(sa.update(api_keys).where(k.id == found.id).values(revoked_at=now))


def all_keys(connection: Connection) -> list[ApiKey]:
    """Every key that there is or was, by name."""
    return [_key(row) for row in connection.execute(_known().order_by(k.name))]


def key_of(connection: Connection, token: str) -> ApiKey | None:
    """The key that this is and that opens; None where there is none."""
    if not _TOKEN.fullmatch(token):
        return None
    row = connection.execute(_known().where(k.hash == hash_of(token), k.revoked_at.is_(None))).one_or_none()
    return None if row is None else _key(row)


def note_use(connection: Connection, key: ApiKey, now: datetime) -> None:
    """Write its last use down, where that was not done a moment ago."""
    if key.is_stale(now):
        connection.execute(sa.update(api_keys).where(k.id == key.id).values(last_used_at=now))


def hash_of(token: str) -> str:
    """What stands for a key in the database."""
    return hashlib.sha256(token.encode()).hexdigest()


def _known() -> sa.Select[tuple[int, str, str, list[str], datetime, datetime | None, datetime | None]]:
    return sa.select(k.id, k.name, k.source, k.scopes, k.created_at, k.last_used_at, k.revoked_at)


def _key(row: sa.Row[tuple[int, str, str, list[str], datetime, datetime | None, datetime | None]]) -> ApiKey:
    number, name, source, scopes, created_at, last_used_at, revoked_at = row
    return ApiKey(number, name, source, frozenset(scopes), created_at, last_used_at, revoked_at)
