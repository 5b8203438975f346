"""Providers' requests put to the service as they would come, and a database looked at as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import sqlalchemy as sa

from vefa.clock import stopped_at
from vefa.crm.tables import consents, events, suppressions
from vefa.database import reading
from vefa.inbox import inbox, take_in
from vefa.ledger.tables import send_history, sends
from vefa.settings import Settings
from vefa.web.app import make_app
from vefa.web.service import open_service
from vefa.web.takers import takers_of

SECRET = b"a secret of tests only, long enough to sign with"


class Site:
    """The service of one shop at one moment; `take_in` does what its consumer would."""

    def __init__(self, engine: sa.Engine, settings: Settings, at: datetime) -> None:
        self.engine, self.at = engine, at
        self.service = open_service(settings, engine, SECRET, stopped_at(at))
        self.app = make_app(self.service)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://vefa") as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())

    def take_in(self, at: datetime | None = None) -> None:
        while take_in(self.engine, takers_of(self.service.settings), at or self.at):
            pass

    def problems(self) -> list[str]:
        with reading(self.engine) as connection:
            query = sa.select(inbox.c.problem).where(inbox.c.problem.is_not(None)).order_by(inbox.c.id)
            return list(connection.scalars(query))

    def close(self) -> None:
        self.service.close()


def everything(engine: sa.Engine) -> Mapping[str, list[Any]]:
    """All rows that a report may touch."""
    with reading(engine) as connection:
        return {
            table.name: list(connection.execute(sa.select(table).order_by(table.c.id)))
            for table in (sends, send_history, events, suppressions, consents)
        }


def what_is_said(connection: sa.Connection) -> Mapping[str, list[Any]]:
    """The same without the numbers of rows, which tell who came first, and without the log of what was settled when."""
    found = {}
    for table in (sends, events, suppressions, consents):
        query = sa.select(*(column for column in table.c if column.name != "id"))
        found[table.name] = sorted(tuple(map(str, row)) for row in connection.execute(query))
    return found
