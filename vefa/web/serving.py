"""The server that runs the service: uvicorn, told how long and how much it may wait."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds in which a request's head must have come, and for which a quiet connection stays open.
HEAD_SECONDS, QUIET_SECONDS = 10, 15
#: Connections at one time; bytes in a head; connections that wait to be accepted.
CONNECTIONS, HEAD_BYTES, BACKLOG = 1000, 32_768, 512


class Impatient(H11Protocol):
    """HTTP/1.1, and whoever does not finish a request's head in time is hung up on."""

    _hang_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._hang_up = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self._hang_up is not None and self.cycle is not before:
            self._hang_up.cancel()
            self._hang_up = None
        elif self._hang_up is None and (self.cycle is None or self.cycle.response_complete):
            self._hang_up = self.loop.call_later(HEAD_SECONDS, self.transport.close)  # the next head has begun

    def connection_lost(self, exc: Exception | None) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
        super().connection_lost(exc)


def serve_app(app: ASGIApp, host: str, port: int) -> None:
    """Answer until a signal ends it. Its own log names who asked; ours says nothing of them."""
    uvicorn.run(app, host=host, port=port, **options())


def options() -> dict[str, Any]:
    """How uvicorn is run. Proxies' headers are read by us alone, and only where the settings name the proxy."""
    return {
        "http": Impatient,
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": QUIET_SECONDS,
        "limit_concurrency": CONNECTIONS,
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "backlog": BACKLOG,
        "timeout_graceful_shutdown": 30,
    }
