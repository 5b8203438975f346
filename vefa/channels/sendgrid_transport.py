"""The official SendGrid SDK with another engine under it.

The SDK opens a connection for each request, follows redirects with a POST turned GET, serialises with the slow JSON,
prints every payload for a logger that nobody reads, and logs the key. Its own seams allow better: `_make_request` is
where it speaks HTTP, `_build_client` is how it hands itself on, a body that is no plain `str` goes out as it is, and
whatever it wants from urllib it asks of one name. The versions of the SDK are pinned for that;
tests/channels/test_sendgrid_transport.py holds the seams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import python_http_client
import python_http_client.client
from python_http_client.exceptions import HTTPError, err_dict
from sendgrid import SendGridAPIClient

from vefa.channels.http_answers import Answer
from vefa.channels.http_connection import Connection
from vefa.errors import SettingsError


class SilentBytes(bytes):
    """A body, already encoded. It takes the place of the SDK's text, and shows nothing of itself to a logger."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> SilentBytes:
        """The SDK encodes what it believes to be text."""
        return self

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"

    __str__ = __repr__


class _Request:
    """What the SDK asks of urllib's request, and no more."""

    get_method: Callable[[], str]

    def __init__(self, url: str, headers: Mapping[str, str], data: bytes | None) -> None:
        self.url = url
        self.headers = headers
        self.data = data

    def get_full_url(self) -> str:
        return self.url


#: the SDK's own way from a name to a request, with this in urllib's place: no opener with its ten handlers is built
_attribute = FunctionType(
    python_http_client.Client.__getattr__.__code__,
    {**vars(python_http_client.client), "urllib": SimpleNamespace(build_opener=lambda: None, Request=_Request)},
)


class _Client(python_http_client.Client):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's client, speaking through a kept connection. The key is added here, out of the SDK's log's sight."""

    def __init__(self, connection: Connection, authorization: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.connection = connection
        self.authorization = authorization

    def __getattr__(self, name: str) -> Any:
        return _attribute(self, name)

    def _build_client(self, name: str | None = None) -> _Client:
        return _Client(
            self.connection,
            self.authorization,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def _make_request(self, opener: object, request: _Request, timeout: float | None = None) -> Answer:
        headers = {**request.headers, "Authorization": self.authorization}
        path = urlsplit(request.url).path
        answer = self.connection.exchange(request.get_method(), path, request.data or b"", headers)
        if 200 <= answer.status < 300:
            return answer
        kind: type[HTTPError] = err_dict.get(answer.status, HTTPError)
        raise kind(answer.status, answer.reason, answer.body, answer.headers)


def sendgrid_client(api_key: str, base_url: str, timeout: float) -> tuple[SendGridAPIClient, Connection]:
    """The official client over a connection of its own, and that connection, to be closed by the caller."""
    if not api_key.isascii() or not api_key.isprintable():
        raise SettingsError("VEFA_SENDGRID_API_KEY must be one line of plain ASCII: copy it from SendGrid once more")
    connection = Connection(base_url, timeout)
    official = SendGridAPIClient(api_key="(added by the transport)", host=base_url)
    headers = {name: value for name, value in official.client.request_headers.items() if name != "Authorization"}
    # any type but the SDK's own "application/json" makes it send the body as it stands
    headers["Content-Type"] = "application/json; charset=utf-8"
    official.client = _Client(
        connection, f"Bearer {api_key}", host=base_url, request_headers=headers, version=3, timeout=timeout
    )
    return official, connection
