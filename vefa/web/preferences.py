"""`/p/<token>`: what the customer gets, by which way, about what, in which language, and when not.

The link stands in messages, and messages are passed on. So the page shows choices and nothing else: no name, no
address, nothing that was bought. What is known of somebody is behind a fresh link (`vefa.web.personal_data`).
"""

from __future__ import annotations

from asyncio import wrap_future
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.engine import Connection

from vefa.content.locales import locale_named
from vefa.plan.policy import Policy
from vefa.plan.project import load_project, shop_topics
from vefa.web.choices import Choices, offered, read, write
from vefa.web.customers import Visitor, form_of, look, path_to, proved, visitor
from vefa.web.pages import Pages
from vefa.web.service import Service

#: What languages call themselves.
NAMES = {"tr": "Türkçe", "en": "English", "de": "Deutsch", "fr": "Français", "ar": "العربية", "ru": "Русский"}


def preferences(service: Service) -> APIRouter:
    """The room of the preference pages."""
    room, doors = APIRouter(include_in_schema=False), _Doors(service, Pages(service.settings))

    @room.api_route("/p/{token}", methods=["GET", "HEAD"])
    def choose(request: Request, token: str) -> Response:
        return doors.choose(request, token)

    @room.post("/p/{token}")
    async def chosen(request: Request, token: str) -> Response:
        return await doors.chosen(request, token)

    return room


@dataclass
class _Doors:
    """What the room's paths do."""

    service: Service
    pages: Pages

    @cached_property
    def policy(self) -> Policy:
        return load_project(self.service.settings.root, self.service.settings).policy

    def choose(self, request: Request, token: str) -> HTMLResponse:
        """The page as things stand."""
        claim = proved(self.service, token, "preferences")
        if claim is None:
            return self.pages.lost(request)
        now = self.service.clock()

        def ask(connection: Connection) -> tuple[Visitor, Choices] | None:
            who = visitor(connection, claim)
            return None if who is None else (who, read(connection, who.id, self.policy, now))

        found = look(self.service, ask)
        return self.pages.lost(request) if found is None else self._show(request, *found)

    async def chosen(self, request: Request, token: str) -> HTMLResponse:
        """Write down what the form says, and show how things stand then."""
        claim = proved(self.service, token, "preferences")
        if claim is None:
            return self.pages.lost(request)
        form = await form_of(request)
        if form.get("form") != ["choices"]:  # not our form: nothing was chosen, and nothing is refused by it
            return await run_in_threadpool(self.choose, request, token)
        topics = await run_in_threadpool(self._topics)
        policy = await run_in_threadpool(lambda: self.policy)
        wanted, now = offered(form, self.service.settings.shop.locales), self.service.clock()

        def change(connection: Connection) -> tuple[Visitor, Choices] | None:
            who = visitor(connection, claim)
            if who is None:
                return None
            write(connection, who.id, read(connection, who.id, policy, now), wanted, topics, now)
            return visitor(connection, claim) or who, read(connection, who.id, policy, now)

        found = await wrap_future(self.service.committer.submit(change))
        if found is None:
            return self.pages.lost(request)
        return await run_in_threadpool(self._show, request, *found, saved=True)

    def _show(self, request: Request, who: Visitor, choices: Choices, *, saved: bool = False) -> HTMLResponse:
        language = self.pages.language(request, who.language)
        own = choices.language if choices.language in self.service.settings.shop.locales else None
        return self.pages.show(
            "preferences",
            language,
            here=path_to(self.service, "preferences", who.id, who.purpose),
            saved=saved,
            ways=[vars(way) for way in choices.ways],
            topics=self._offered(choices, language),
            languages=[
                {"code": code, "name": NAMES.get(code, code), "own": code == own}
                for code in self.service.settings.shop.locales
            ],
            paused_until=self._day(choices.paused_until, language),
            tracked=choices.tracked if self._tracks else None,
        )

    @property
    def _tracks(self) -> bool:
        tracking = self.service.settings.tracking
        return tracking.clicks or tracking.opens

    def _topics(self) -> dict[str, dict[str, str]]:
        return shop_topics(self.service.settings.root, self.service.settings)

    def _offered(self, choices: Choices, language: str) -> list[dict[str, Any]]:
        """The topics in the page's language, as far as the shop has words in it."""
        first = self.service.settings.shop.locales[0]
        return [
            {"name": name, "words": words.get(language, words[first]), "wanted": name not in choices.refused}
            for name, words in self._topics().items()
        ]

    def _day(self, moment: datetime | None, language: str) -> str:
        zone = ZoneInfo(self.service.settings.shop.zone)
        return "" if moment is None else locale_named(language).date(moment.astimezone(zone))
