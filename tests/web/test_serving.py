"""The real server on loopback hangs up on whoever is too slow, and answers everybody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

import pytest
import sqlalchemy as sa
import uvicorn

from tests.web.asking import Asked
from vefa.settings import Limits, Settings, Web
from vefa.web import serving

PATIENCE = 30


@pytest.fixture
def port(sqlite_engine: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that waits 0.2 seconds for heads and bodies, and has room for 40 connections, 20 from one address."""
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(serving, "CONNECTIONS", 40)
    limits = Limits(body_megabytes=0.001, body_seconds=0.2, address_connections=20)
    asked = Asked(sqlite_engine, settings.model_copy(update={"web": Web(limits=limits)}))
    config = uvicorn.Config(asked.app, host="127.0.0.1", port=0, **serving.options(limits))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@contextmanager
def connected(port: int, sent: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        line.sendall(sent)
        yield line


def all_said(line: socket.socket) -> bytes:
    """Until the server hangs up."""
    said = b""
    while part := line.recv(65536):
        said += part
    return said


LIVE = b"GET /health/live HTTP/1.1\r\nHost: vefa\r\n"
POST = b"POST /v1/events HTTP/1.1\r\nHost: vefa\r\n"


@pytest.mark.parametrize("head", [b"", b"GET", LIVE])
def test_who_never_finishes_a_head_is_hung_up_on(port: int, head: bytes) -> None:
    with connected(port, head) as line:
        assert all_said(line) == b""


def test_nor_is_the_next_head_of_a_connection_waited_for(port: int) -> None:
    with connected(port, LIVE + b"\r\n") as line:
        said = b""
        while not said.endswith(b'{"live":true}'):
            said += line.recv(65536)
        line.sendall(b"GET /he")
        assert all_said(line) == b""


def test_a_body_that_does_not_come_is_answered_408(port: int) -> None:
    with connected(port, POST + b"Content-Length: 50\r\n\r\n{") as line:
        assert all_said(line).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n",
    ],
)
def test_a_body_that_is_too_large_is_answered_413_and_the_line_is_closed(port: int, rest: bytes) -> None:
    with connected(port, POST + rest) as line:
        assert all_said(line).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        POST + b"Content-Length: -5\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\n\r\n",
        LIVE + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_never_a_fault_of_ours(port: int, request_: bytes) -> None:
    with connected(port, request_) as line:
        line.shutdown(socket.SHUT_WR)
        try:
            said = all_said(line)
        except ConnectionResetError:  # it hung up before it had read everything
            said = b""
        assert not said.startswith(b"HTTP/1.1 5")
    with connected(port, LIVE + b"Connection: close\r\n\r\n") as line:
        assert all_said(line).startswith(b"HTTP/1.1 200 ")


def test_idle_connections_of_one_address_do_not_shut_out_the_others(port: int) -> None:
    lines = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(60)]
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.0.0.2", 0)) as line:
            line.sendall(LIVE + b"Connection: close\r\n\r\n")
            assert all_said(line).startswith(b"HTTP/1.1 200 ")
    finally:
        for line in lines:
            line.close()


def test_an_address_that_has_closed_its_connections_may_open_new_ones(port: int) -> None:
    for _ in range(40):
        with connected(port, LIVE + b"Connection: close\r\n\r\n") as line:
            assert all_said(line).startswith(b"HTTP/1.1 200 ")


def test_connections_are_counted_by_address_and_a_trusted_proxy_may_have_any_number() -> None:
    limits = Limits(address_connections=2, trusted_proxies=("10.0.0.0/8",))
    counted = serving.OpenConnections(limits)

    assert [counted.admit("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert counted.admit("192.0.2.2")
    assert all(counted.admit("10.0.0.1") for _ in range(10))
    counted.end("192.0.2.1")
    counted.end("192.0.2.1")
    assert counted.admit("192.0.2.1")
