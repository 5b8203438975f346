"""Tracked links and the picture of letters: answered at once, and written down behind.

Where a link leads stands in it, signed; so nothing needs to be read, and a database that is busy or away holds up
nobody. A click that cannot be written soon is lost, the reader is not.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from concurrent.futures import Future
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from vefa.content.links import TokenRefused
from vefa.content.tracked_links import CLICK_PATH, OPEN_PATH, TrackedLinks
from vefa.ledger.reactions import Reaction, react
from vefa.web.committing import Full
from vefa.web.scanners import scanner_of
from vefa.web.service import Service

log = logging.getLogger(__name__)

#: One transparent point.
POINT = b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
FRESH = {"Cache-Control": "no-store, private", "X-Robots-Tag": "noindex"}
NOT_OURS = """<!doctype html><html lang="tr"><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>Bağlantı bozuk</title>
<body style="font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;padding:0 1em">
<h1>Bu bağlantı bozuk</h1><p>Mesajdaki bağlantıya yeniden dokunun ya da mağazanın sayfasını kendiniz açın.</p>
<p lang="en">This link is damaged. Open it from the message again, or go to the shop's own page.</p></body></html>"""


def tracked(service: Service) -> APIRouter:
    """Links and pictures over a service. Old letters' links lead on, whatever the switches say now."""
    router = APIRouter()
    switches = service.settings.tracking
    links = TrackedLinks(service.secret, service.settings.public_url)

    @router.api_route(CLICK_PATH + "/{letter}/{target}", methods=["GET", "HEAD"], include_in_schema=False)
    async def clicked(letter: str, target: str, request: Request) -> Response:
        try:
            ref, url = links.read_letter(letter), links.read_target(target)
        except TokenRefused:
            return _not_ours()
        if switches.clicks:
            note(ref, "clicked", request, url)
        return Response(status_code=302, headers={"Location": url, **FRESH})

    @router.api_route(OPEN_PATH + "/{letter}.gif", methods=["GET", "HEAD"], include_in_schema=False)
    async def opened(letter: str, request: Request) -> Response:
        try:
            ref = links.read_letter(letter)
        except TokenRefused:
            return _not_ours()
        if switches.opens:
            note(ref, "opened", request)
        return Response(POINT, media_type="image/gif", headers=FRESH)

    def note(ref: str, kind: Literal["clicked", "opened"], request: Request, url: str = "") -> None:
        scanner = scanner_of(request.method, request.headers, kind, switches.scanners)
        reaction = Reaction(ref, kind, service.clock(), url, scanner)
        try:
            service.committer.submit(lambda connection: react(connection, reaction)).add_done_callback(_tell)
        except Full:
            log.warning("a reaction was lost: too much waits to be written", extra={"kind": kind})

    return router


def _tell(done: Future[Any]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("a reaction was lost", extra={"error": type(error).__name__})


def _not_ours() -> Response:
    return Response(NOT_OURS, 404, media_type="text/html; charset=utf-8", headers=FRESH)
