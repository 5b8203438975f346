"""The key to İYS, one for all workers on all machines: İYS gives out ten an hour.

It stands in the database, sealed with the shop's secret, so that a copy of the database opens nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy.engine import Engine

from vefa.clock import Clock
from vefa.consent.answers import IysDenied, IysRefused
from vefa.consent.progress import read_progress, write_progress
from vefa.consent.tables import iys_progress
from vefa.database import reading, writing

#: The name of its row.
ROW = "token"
#: A token that ends within this is not used any more.
MARGIN = timedelta(minutes=2)
Login = Callable[[Mapping[str, str]], Mapping[str, Any]]


@dataclass(frozen=True)
class SharedTokens:
    """The token in the database."""

    engine: Engine
    secret: bytes
    clock: Clock

    def current(self, login: Login) -> str:
        """The token that all use, renewed where it ends: by its refresh token first, else by the password."""
        with reading(self.engine) as connection:
            kept = read_progress(connection, ROW)
        held = self._opened(kept.mark)
        if held and kept.at is not None and kept.at - MARGIN > self.clock():
            return str(held["access_token"])
        return self._renewed(held, login)

    def forget(self, token: str) -> None:
        """Let go of the token, if it is still that one."""
        with writing(self.engine) as connection:
            if self._opened(read_progress(connection, ROW).mark).get("access_token") == token:
                connection.execute(sa.delete(iys_progress).where(iys_progress.c.name == ROW))

    def _renewed(self, held: Mapping[str, str], login: Login) -> str:
        asked_at = self.clock()
        given = {"refresh_token": held.get("refresh_token", ""), "grant_type": "refresh_token"}
        try:
            answer = login(given if given["refresh_token"] else {})
        except (IysDenied, IysRefused):
            if not given["refresh_token"]:
                raise
            with writing(self.engine) as connection:
                connection.execute(sa.delete(iys_progress).where(iys_progress.c.name == ROW))
            answer = login({})
        text = orjson.dumps({name: str(answer.get(name) or "") for name in ("access_token", "refresh_token")})
        ends = asked_at + timedelta(seconds=_whole(answer.get("expires_in")))
        with writing(self.engine) as connection:
            write_progress(connection, ROW, self._seal.encrypt(text).decode(), ends)
        return str(answer["access_token"])

    @property
    def _seal(self) -> Fernet:
        return Fernet(urlsafe_b64encode(sha256(b"vefa iys token\0" + self.secret).digest()))

    def _opened(self, mark: str | None) -> dict[str, str]:
        """What was sealed; nothing where there is none, or it was sealed with another secret."""
        try:
            found = orjson.loads(self._seal.decrypt((mark or "").encode()))
        except (InvalidToken, orjson.JSONDecodeError):
            return {}
        return found if isinstance(found, dict) else {}


def _whole(value: Any) -> int:
    return max(int(value), 0) if isinstance(value, int | float) else 600
