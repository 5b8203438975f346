"""Answers over HTTP/1.1: each form that is allowed, in pieces of any size, and what is odd."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vefa.channels.base import Accepted, Doubtful, Email, Refused, Sender
from vefa.channels.http_answers import OddAnswerError, read_answer
from vefa.channels.sendgrid import SendGridChannel
from vefa.errors import SettingsError

PLAIN = b"HTTP/1.1 202 Accepted\r\nX-Message-ID:  abc \r\nContent-Length: 2\r\n\r\nok"
CHUNKED = (
    b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
)
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + PLAIN
EMPTY = b"HTTP/1.1 204\r\nContent-Length: 5\r\n\r\n"
OLD = b"HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n"
CLOSED = b"HTTP/1.1 202 Accepted\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"


def answer_of(data, step=65536):
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    return read_answer(lambda size: pieces.pop(0) if pieces else b"")


@given(st.integers(1, 60))
def test_an_answer_in_any_pieces_is_the_same_answer(step):
    seen = [
        (found.status, found.body, found.keeps)
        for data in (PLAIN, CHUNKED, ENDLESS, EARLY, EMPTY, OLD, CLOSED)
        for found in [answer_of(data, step)]
    ]

    assert seen == [
        (202, b"ok", True),
        (400, b"abc0123456789", True),
        (200, b"until the end", False),
        (202, b"ok", True),
        (204, b"", True),
        (202, b"", False),
        (202, b"", False),
    ]


def test_headers_are_found_in_any_case_and_joined():
    headers = answer_of(b"HTTP/1.1 202 A\r\nX-a: 1\r\nx-A: 2\r\nContent-Length: 0\r\n\r\n").headers

    assert (headers["X-A"], headers.get("none"), len(headers)) == ("1, 2", None, 2)
    assert set(headers) == {"x-a", "content-length"}


def test_after_bytes_that_nobody_asked_for_the_connection_is_not_kept():
    assert not answer_of(PLAIN + b"HTTP/1.1 202").keeps


ODD = {
    "no HTTP": b"220 mail.ornek.example ESMTP\r\n\r\n",
    "another HTTP": b"HTTP/2.0 202 Accepted\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a folded header": b"HTTP/1.1 202 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": b"HTTP/1.1 202 OK\r\nContent-Length : 0\r\n\r\n",
    "a bare line feed": b"HTTP/1.1 202 OK\r\nX-A: 1\nContent-Length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
    "a negative length": b"HTTP/1.1 202 OK\r\nContent-Length: -1\r\n\r\n",
    "a length in other digits": "HTTP/1.1 202 OK\r\nContent-Length: ².\r\n\r\n".encode("latin-1"),
    "a length and chunks": b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 202 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
    "a chunk that goes on": b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "an endless head": b"HTTP/1.1 202 OK\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n",
    "an endless body": b"HTTP/1.1 202 OK\r\n\r\n" + b"x" * 2_000_000,
    "a huge body": b"HTTP/1.1 202 OK\r\nContent-Length: 99999999\r\n\r\n",
    "a huge chunk": b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_is_odd_raises(data):
    with pytest.raises(OddAnswerError):
        answer_of(data)


@pytest.mark.parametrize("data", [b"", PLAIN[:-1], PLAIN[:30], CHUNKED[:-1], EARLY[:30]])
def test_an_answer_that_ends_too_early_is_a_lost_connection(data):
    with pytest.raises(ConnectionError):
        answer_of(data)


@contextmanager
def server_saying(data):
    """Says this to the first connection once the request is read, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                while not connection.recv(65536).endswith(b"}"):
                    pass
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def delivered(url):
    channel = SendGridChannel("k", base_url=url, timeout=5)
    letter = Email("1.1", "a@x.example", Sender("m@x.example"), "Merhaba", "<p>", "")
    (outcome,) = channel.deliver([letter])
    channel.close()
    return outcome


@pytest.mark.parametrize("data", [ODD["no HTTP"], ODD["two lengths"], ODD["a chunk that goes on"], b"", PLAIN[:-1]])
def test_an_odd_answer_is_doubtful(data):
    with server_saying(data) as url:
        assert isinstance(delivered(url), Doubtful)


@pytest.mark.parametrize("data", [EARLY, PLAIN, OLD, CLOSED, ENDLESS.replace(b"200", b"202")])
def test_a_good_answer_in_any_form_is_accepted(data):
    with server_saying(data) as url:
        assert isinstance(delivered(url), Accepted)


def test_an_error_in_chunks_is_understood():
    with server_saying(CHUNKED) as url:
        assert isinstance(delivered(url), Refused)


def test_a_key_of_two_lines_is_a_sentence_and_no_request():
    with pytest.raises(SettingsError, match="VEFA_SENDGRID_API_KEY"):
        SendGridChannel("SG.a\r\nX-B: c", base_url="http://127.0.0.1:9")
