"""One kept HTTP connection: a POST and its whole answer, and whether the request may have left at all."""

from __future__ import annotations

import http.client
import select
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from vefa.channels.http_answers import Answer, OddAnswerError, read_answer
from vefa.channels.loopback import is_loopback

#: an idle connection is used again only while it is this fresh, so that the provider has surely not closed it
FRESH_SECONDS = 5.0


class NotSentError(Exception):
    """No connection came about: the request surely never left."""


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


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(login.encode()).decode("ascii")}
