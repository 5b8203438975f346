"""The server that runs the service: uvicorn, told how long and how much it may wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from vefa.settings import Limits
from vefa.web.clients import bucket_of, is_among, networks

#: Seconds in which a request's head must have come, and for which a quiet connection stays open.
HEAD_SECONDS, QUIET_SECONDS = 10, 15
#: Connections at one time; bytes in a head; connections that wait to be accepted.
CONNECTIONS, HEAD_BYTES, BACKLOG = 1000, 32_768, 512


class OpenConnections:
    """How many connections each address holds open. Trusted proxies speak for many, and are not counted."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.address_connections
        self._proxies = networks(limits.trusted_proxies)
        self._open: Counter[str] = Counter()

    def admit(self, peer: str) -> bool:
        """Count one more, and say whether it may stay."""
        self._open[bucket_of(peer)] += 1
        return not self._most or self._open[bucket_of(peer)] <= self._most or is_among(peer, self._proxies)

    def end(self, peer: str) -> None:
        """Count one less."""
        name = bucket_of(peer)
        self._open[name] -= 1
        if self._open[name] <= 0:
            del self._open[name]


class Impatient(H11Protocol):
    """HTTP/1.1 that hangs up on whoever does not finish a request's head in time, or has too many connections."""

    open_connections = OpenConnections(Limits())
    _hang_up: asyncio.TimerHandle | None = None
    _peer = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        if self.open_connections.admit(self._peer):
            self._hang_up = self.loop.call_later(HEAD_SECONDS, transport.close)
        else:
            transport.abort()  # at once: an answer would have to be waited for

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
        self.open_connections.end(self._peer)
        super().connection_lost(exc)


def serve_app(app: ASGIApp, host: str, port: int, limits: Limits) -> None:
    """Answer until a signal ends it. Its own log names who asked; ours says nothing of them."""
    uvicorn.run(app, host=host, port=port, **options(limits))


def options(limits: Limits) -> dict[str, Any]:
    """How uvicorn is run. Proxies' headers are read by us alone, and only where the settings name the proxy."""
    return {
        "http": type("Limited", (Impatient,), {"open_connections": OpenConnections(limits)}),
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
