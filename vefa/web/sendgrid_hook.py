"""SendGrid's Event Webhook: `POST /hooks/sendgrid`, believed by its signature only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy.engine import Connection

from vefa.channels.sendgrid_events import SIGNATURE, TIMESTAMP, EventKey, read_events
from vefa.inbox import Received, Taker
from vefa.ledger.reports import BATCH, Report, take_in_within
from vefa.web.posted import body_of
from vefa.web.service import Service

KIND = "sendgrid"
#: SendGrid sends no more than 768 KB at once.
LARGEST = 4 * 1024 * 1024


def sendgrid_hook(service: Service) -> APIRouter:
    """The webhook over a service. Without a public key in the settings nothing is taken."""
    router = APIRouter()
    public_key = service.settings.sendgrid_webhook_public_key
    key = EventKey(public_key) if public_key else None

    @router.post("/hooks/sendgrid", include_in_schema=False)
    async def told(request: Request) -> Response:
        if key is None:
            raise HTTPException(403, "Set sendgrid_webhook_public_key to the verification key of the Event Webhook.")
        body = await body_of(request, LARGEST)
        problem = key.problem(body, request.headers.get(SIGNATURE), request.headers.get(TIMESTAMP), service.clock())
        if problem is not None:
            raise HTTPException(403, problem)
        await service.inbox.put(KIND, body)
        return Response(status_code=204)

    return router


def take_sendgrid(connection: Connection, rows: Sequence[Received], now: datetime) -> None:
    """Turn what was told into reports, and settle what they prove."""
    reports = [report for row in rows for report in _reports(row, now)]
    for start in range(0, len(reports), BATCH):
        take_in_within(connection, reports[start : start + BATCH], now)


def _reports(row: Received, now: datetime) -> list[Report]:
    """A provider's clock may be ahead of ours; nothing has happened before we heard of it, and after now."""
    return [
        Report(told.ref, told.kind, min(told.at or row.received_at, row.received_at), now, told.address, told.stop)
        for told in read_events(row.body)
    ]


TAKERS: Mapping[str, Taker] = {KIND: take_sendgrid}
