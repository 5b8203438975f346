"""Customers who click: the web service over a small shop, asked as a browser or a mail program asks it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from html import unescape
from typing import Any

import httpx
import sqlalchemy as sa

from tests.engine.worlds import World
from vefa.web.app import ROOMS, Room, make_app
from vefa.web.service import open_service

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class Visits:
    """Requests to the service of a world's shop. `now` is the moment of the next one; each moves it on a little."""

    def __init__(self, world: World, now: datetime, rooms: tuple[Room, ...] = tuple(ROOMS)) -> None:
        self.world, self.now = world, now
        self._rooms = rooms

    def token(self, customer: int, kind: Any = "unsubscribe", purpose: str = "commercial") -> str:
        return self.world.shop.links.token(customer, purpose, kind)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        return self.ask("POST", path, data=form or {}, **more)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        # The service's clock runs on, as clocks do.
        ticks = iter(range(10**6))

        def clock() -> datetime:
            return self.now.replace(microsecond=next(ticks))

        async def asked() -> httpx.Response:
            service = open_service(self.world.settings, self.world.database, self.world.shop.secret, clock)
            with closing(service):
                transport = httpx.ASGITransport(app=make_app(service, self._rooms))
                async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8020") as client:
                    return await client.request(method, path, **more)

        return asyncio.run(asked())


def contents(database: sa.Engine) -> dict[str, list[Any]]:
    """Every row of every table, to see that nothing changed."""
    tables = sa.MetaData()
    tables.reflect(database)
    with database.connect() as connection:
        return {name: sorted(map(str, connection.execute(sa.select(table)))) for name, table in tables.tables.items()}


def words_on(page: httpx.Response) -> str:
    """What a person reads."""
    body = re.sub(r"(?s)<(style|title)>.*?</\1>", "", page.text)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def forms_on(page: httpx.Response) -> list[str]:
    """Where the page's forms go."""
    return re.findall(r'<form method="post" action="([^"]+)"', page.text)


Change = Callable[[Visits], Any]
