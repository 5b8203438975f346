"""The web service as one application: each room brings its own paths."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError

from vefa.plan.project import loyalty_rests
from vefa.web.committing import Full
from vefa.web.consents import consents_room
from vefa.web.events import events_room
from vefa.web.headers import Guarded
from vefa.web.health import health_app
from vefa.web.limits import Limited
from vefa.web.mapped_hooks import mapped_hooks_room
from vefa.web.openapi import DescribedApp
from vefa.web.personal_data import personal_data
from vefa.web.preferences import preferences
from vefa.web.sendgrid_hook import sendgrid_hook
from vefa.web.service import Service
from vefa.web.shop_hooks import shop_hooks_room
from vefa.web.surveys import survey_room
from vefa.web.tracked import tracked
from vefa.web.twilio_hooks import twilio_hooks
from vefa.web.unsubscribe import unsubscribe

#: A room's paths over a service.
Room = Callable[[Service], APIRouter]

#: All rooms, in the order in which their paths are tried.
ROOMS: Sequence[Room] = (
    events_room,
    consents_room,
    shop_hooks_room,
    mapped_hooks_room,
    sendgrid_hook,
    twilio_hooks,
    unsubscribe,
    preferences,
    personal_data,
    survey_room,
    tracked,
)


def make_app(service: Service, rooms: Sequence[Room] = ROOMS) -> FastAPI:
    """What answers for the shop: `vefa serve` runs it, behind any proxy. It closes the service at its end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = DescribedApp(
        title="vefa",
        version="1",
        servers=[{"url": service.settings.public_url}],
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=lifespan,
    )
    for room in rooms:
        app.include_router(room(service))

    @app.exception_handler(Full)
    @app.exception_handler(DBAPIError)
    async def come_again(_request: Request, _error: Exception) -> JSONResponse:
        """Nothing is kept, and whoever sent it sends it again."""
        return JSONResponse({"detail": "Too busy at this moment; send it again."}, 503, {"Retry-After": "5"})

    app.add_middleware(Limited, limits=service.settings.web.limits)
    app.add_middleware(Guarded, public_url=service.settings.public_url)
    settings = service.settings
    health = health_app(
        service.database, service.clock, iys=settings.iys.enabled, rests=lambda: loyalty_rests(settings)
    )
    app.router.routes += health.routes
    return app
