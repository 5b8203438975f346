"""`/u/<token>`: one click ends messages (RFC 8058); looking at the page changes nothing.

Mail programs send the click as a POST and show nobody what comes back. People see a page with one button. Link
scanners open every link, so a GET or HEAD only ever shows the page.
"""

from __future__ import annotations

from asyncio import wrap_future
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy.engine import Connection

from vefa.crm import wishes
from vefa.crm.wishes import Said
from vefa.web.customers import Visitor, form_of, look, path_to, proved, visitor
from vefa.web.pages import Pages
from vefa.web.pages.rendering import HEADERS
from vefa.web.service import Service

#: What a consent says of where it was taken back.
SOURCE = "unsubscribe link"


def unsubscribe(service: Service) -> APIRouter:
    """The room of the unsubscribe links."""
    room, doors = APIRouter(include_in_schema=False), _Doors(service, Pages(service.settings))

    @room.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(request: Request, token: str) -> Response:
        return doors.ask(request, token)

    @room.post("/u/{token}")
    async def stop(request: Request, token: str) -> Response:
        return await doors.stop(request, token)

    @room.post("/u/{token}/undo")
    async def undo(request: Request, token: str) -> Response:
        return await doors.undo(request, token)

    @room.api_route("/u/{anything:path}", methods=["GET", "HEAD", "POST"])
    def lost(request: Request) -> Response:
        return doors.pages.lost(request)

    return room


@dataclass(frozen=True)
class _Doors:
    """What the room's paths do."""

    service: Service
    pages: Pages

    def ask(self, request: Request, token: str) -> HTMLResponse:
        """The page with the button."""
        claim = proved(self.service, token, "unsubscribe")
        who = look(self.service, lambda connection: visitor(connection, claim)) if claim else None
        if who is None:
            return self.pages.lost(request)
        return self._show("unsubscribe", request, who)

    async def stop(self, request: Request, token: str) -> Response:
        """The click. Whatever the body says, whoever posts here wants no more; a second time changes nothing."""
        claim = proved(self.service, token, "unsubscribe")
        if claim is None:
            return self.pages.lost(request)
        form = await form_of(request)
        by_page = form.get("by") == ["page"]
        channel = "sms" if by_page and form.get("channel") == ["sms"] else "email"
        said = Said(SOURCE, f"{'page' if by_page else 'one click'}, from a {claim.purpose} message", self._now)

        def refuse(connection: Connection) -> tuple[Visitor | None, bool]:
            who = visitor(connection, claim)
            if who is not None:
                wishes.refuse(connection, who.id, channel, who.purpose, said)
            return who, who is not None and _gets_sms(connection, who, said.at)

        who, sms = await wrap_future(self.service.committer.submit(refuse))
        if not by_page:
            # Also where nobody has that number any more: they get nothing, as they wish.
            return PlainTextResponse("Unsubscribed.", headers=HEADERS)
        if who is None:
            return self.pages.lost(request)
        return await run_in_threadpool(self._show, "unsubscribed", request, who, sms=sms)

    async def undo(self, request: Request, token: str) -> Response:
        """They clicked by mistake: a new consent, said here and now."""
        claim = proved(self.service, token, "unsubscribe")
        if claim is None:
            return self.pages.lost(request)
        said = Said(SOURCE, "page, subscribed again", self._now)

        def allow(connection: Connection) -> tuple[Visitor | None, bool]:
            who = visitor(connection, claim)
            if who is None:
                return None, False
            wishes.allow(connection, who.id, "email", said)
            return who, bool(wishes.stops(connection, who.id, "email", said.at))

        who, stopped = await wrap_future(self.service.committer.submit(allow))
        if who is None:
            return self.pages.lost(request)
        return await run_in_threadpool(self._show, "subscribed", request, who, stopped=stopped)

    def _show(self, page: str, request: Request, who: Visitor, **more: bool) -> HTMLResponse:
        return self.pages.show(
            page,
            self.pages.language(request, who.language),
            here=path_to(self.service, "unsubscribe", who.id, who.purpose),
            preferences=path_to(self.service, "preferences", who.id, who.purpose),
            everything=who.purpose != "commercial",
            **more,
        )

    @property
    def _now(self) -> datetime:
        return self.service.clock()


def _gets_sms(connection: Connection, who: Visitor, now: datetime) -> bool:
    """Whether they still get commercial SMS, as far as they agreed."""
    agreed = wishes.last_word(connection, who.id, "sms") is True
    return agreed and not wishes.stops(connection, who.id, "sms", now)
