"""`/s/<token>`: a survey's question with the answer of the link chosen already; it counts when the button is pressed.

Link scanners open every link of a letter, so a GET or HEAD never answers for anybody. What is answered is shown to
nobody: links are passed on with the messages in which they stand.
"""

from __future__ import annotations

from asyncio import wrap_future
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from sqlalchemy.engine import Connection

from vefa.content.links import TokenRefused
from vefa.content.survey_links import PATH, Ask, SurveyLinks
from vefa.engine import surveys
from vefa.engine.surveys import Standing
from vefa.plan.surveys import Survey, Surveys
from vefa.web.customers import form_of, look
from vefa.web.pages import Pages
from vefa.web.service import Service


def survey_room(service: Service) -> APIRouter:
    """The room of the survey links."""
    room, settings = APIRouter(include_in_schema=False), service.settings
    known = Surveys(settings.root, settings.shop.locales)
    doors = _Doors(service, Pages(settings), known, SurveyLinks(service.secret, settings.public_url))

    @room.api_route(PATH + "{token}", methods=["GET", "HEAD"])
    def ask(request: Request, token: str) -> HTMLResponse:
        return doors.ask(request, token)

    @room.post(PATH + "{token}")
    async def answer(request: Request, token: str) -> HTMLResponse:
        return await doors.answer(request, token)

    @room.api_route(PATH + "{anything:path}", methods=["GET", "HEAD", "POST"])
    def lost(request: Request) -> HTMLResponse:
        return doors.pages.lost(request)

    return room


@dataclass(frozen=True)
class _Doors:
    """What the room's paths do."""

    service: Service
    pages: Pages
    surveys: Surveys
    links: SurveyLinks

    def ask(self, request: Request, token: str) -> HTMLResponse:
        """The question."""
        found = self._proved(token)
        if found is None:
            return self.pages.lost(request)
        ask, survey = found
        now = self.service.clock()
        how = look(self.service, lambda connection: surveys.standing(connection, ask, now))
        if how is None:
            return self.pages.lost(request)
        if not how.is_open:
            return self._thanked(request, survey, how, closed=True)
        return self._asked(request, ask, survey, how)

    async def answer(self, request: Request, token: str) -> HTMLResponse:
        """What the form says: a score, or words to add to one. A form that says neither answers nothing."""
        found = await run_in_threadpool(self._proved, token)
        if found is None:
            return self.pages.lost(request)
        ask, survey = found
        form = await form_of(request)
        score, words, now = _score(form, survey), next(iter(form.get("comment", ())), None), self.service.clock()
        if score is None and words is None:
            return await run_in_threadpool(self.ask, request, token)

        def write(connection: Connection) -> tuple[bool, Standing | None]:
            before = surveys.standing(connection, ask, now)
            if before is None or not before.is_open:
                return False, before
            how = surveys.answer(connection, ask, survey, score, now) if score is not None else before
            if words is not None and how is not None and how.score is not None:
                how = surveys.comment(connection, ask, survey, words, now)
            return True, how

        was_open, how = await wrap_future(self.service.committer.submit(write))
        if how is None:
            return self.pages.lost(request)
        if how.score is None:
            return await run_in_threadpool(self._asked, request, ask, survey, how)
        ended = {"closed": not was_open, "whole": words is not None}
        return await run_in_threadpool(self._thanked, request, survey, how, **ended)

    def _proved(self, token: str) -> tuple[Ask, Survey] | None:
        try:
            ask = self.links.read(token, self.service.clock())
        except TokenRefused:
            return None
        survey = self.surveys.get(ask.survey)
        return None if survey is None else (ask, survey)

    def _asked(self, request: Request, ask: Ask, survey: Survey, how: Standing) -> HTMLResponse:
        language = self.pages.language(request, how.language)
        chosen = how.score if ask.score is None else ask.score
        return self._show("survey", language, request, survey, chosen=chosen, answers=_answers(survey, language))

    def _thanked(
        self, request: Request, survey: Survey, how: Standing, *, closed: bool = False, whole: bool = False
    ) -> HTMLResponse:
        language = self.pages.language(request, how.language)
        return self._show("answered", language, request, survey, closed=closed, whole=whole)

    def _show(self, page: str, language: str, request: Request, survey: Survey, **more: Any) -> HTMLResponse:
        told = {name: survey.words(getattr(survey, name), language) for name in _TOLD}
        here = f"{self.service.links.path}{PATH}{request.path_params['token']}"
        return self.pages.show(page, language, here=here, survey={"kind": survey.kind, **told}, **more)


_TOLD = ("question", "low", "high", "comment", "thanks")


def _score(form: Mapping[str, Sequence[str]], survey: Survey) -> int | None:
    """The score that a form names, if the survey has it."""
    given = next(iter(form.get("score", ())), "")
    score = int(given) if given.isdecimal() and given.isascii() and len(given) < 3 else -1
    return score if score in survey.scores else None


def _answers(survey: Survey, language: str) -> list[dict[str, Any]]:
    words = [survey.words(each, language) for each in survey.options.values()]
    return [{"score": score, "words": words[score - 1] if words else str(score)} for score in survey.scores]
