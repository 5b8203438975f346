"""Requests are kept before they are answered."""

from __future__ import annotations

from asyncio import wrap_future
from collections.abc import Mapping
from typing import Any

from vefa.clock import Clock
from vefa.inbox import put
from vefa.web.committing import Committer


class Inbox:
    """Where providers' and shops' requests are written down, to be taken in by `vefa.inbox.take_in`."""

    def __init__(self, committer: Committer, clock: Clock) -> None:
        self._committer, self._clock = committer, clock

    async def put(self, kind: str, body: bytes, about: Mapping[str, Any] | None = None) -> None:
        """Returns when it is kept for good. Raises Full, or the database's own error, and then nothing is kept."""
        now = self._clock()
        await wrap_future(self._committer.submit(lambda connection: put(connection, kind, body, now, about)))
