"""The web service over a test's database, asked as a server would ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from tests.acceptance.small_shop import NOON
from vefa.database import reading, writing
from vefa.inbox import take_in
from vefa.settings import Settings
from vefa.web.app import ROOMS, make_app
from vefa.web.keys import SCOPES, add_key
from vefa.web.service import Service, open_service
from vefa.web.takers import takers_of


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Asked:
    """A running service, and a key for everything."""

    engine: sa.Engine
    settings: Settings
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.service: Service = open_service(self.settings, self.engine, b"a secret of tests only", self.clock)
        self.app: FastAPI = make_app(self.service)
        self.key = self.make_key("shop", *SCOPES)

    def make_key(self, name: str, *scopes: str, source: str = "") -> str:
        with writing(self.engine) as connection:
            return add_key(connection, name, scopes, self.clock.now, source)

    def ask(self, method: str, path: str, *, key: str | None = "", **said: Any) -> httpx.Response:
        """One request; with the key for everything unless said, with none where it is None."""
        headers = httpx.Headers(said.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key or self.key}"

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=("127.0.0.1", 4000))
            async with httpx.AsyncClient(transport=transport, base_url="http://vefa") as client:
                return await client.request(method, path, headers=headers, **said)

        return asyncio.run(asked())

    def send(self, *events: Mapping[str, Any], **said: Any) -> list[dict[str, Any]]:
        """Events by `/v1/events`, all in one request, and what became of each."""
        answer = self.ask("POST", "/v1/events", json=list(events), **said)
        assert answer.status_code in (200, 422), answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def paths(self) -> list[tuple[str, str]]:
        """Every method and path that the service answers, parameters in their braces."""
        routes = [*(each for room in ROOMS for each in room(self.service).routes), *self.app.routes]
        found = [(route.path, getattr(route, "methods", None) or ()) for route in routes if hasattr(route, "path")]
        return sorted((method, path) for path, methods in found for method in methods)

    def take(self) -> None:
        """Take in all that waits in the inbox."""
        while take_in(self.engine, takers_of(self.settings), self.clock.now):
            pass

    def rows(self, query: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(query))
