"""What stands before all paths: how often, how much and how slowly somebody may send.

A body is read here, whole and within its time, before anything else looks at the request; so no path ever waits for
one, and what is too large or too slow never reaches it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vefa.settings import Limits
from vefa.web.clients import bucket_of, client_of, networks
from vefa.web.rates import Rates

#: Bytes of bodies that are held at one time, over all requests.
HELD = 64_000_000
#: Signed webhooks: a provider sends all of its own from a few addresses, and not every one sends again what it was
#: refused. They may come so many times as fast.
HOOKS, FASTER = ("/hooks/", "/v1/hooks/woocommerce", "/v1/hooks/shopify"), 10
_CLOSE = {"Connection": "close"}


class _Ended(Exception):
    """The client has gone."""


class _Refused(Exception):
    """The request goes no further."""

    def __init__(self, code: int, says: str, **headers: str) -> None:
        super().__init__(says)
        self.answer = JSONResponse({"detail": says}, code, headers)


class Limited:
    """An application behind the limits of the settings."""

    def __init__(self, app: ASGIApp, limits: Limits, seconds: Callable[[], float] = monotonic) -> None:
        self._app, self._limits = app, limits
        self._proxies = networks(limits.trusted_proxies)
        self._of_addresses = Rates(limits.address_per_second, limits.address_burst, seconds)
        self._of_providers = Rates(FASTER * limits.address_per_second, FASTER * limits.address_burst, seconds)
        self._of_keys = Rates(limits.key_per_second, limits.key_burst, seconds)
        self._most = int(limits.body_megabytes * 1_000_000)
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        held = 0
        try:
            scope = self._with_client(scope, headers)
            self._count(scope, headers)
            held = self._reserve(headers)
            body = await self._body(headers, receive)
        except _Refused as refused:
            await refused.answer(scope, receive, send)
            return
        except _Ended:
            return
        else:
            await self._app(scope, _replayed(body, receive), send)
        finally:
            self._held -= held

    def _with_client(self, scope: Scope, headers: Headers) -> Scope:
        peer, port = scope.get("client") or ("", 0)
        forwarded = ",".join(headers.getlist("x-forwarded-for"))
        return {**scope, "client": (client_of(peer, forwarded, self._proxies), port)}

    def _count(self, scope: Scope, headers: Headers) -> None:
        rates = self._of_providers if scope["path"].startswith(HOOKS) else self._of_addresses
        wait = rates.wait(bucket_of(scope["client"][0]))
        if not wait and (key := headers.get("authorization")):
            wait = self._of_keys.wait(hashlib.sha256(key.encode()).hexdigest())
        if wait:
            raise _Refused(429, "Too many requests; go on a little later.", **{"Retry-After": str(math.ceil(wait))})

    def _reserve(self, headers: Headers) -> int:
        """Room for the body. Without a length it may become as large as any."""
        if not _has_body(headers):
            return 0
        length = headers.get("content-length", "")
        expected = int(length) if length.isdecimal() and len(length) < 20 else self._most
        if expected > self._most:
            raise self._too_large()
        if self._held + expected > HELD:
            raise _Refused(503, "Too busy at this moment; send it again.", **{"Retry-After": "5"}, **_CLOSE)
        self._held += expected
        return expected

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        if not _has_body(headers):
            return None
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._read(receive)
        except TimeoutError:
            says = f"The body did not arrive within {self._limits.body_seconds:g} seconds."
            raise _Refused(408, says, **_CLOSE) from None

    async def _read(self, receive: Receive) -> bytes:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Ended
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self._most:
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(parts)

    def _too_large(self) -> _Refused:
        says = f"The body is larger than {self._limits.body_megabytes:g} MB. Send it in parts."
        return _Refused(413, says, **_CLOSE)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _replayed(body: bytes | None, receive: Receive) -> Receive:
    """What was read, once; then whatever comes, such as the client's leaving."""
    waiting = body is not None

    async def again() -> Message:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
