"""Nobody can fill the memory, hold connections open or ask without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.web.asking import Asked
from vefa.errors import SettingsError
from vefa.settings import Limits, Settings, Web, load_settings
from vefa.web import limits as limits_module
from vefa.web.clients import bucket_of, client_of, networks
from vefa.web.limits import Limited
from vefa.web.rates import Rates

PROXIES = networks(["10.0.0.0/8", "::1"])


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = await request.body()
    assert request.client
    await JSONResponse({"bytes": len(body), "client": request.client.host})(scope, receive, send)


class Seconds:
    """A clock that a test winds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limited(seconds: Seconds | None = None, **given: Any) -> Limited:
    return Limited(echo, Limits(**given), seconds or Seconds())


def ask(app: ASGIApp, peer: str = "192.0.2.1", path: str = "/", **said: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(peer, 4000))
        async with httpx.AsyncClient(transport=transport, base_url="http://vefa") as client:
            return await client.request("POST", path, **said)

    return asyncio.run(asked())


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_a_body_within_the_limit_reaches_the_path_whole() -> None:
    app = limited(body_megabytes=0.001)

    assert ask(app, content=b"x" * 1000).json()["bytes"] == 1000
    assert ask(app, content=pieces(b"x" * 500, b"x" * 500)).json()["bytes"] == 1000
    assert ask(app).json()["bytes"] == 0


def test_a_body_that_is_too_large_by_its_length_is_refused_before_it_is_read() -> None:
    async def nothing_read() -> None:
        async def receive() -> Message:
            raise AssertionError("it was read")

        said: list[Message] = []

        async def send(message: Message) -> None:
            said.append(message)

        headers = [(b"content-length", b"1001")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": ("192.0.2.1", 1)}
        await limited(body_megabytes=0.001)(scope, receive, send)
        assert said[0]["status"] == 413
        assert (b"connection", b"close") in said[0]["headers"]

    asyncio.run(nothing_read())


def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large() -> None:
    drawn = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            drawn.append(1)
            yield b"x" * 400

    async def asked() -> int:
        said: list[Message] = []
        parts = endless()

        async def receive() -> Message:
            return {"type": "http.request", "body": await anext(parts), "more_body": True}

        async def send(message: Message) -> None:
            said.append(message)

        headers = [(b"transfer-encoding", b"chunked")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": ("192.0.2.1", 1)}
        await limited(body_megabytes=0.001)(scope, receive, send)
        return int(said[0]["status"])

    assert asyncio.run(asked()) == 413
    assert len(drawn) == 3


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async def asked() -> int:
        said: list[Message] = []
        parts = never()

        async def receive() -> Message:
            return {"type": "http.request", "body": await anext(parts), "more_body": True}

        async def send(message: Message) -> None:
            said.append(message)

        headers = [(b"content-length", b"100")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": ("192.0.2.1", 1)}
        app = limited(body_seconds=0.01)
        await app(scope, receive, send)
        assert app._held == 0
        return int(said[0]["status"])

    assert asyncio.run(asked()) == 408


def test_more_bodies_than_the_memory_is_for_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "HELD", 100)

    answer = ask(limited(), content=b"x" * 101)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_bucket_fills_as_time_passes() -> None:
    seconds = Seconds()
    rates = Rates(2, 3, seconds)

    assert [rates.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.wait("b") == 0
    seconds.now = 0.5
    assert [rates.wait("a"), rates.wait("a")] == [0, 0.5]
    seconds.now = 1000
    assert [rates.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_who_asks_too_often_is_told_when_to_go_on() -> None:
    app = limited(address_per_second=0.1, address_burst=1)

    assert ask(app).status_code == 200
    answer = ask(app)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert ask(app, peer="192.0.2.2").status_code == 200


def test_a_key_has_its_own_limit_wherever_it_is_used() -> None:
    app = limited(key_per_second=1, key_burst=1, address_per_second=0)
    headers = {"Authorization": "Bearer vefa_x"}

    codes = [ask(app, peer=f"192.0.2.{n}", headers=headers).status_code for n in range(2)]

    assert codes == [200, 429]
    assert ask(app, headers={"Authorization": "Bearer vefa_y"}).status_code == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),  # nobody's proxy: anybody may write that
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.7", "10.0.0.7"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_client_behind_a_proxy_is_believed_where_the_proxy_is_ours(peer: str, forwarded: str, client: str) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


def test_an_ipv6_network_is_one_client() -> None:
    assert bucket_of("2001:db8::1") == bucket_of("2001:db8::ffff")
    assert bucket_of("2001:db8:0:1::1") != bucket_of("2001:db8::1")
    assert bucket_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_a_proxy_that_is_no_address_is_told_of(settings: Settings) -> None:
    (settings.root / "config" / "settings.yaml").write_text("web: {limits: {trusted_proxies: [my-proxy]}}\n")

    with pytest.raises(SettingsError, match=r'"my-proxy" is no address or network'):
        load_settings(settings.root)


@pytest.fixture
def narrow(sqlite_engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    web = Web(limits=Limits(body_megabytes=0.001, address_per_second=0.01, address_burst=3))
    asked = Asked(sqlite_engine, settings.model_copy(update={"web": web}))
    yield asked
    asked.service.close()


def test_the_service_has_these_limits_on_every_path(narrow: Asked) -> None:
    assert narrow.ask("POST", "/v1/events", content=b" " * 1001).status_code == 413
    assert narrow.ask("GET", "/health/live").status_code == 200
    assert narrow.ask("GET", "/no/such/path").status_code == 404
    assert narrow.ask("GET", "/health/live").status_code == 429


def test_every_answer_guards_the_browser(narrow: Asked) -> None:
    for answer in (narrow.ask("GET", "/health/live"), narrow.ask("POST", "/v1/events", content=b" " * 1001)):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in answer.headers


def test_a_service_that_is_full_or_closing_asks_to_come_again(asked: Asked) -> None:
    asked.service.committer.close()

    answer = asked.ask("POST", "/v1/events", json={"id": "1", "type": "loyalty.joined", "customer": {"id": "c1"}})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_providers_own_posts_may_come_ten_times_as_fast() -> None:
    app = limited(address_per_second=0.1, address_burst=2)

    told = [ask(app, path="/hooks/twilio/status").status_code for _ in range(21)]

    assert told == [200] * 20 + [429]
    assert [ask(app).status_code for _ in range(3)] == [200, 200, 429]
