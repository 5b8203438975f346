"""Between the shop and a provider's stand-in: a wire that is cut at a byte, goes silent, or talks nonsense.

It notes what reached the provider whole. A fault falls on one request each, in the order in which they come.
"""

from __future__ import annotations

import re
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Literal, Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REF = re.compile(rb'"send_id": ?"(\d+\.\d+)"')
#: Seconds that the proxy waits for anybody.
PATIENCE = 30.0


@dataclass(frozen=True)
class Cut:
    """The connection is gone after so many bytes of the request, or of the answer; with `kills` the shop is, too."""

    side: Literal["request", "answer"]
    after: int
    kills: bool = False


@dataclass(frozen=True)
class Say:
    """These bytes are the answer. `takes`: the provider had the request all the same."""

    answer: bytes
    takes: bool = False
    stays_open: bool = False


@dataclass(frozen=True)
class Silence:
    """No answer comes, until the shop has given up."""

    takes: bool = False


@dataclass(frozen=True)
class Close:
    """Accepted, and closed at once."""


Fault = Cut | Say | Silence | Close


class Proxy:
    """Listens on loopback while the `with` block lasts."""

    def __init__(self, upstream: str) -> None:
        self._upstream = ("127.0.0.1", int(upstream.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._lock, self._over = Lock(), Event()
        self._faults: deque[Fault | None] = deque()
        self.whole: list[str] = []
        self.fell = 0
        self.kill: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._listener.close()

    def queue(self, *faults: Fault | None) -> None:
        """One for each of the next requests; None for one that goes well."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> int:
        """Behave from now on; how many faults have fallen since the last time."""
        with self._lock:
            self._faults.clear()
            fell, self.fell = self.fell, 0
            return fell

    def _next(self) -> Fault | None:
        with self._lock:
            if not self._faults:
                return None
            fault = self._faults.popleft()
            self.fell += fault is not None
            return fault

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the block is over
            while True:
                client, _ = self._listener.accept()
                client.settimeout(PATIENCE)
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while first := client.recv(65_536):
                if not self._handle(client, first, self._next()):
                    return

    def _handle(self, client: socket.socket, first: bytes, fault: Fault | None) -> bool:
        """One request; whether the connection goes on."""
        if isinstance(fault, Close):
            return False
        cut = fault if isinstance(fault, Cut) else Cut("request", -1)
        at = cut.after if cut.side == "request" else -1
        request = _message(client, first, at)
        if 0 <= at <= len(request):
            self._part(request[:at])
            self._break(client, cut)
            return False
        match fault:
            case Say(answer, takes, stays_open):
                if takes:
                    self._pass_on(request)
                client.sendall(answer if stays_open else _last(answer))
                return stays_open
            case Silence(takes):
                if takes:
                    self._pass_on(request)
                client.recv(1)  # the shop gives up
                return False
            case _:
                return self._answer(client, self._pass_on(request), cut)

    def _answer(self, client: socket.socket, answer: bytes, cut: Cut) -> bool:
        if cut.side == "request":
            client.sendall(answer)
            return True
        client.sendall(_last(answer)[: cut.after])
        self._break(client, cut)
        return False

    def _break(self, client: socket.socket, cut: Cut) -> None:
        if cut.kills:
            self.kill()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _part(self, request: bytes) -> None:
        with socket.create_connection(self._upstream, PATIENCE) as upstream:
            upstream.sendall(request)

    def _pass_on(self, request: bytes) -> bytes:
        """The whole request to the provider, and its whole answer."""
        with self._lock:
            self.whole += [ref.decode() for ref in _REF.findall(request)]
        with socket.create_connection(self._upstream, PATIENCE) as upstream:
            upstream.sendall(request)
            return _message(upstream, b"")


def _last(answer: bytes) -> bytes:
    """The answer with the word that nothing more is taken here: whoever closes without it leaves the next request in
    doubt, which may be on its way already."""
    status, end, rest = answer.partition(b"\r\n")
    return status + end + b"Connection: close\r\n" + rest if end else answer


def _message(source: socket.socket, begun: bytes, upto: int = -1) -> bytes:
    """One HTTP message whole, or its beginning once `upto` bytes are there."""
    message = begun
    while True:
        head, end, body = message.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if 0 <= upto <= len(message) or (end and len(body) >= (int(length[1]) if length else 0)):
            return message
        more = source.recv(65_536)
        if not more:
            raise ConnectionError("the message was broken off")
        message += more
