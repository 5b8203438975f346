"""A server on loopback that passes requests on and writes down each with its answer."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.server import FakeServer

Onward = Callable[[Asked], Answer]
_PASSED_BACK = ("X-Message-Id", "Retry-After", "sl-violations")
_OF_THE_HOP = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    asked: Asked
    answer: Answer

    @property
    def request(self) -> dict[str, Any]:
        """What a golden file holds of it."""
        kind = self.asked.headers["Content-Type"]
        return {
            "method": self.asked.method,
            "path": self.asked.path,
            "content_type": kind,
            "body": _read(kind, self.asked.body),
        }


def _read(kind: str, body: bytes) -> Any:
    return orjson.loads(body) if "json" in kind else dict(parse_qsl(body.decode(), strict_parsing=True))


def written(kind: str, body: Any) -> bytes:
    """The bytes of a golden file's body."""
    return orjson.dumps(body) if "json" in kind else urlencode(body).encode()


class Recorder(FakeServer):
    """Whatever comes in goes to `onward`, and its answer back."""

    def __init__(self, onward: Onward) -> None:
        super().__init__()
        self.exchanges: list[Exchange] = []
        self._onward = onward

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        answer = self._onward(asked)
        self.exchanges.append(Exchange(asked, answer))
        return answer


def over_http(url: str, timeout: float) -> Onward:
    """On to another server on loopback."""
    target = urlsplit(url)

    def forward(asked: Asked) -> Answer:
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=timeout)
        try:
            connection.request(asked.method, asked.path, asked.body, _passed_on(asked.headers))
            response = connection.getresponse()
            back = {name: value for name in _PASSED_BACK if (value := response.headers.get(name))}
            return Answer(response.status, response.read(), back)
        finally:
            connection.close()

    return forward


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_HOP}
