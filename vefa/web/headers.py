"""What every answer says to browsers: guess no types, show nothing in frames, tell nobody where you come from.

A path that has said something itself has the last word.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # addresses of pages hold what opens them
    "Cache-Control": "no-store",
}
_PAGE = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
_A_YEAR = "max-age=31536000"


class Guarded:
    """An application whose answers carry these headers."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._always = {
            **_ALWAYS,
            **({"Strict-Transport-Security": _A_YEAR} if public_url.startswith("https:") else {}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                said = {**self._always, "Content-Security-Policy": _PAGE if is_page else _NO_PAGE}
                for name, value in said.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
