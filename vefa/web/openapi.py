"""The document that says what the service answers: `/v1/openapi.json`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from vefa.web.event_forms import EventIn

_ABOUT = """\
Events in, webhooks of providers and shops, and the pages that customers open from their messages.

Whatever is answered with 2xx is kept for good. 429 and 503 say in `Retry-After` when to send it again; nothing was kept
then. Sending anything twice does no harm.
"""


def described(app: FastAPI, public_url: str) -> None:
    """Let the application tell all of it, bodies that are read by hand included."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title="vefa",
                version="1",
                description=_ABOUT,
                routes=app.routes,
                servers=[{"url": public_url}],
            )
            parts = made.setdefault("components", {}).setdefault("schemas", {})
            parts.update(_event_schemas())
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to change it


def _event_schemas() -> dict[str, Any]:
    made = EventIn.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**made.pop("$defs", {}), "EventIn": made}
