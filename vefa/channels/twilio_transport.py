"""What the Twilio SDK sends with: one aiohttp session, and little of the SDK's own work around each request.

The SDK composes a request and reads its answer; between the two it builds every header anew, keeps copies for tests and
reads the whole answer. `SdkClient` and `Transport` stand where it lets others stand: `Client.request_async` and
`AsyncHttpClient.request`. The SDK is pinned, and tests hold what is relied on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp.helpers import get_env_proxy_for_url
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from vefa.channels.loopback import is_loopback
from vefa.errors import ChannelError

#: A connection that rested for longer may have been closed by the other side without our knowing: a request on it
#: would be in doubt.
KEEP_ALIVE = 5.0

#: The Retry-After of the last error, in the task that met it: the SDK's errors lose it.
retry_after: ContextVar[str | None] = ContextVar("retry_after", default=None)

_SDK_URL = "https://api.twilio.com"
_log = logging.getLogger(__name__)


class SdkClient(Client):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's client, which makes its headers once. Made on the loop that it is used on."""

    def __init__(self, account_sid: str, auth_token: str, *, base_url: str, timeout: float, connections: int) -> None:
        # an environment of its own, else TWILIO_EDGE and TWILIO_REGION would rewrite the host
        super().__init__(account_sid, auth_token, environment={"": ""})
        login = {"Authorization": aiohttp.encode_basic_auth(account_sid, auth_token)}
        small = {"Accept-Encoding": "identity"}  # not worth unpacking
        headers = {**self.get_headers("POST", None), **small, **login}
        self.http_client = Transport(base_url, headers, timeout, connections)

    async def request_async(
        self, method: str, uri: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any
    ) -> Response:
        """As the SDK's own, past its headers: the transport has them."""
        return await self.http_client.request(method, uri, params=params, data=data)

    async def close(self) -> None:
        """Close the connections."""
        await self.http_client.close()


class Transport(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """Goes to the configured host and to no other, follows no redirect, and logs nothing: keys are in the headers, the
    account in every URL."""

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: float, connections: int) -> None:
        super().__init__(_log, True, timeout)
        self._base_url = base_url
        # with each request: aiohttp would send a session's own headers, and the key among them, to the proxy, too
        self._headers = headers
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=2 * timeout, sock_connect=timeout, sock_read=timeout),
        )
        self._way = _proxy(URL(base_url))

    async def request(
        self, method: str, url: str, params: Any = None, data: Mapping[str, object] | None = None, **_: Any
    ) -> Response:
        """The answer, for the SDK to read; of one that takes a message only the message's id is left for it."""
        response = await self._session.request(
            method,
            self._own_url(url),
            params=params,
            data=None if data is None else urlencode(data).encode(),
            headers=self._headers,
            allow_redirects=False,
            **self._way,
        )
        body = await response.read()
        if response.status >= 300:
            retry_after.set(response.headers.get("Retry-After"))
        elif method == "POST":
            body = _only_sid(body)
        return Response(response.status, body.decode("utf-8", "replace"), response.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _own_url(self, url: str) -> str:
        if not url.startswith(f"{_SDK_URL}/"):
            raise ChannelError(f"a request to {URL(url).host} was stopped: SMS go to {self._base_url} only")
        return self._base_url + url.removeprefix(_SDK_URL)


def _only_sid(body: bytes) -> bytes:
    """The SDK would parse two dates and two dozen fields that nobody asks for. What cannot be read is left to it."""
    try:
        return orjson.dumps({"sid": orjson.loads(body)["sid"]})
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return body


def _proxy(base_url: URL) -> dict[str, Any]:
    """The environment's proxy, found once: aiohttp would look for it in a thread, for every request."""
    if is_loopback(base_url.host or ""):
        return {}
    with suppress(LookupError):  # none, or not for this host
        proxy, login = get_env_proxy_for_url(base_url)
        headers = {} if login is None else {"Proxy-Authorization": login.encode()}
        return {"proxy": proxy, "proxy_headers": headers}
    return {}
