"""`GET /v1/consents`: what customers agreed to and refused here, for shops that fetch it."""

from __future__ import annotations

from asyncio import wrap_future
from datetime import datetime, timedelta
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from vefa.crm.tables import consents, customers
from vefa.database import reading
from vefa.engine.consent_relay import OURS
from vefa.web.doors import needs
from vefa.web.events import PROBLEMS
from vefa.web.keys import ApiKey, note_use
from vefa.web.service import Service

#: Rows younger than this are not shown yet: one with a lower number may still be on its way.
SETTLED = timedelta(seconds=10)
#: Largest number of a row.
LARGEST = 2**63 - 1

c, u = consents.c, customers.c
#: What the shop did not say itself.
_SHOWN = (c.purpose == "commercial", c.signal.in_((*OURS, "register")))


class ConsentOut(BaseModel):
    """One yes or no of one customer to commercial messages by one channel."""

    id: int
    customer: str = Field(description="the shop's own number of the customer")
    channel: Literal["email", "sms"]
    granted: bool
    occurred_at: datetime = Field(description="when the customer said so")
    source: str = Field(description="where they said it, such as HS_WEB")


class ConsentsOut(BaseModel):
    """A part of the log, oldest first."""

    consents: list[ConsentOut]
    next: int = Field(description="`since` of the next request")


def consents_room(service: Service) -> APIRouter:
    """The path on which a shop fetches consents."""
    router = APIRouter(tags=["consents"])
    door = Depends(needs(service, "read"))

    @router.get(
        "/v1/consents",
        summary="Fetch what customers agreed to and refused",
        response_model=ConsentsOut,
        responses=PROBLEMS,
    )
    async def get_consents(
        since: Annotated[int, Query(ge=0, le=LARGEST, description="`next` of the last answer")] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        key: ApiKey = door,
    ) -> ConsentsOut:
        """Changes in the order of their ids, a few seconds after they were made.

        What a shop system or a file told vefa is not among them.
        """
        now = service.clock()

        def used(connection: Connection) -> None:
            note_use(connection, key, now)

        def read() -> ConsentsOut:
            with reading(service.database) as connection:
                return _read(connection, since, limit, now)

        await wrap_future(service.committer.submit(used))
        return await run_in_threadpool(read)

    return router


def _read(connection: Connection, since: int, limit: int, now: datetime) -> ConsentsOut:
    young = sa.select(sa.func.min(c.id)).where(c.id > since, c.known_at > now - SETTLED, *_SHOWN)
    first_young = connection.scalar(young)
    newest = connection.scalar(sa.select(sa.func.max(c.id))) or 0
    last = max(since, newest if first_young is None else first_young - 1)
    query = (
        sa.select(c.id, u.outside_id, c.channel, c.granted, c.occurred_at, c.source)
        .join_from(consents, customers, u.id == c.customer_id)
        .where(c.id > since, c.id <= last, u.forgotten_at.is_(None), *_SHOWN)
        .order_by(c.id)
        .limit(limit)
    )
    found = [
        ConsentOut(
            id=row.id,
            customer=row.outside_id,
            channel=row.channel,
            granted=row.granted,
            occurred_at=row.occurred_at,
            source=row.source,
        )
        for row in connection.execute(query)
    ]
    return ConsentsOut(consents=found, next=found[-1].id if len(found) == limit else last)
