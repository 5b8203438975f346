"""Twilio's posts: how far an SMS has come, and what people answer. Believed by their signature only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy.engine import Connection

from vefa.channels.twilio_hooks import INBOUND_PATH, SIGNATURE, STATUS_PATH, HookKey, read_inbound, read_status
from vefa.crm.heard import Heard, hear
from vefa.crm.sms_words import Meaning, meaning
from vefa.inbox import NotTaken, Received, Taker
from vefa.ledger.reports import BATCH, Report, take_in_within
from vefa.web.posted import body_of
from vefa.web.service import Service

STATUS, INBOUND = "twilio-status", "twilio-inbound"
LARGEST = 64 * 1024
NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_OPT_OUTS: Mapping[str, Meaning] = {"STOP": "stop", "START": "start"}


def twilio_hooks(service: Service) -> APIRouter:
    """Both posts over a service. Without the account's token nothing is taken."""
    router = APIRouter()
    settings = service.settings
    token = settings.twilio_auth_token.get_secret_value()
    key = HookKey(token, settings.public_url) if token else None
    names = [settings.shop.name, settings.sender_name, settings.sms_sender]

    async def proved(request: Request, path: str) -> bytes:
        if key is None:
            raise HTTPException(403, "Set VEFA_TWILIO_AUTH_TOKEN, with which Twilio signs its posts.")
        body = await body_of(request, LARGEST)
        if not key.proves(path, request.url.query, body, request.headers.get(SIGNATURE)):
            raise HTTPException(403, "Its signature does not fit; see that public_url is the address given to Twilio.")
        return body

    @router.post(STATUS_PATH, include_in_schema=False)
    async def status(request: Request) -> Response:
        body = await proved(request, STATUS_PATH)
        await service.inbox.put(STATUS, body, {"ref": request.query_params.get("ref", "")})
        return Response(status_code=204)

    @router.post(INBOUND_PATH, include_in_schema=False)
    async def inbound(request: Request) -> Response:
        body = await proved(request, INBOUND_PATH)
        await service.inbox.put(INBOUND, body, {"names": names})
        return Response(NOTHING_TO_SAY, media_type="text/xml")

    return router


def take_status(connection: Connection, rows: Sequence[Received], now: datetime) -> None:
    """Turn what was told into reports, and settle what they prove."""
    told = [(row, status) for row in rows if (status := read_status(row.body)) is not None]
    reports = [
        Report(str(row.about.get("ref", "")), status.kind, row.received_at, now, stop=status.stop)
        for row, status in told
    ]
    for start in range(0, len(reports), BATCH):
        take_in_within(connection, reports[start : start + BATCH], now)


def take_inbound(connection: Connection, rows: Sequence[Received], now: datetime) -> None:
    """Stop whoever says stop; everything else becomes a ticket."""
    for row in rows:
        sms = read_inbound(row.body)
        means = _OPT_OUTS.get(sms.opt_out) or meaning(sms.text, row.about.get("names", ()))
        if not hear(connection, Heard(sms.sid, sms.number, sms.text, means, row.received_at, now)):
            raise NotTaken("An SMS from a number that no customer has; read it in the row's body.")


TAKERS: Mapping[str, Taker] = {STATUS: take_status, INBOUND: take_inbound}
