"""The official SendGrid SDK with another engine under it.

The SDK opens a connection for each request, follows redirects with a POST turned GET, serialises with the slow JSON,
prints every payload for a logger that nobody reads, and logs the key. Its own seams allow better: `_make_request` is
where it speaks HTTP, `_build_client` is how it hands itself on, a body that is no plain `str` goes out as it is, and
whatever it wants from urllib it asks of one name. The versions of the SDK are pinned for that;
tests/channels/test_sendgrid_transport.py holds the seams.
"""

from __future__ import annotations

import http.client
import select
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, SimpleNamespace
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import python_http_client
import python_http_client.client
from python_http_client.exceptions import HTTPError, err_dict
from sendgrid import SendGridAPIClient

from vefa.channels.http_answers import Answer, OddAnswerError, read_answer
from vefa.channels.loopback import is_loopback
from vefa.errors import SettingsError

#: an idle connection is used again only while it is this fresh, so that the provider has surely not closed it
FRESH_SECONDS = 5.0


class NotSentError(Exception):
    """No connection came about: the request surely never left."""


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


@dataclass
class Connection:
    """One kept HTTP connection to one host; not for two threads at once.

    A proxy from the environment is used, except to this machine itself.
    """

    base_url: str
    timeout: float
    _open: http.client.HTTPConnection | None = None
    _used: float = 0.0
    _target: SplitResult = field(init=False)

    def __post_init__(self) -> None:
        self._target = urlsplit(self.base_url)

    def exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send, and wait for the whole answer. NotSentError comes before anything was sent, all else after."""
        socket = self._ready()
        try:
            answer = self._speak(socket, self._head(method, path, len(body), headers) + body)
        except BaseException:
            self.close()
            raise
        if not answer.keeps:
            self.close()
        self._used = time.monotonic()  # how long a socket lies idle is no business time
        return answer

    def close(self) -> None:
        """Give the connection back to the system."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _head(self, method: str, path: str, length: int, headers: Mapping[str, str]) -> bytes:
        host = self._target.netloc.rpartition("@")[2]
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\n{lines}Content-Length: {length}"
        )
        return f"{head}\r\n\r\n".encode("ascii")

    def _speak(self, socket: Any, request: bytes) -> Answer:
        deadline = (
            time.monotonic() + 2 * self.timeout
        )  # each read has its own time-out; together they may not be endless

        def receive(size: int) -> bytes:
            if time.monotonic() > deadline:
                raise TimeoutError
            came: bytes = socket.recv(size)
            return came

        try:
            socket.sendall(request)
        except (BrokenPipeError, ConnectionResetError) as lost:
            answer = read_answer(receive)  # a server that refuses a large body early has answered before it hung up
            self.close()
            if answer.status < 400:
                raise OddAnswerError("taken before it was whole") from lost
            return answer
        return read_answer(receive)

    def _ready(self) -> Any:
        kept = self._open
        if kept is not None:
            fresh = time.monotonic() - self._used < FRESH_SECONDS
            if fresh and not select.select([kept.sock], [], [], 0)[0]:  # readable while idle: it was closed
                return kept.sock
        self.close()
        connection = self._connection(self._target)
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:  # refused, unreachable, unknown host, no TLS, no tunnel
            connection.close()
            raise NotSentError(f"cannot connect: {getattr(error, 'strerror', '') or type(error).__name__}") from error
        self._open = connection
        return connection.sock

    def _connection(self, target: SplitResult) -> http.client.HTTPConnection:
        host = target.hostname or ""
        if target.scheme == "http":  # the settings let it be so for this machine only: no proxy
            return http.client.HTTPConnection(host, target.port, timeout=self.timeout)
        proxy = None if is_loopback(host) or proxy_bypass(host) else getproxies().get("https")
        context = ssl.create_default_context()
        if not proxy:
            return http.client.HTTPSConnection(host, target.port, timeout=self.timeout, context=context)
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        tunnel = http.client.HTTPSConnection(
            through.hostname or "", through.port or 3128, timeout=self.timeout, context=context
        )
        tunnel.set_tunnel(host, target.port or 443, headers=_proxy_login(through))
        return tunnel


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


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(login.encode()).decode("ascii")}
