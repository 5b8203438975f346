"""`/d/<token>`: see, take along and have removed what is known of oneself.

The way here is a link that is mailed to the customer's own address when somebody asks for it on the preferences page,
and that works for an hour: whoever was passed a message sees nothing of whom it was for. Without an e-mail address
there is no such way, and the shop answers by hand (`vefa export`, `vefa forget`).
"""

from __future__ import annotations

import logging
from asyncio import wrap_future
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.engine import Connection

from vefa.channels.base import Accepted, Email, Sender
from vefa.channels.registry import make_channel
from vefa.crm import wishes
from vefa.crm.suppressing import stands
from vefa.crm.tables import contacts, suppressions
from vefa.engine.dossier import as_json, dossier
from vefa.engine.forgetting import forget
from vefa.errors import VefaError
from vefa.web.customers import Visitor, look, path_to, proved, visitor
from vefa.web.pages import Pages
from vefa.web.pages.rendering import HEADERS
from vefa.web.pages.telling import sections
from vefa.web.service import Service

log = logging.getLogger(__name__)

#: How long a mailed link works, and how soon another one is mailed.
LINK_WORKS, LINKS_APART = timedelta(hours=1), timedelta(minutes=10)

Mailing = Literal["mailed", "just_now", "no_way", "failed"]


def personal_data(service: Service) -> APIRouter:
    """The room of what is known of somebody."""
    room, doors = APIRouter(include_in_schema=False), _Doors(service, Pages(service.settings))

    @room.post("/p/{token}/link")
    async def mail(request: Request, token: str) -> Response:
        return await doors.mail(request, token)

    @room.api_route("/d/{token}", methods=["GET", "HEAD"])
    def show(request: Request, token: str) -> Response:
        return doors.show(request, token)

    @room.get("/d/{token}/download")
    def download(request: Request, token: str) -> Response:
        return doors.download(request, token)

    @room.api_route("/d/{token}/forget", methods=["GET", "HEAD"])
    def ask(request: Request, token: str) -> Response:
        return doors.ask(request, token)

    @room.post("/d/{token}/forget")
    def forgotten(request: Request, token: str) -> Response:
        return doors.forget(request, token)

    @room.api_route("/p/{anything:path}", methods=["GET", "HEAD", "POST"])
    @room.api_route("/d/{anything:path}", methods=["GET", "HEAD", "POST"])
    def lost(request: Request) -> Response:
        return doors.pages.lost(request)

    return room


@dataclass(frozen=True)
class _Doors:
    """What the room's paths do."""

    service: Service
    pages: Pages

    async def mail(self, request: Request, token: str) -> HTMLResponse:
        """Send the customer a fresh link, to the address that is on file and to no other."""
        claim = proved(self.service, token, "preferences")
        if claim is None:
            return self.pages.lost(request)
        now = self.service.clock()

        def turn(connection: Connection) -> tuple[Visitor | None, Mailing, str]:
            who = visitor(connection, claim)
            address = _reachable(connection, who.id, now) if who else None
            if who is None or address is None:
                return who, "no_way", ""
            mine = wishes.take_link_turn(connection, who.id, now, LINKS_APART)
            return who, "mailed" if mine else "just_now", address

        who, mailing, address = await wrap_future(self.service.committer.submit(turn))
        if who is None:
            return self.pages.lost(request)
        if mailing == "mailed" and not await run_in_threadpool(self._send, who, address, now):
            mailing = "failed"
        language = self.pages.language(request, who.language)
        back = path_to(self.service, "preferences", who.id, who.purpose)
        return await run_in_threadpool(self.pages.show, "mailed", language, mailing=mailing, back=back)

    def show(self, request: Request, token: str) -> HTMLResponse:
        """All of it, to read."""
        if (who := self._proved(token)) is None:
            return self.pages.lost(request)
        language = self.pages.language(request, who.language)
        found = look(self.service, lambda connection: dossier(connection, who.id))
        told = sections(found, language, self.service.settings)
        return self.pages.show("data", language, here=self._here(request), sections=told)

    def download(self, request: Request, token: str) -> Response:
        """All of it, as a file."""
        if (who := self._proved(token)) is None:
            return self.pages.lost(request)
        found = look(self.service, lambda connection: dossier(connection, who.id))
        file = {"Content-Disposition": 'attachment; filename="my-data.json"'}
        return Response(as_json(found), media_type="application/json", headers=HEADERS | file)

    def ask(self, request: Request, token: str) -> HTMLResponse:
        """Whether they are sure: looking at the page forgets nobody."""
        if (who := self._proved(token)) is None:
            return self.pages.lost(request)
        language = self.pages.language(request, who.language)
        return self.pages.show("forget", language, here=self._here(request))

    def forget(self, request: Request, token: str) -> HTMLResponse:
        """Forget them. The link that they came by leads nowhere from then on."""
        if (who := self._proved(token)) is None:
            return self.pages.lost(request)
        language = self.pages.language(request, who.language)
        forget(self.service.database, self.service.settings, who.id, self.service.clock())
        return self.pages.show("forgotten", language)

    def _proved(self, token: str) -> Visitor | None:
        claim = proved(self.service, token, "data")
        return look(self.service, lambda connection: visitor(connection, claim)) if claim else None

    def _here(self, request: Request) -> str:
        """The path of the link itself, whichever of its pages is shown."""
        token = request.path_params["token"]
        return f"{self.service.links.path}/d/{token}"

    def _send(self, who: Visitor, address: str, now: datetime) -> bool:
        """Whether the channel took it. It is a service that they asked for, not a message of a journey."""
        settings = self.service.settings
        language = who.language if who.language in settings.shop.locales else settings.shop.locales[0]
        url = self.service.links.data_url(who.id, now + LINK_WORKS)
        subject, html, text = self.pages.letter("mail", language, url=url)
        ref = f"link-{who.id}-{int(now.timestamp())}"
        sender = Sender(settings.sender_email, settings.sender_name)
        letter = Email(ref, address, sender, subject, html, text, reply_to=settings.reply_to)
        try:
            with closing(make_channel("email", settings, clock=self.service.clock)) as channel:
                (outcome,) = channel.deliver([letter])
        except VefaError:
            log.warning("a link to what is known of a customer could not be mailed", extra={"customer": who.id})
            return False
        return isinstance(outcome, Accepted)


def _reachable(connection: Connection, customer_id: int, now: datetime) -> str | None:
    """The e-mail address, unless nothing at all may go to it."""
    k, x = contacts.c, suppressions.c
    every = sa.exists().where(
        x.channel == k.channel,
        x.address_key == k.address_key,
        x.purpose.is_(None),
        x.reason != "unsubscribed",
        stands(suppressions, now),
    )
    mine = sa.and_(k.customer_id == customer_id, k.channel == "email", k.undeliverable.is_(None), sa.not_(every))
    return connection.scalar(sa.select(k.address).where(mine))
