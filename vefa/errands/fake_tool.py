"""A tool outside that does as a good receiver should: it verifies each request, and takes each event once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.server import FakeServer
from vefa.clock import Clock, system_clock
from vefa.errands.signing import ID, verify


@dataclass(frozen=True)
class Call:
    """One request that it heard: its id, its body, and whether it was signed with the key."""

    id: str
    body: bytes
    signed: bool

    @property
    def event(self) -> Any:
        """The body's JSON."""
        return orjson.loads(self.body)


class FakeTool(FakeServer):
    """Refuses what is not signed, logs every call, and keeps each event once however often it comes.

    `key` None: it takes whatever comes, as a chat does.
    """

    def __init__(self, key: str | None, clock: Clock = system_clock, port: int = 0) -> None:
        super().__init__(port)
        self._key, self.clock = key, clock
        self.calls: list[Call] = []
        self.events: dict[str, Any] = {}

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        """204, or 401 for a forgery."""
        name = asked.headers.get(ID, "")
        signed = self._key is not None and verify(
            self._key, {header.lower(): value for header, value in asked.headers.items()}, asked.body, self._seconds
        )
        call = Call(name, asked.body, signed)
        self.calls.append(call)
        if self._key is not None and not signed:
            return Answer(401)
        if keep:
            self.events.setdefault(name, call.event)
        return Answer(204)

    @property
    def _seconds(self) -> int:
        return int(self.clock().timestamp())
