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


class DescribedApp(FastAPI):
    """An application that tells all of it, bodies that are read by hand included."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once: nothing is added to a service that runs."""
        if self.openapi_schema is None:
            made = get_openapi(
                title=self.title,
                version=self.version,
                description=_ABOUT,
                routes=self.routes,
                servers=self.servers,
            )
            parts = made.setdefault("components", {}).setdefault("schemas", {})
            parts.update(_event_schemas())
            self.openapi_schema = made
        return self.openapi_schema


def _event_schemas() -> dict[str, Any]:
    made = EventIn.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**made.pop("$defs", {}), "EventIn": made}
