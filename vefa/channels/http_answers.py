"""HTTP/1.1 answers, read strictly and with few words: what is odd raises, and nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

#: takes how many bytes at most, gives what has come, and nothing once the other side has closed
Receive = Callable[[int], bytes]

LONGEST_HEAD = 64 * 1024
LONGEST_BODY = 1024 * 1024

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([^\r\n]*))?\r\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\r\n")
_HEADERS = re.compile(f"(?:{_HEADER.pattern})*")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?")


class OddAnswerError(Exception):
    """Not an answer that HTTP/1.1 allows, or larger than any that we expect."""


class Headers(Mapping[str, str]):
    """An answer's headers: names in any case; values of one name joined by commas."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Answer:
    """A whole answer, with the three questions that the SDKs ask of one. `keeps`: another request may follow it."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    keeps: bool

    def getcode(self) -> int:
        return self.status

    def read(self) -> bytes:
        return self.body

    def info(self) -> Headers:
        return self.headers


def read_answer(receive: Receive) -> Answer:
    """The next whole answer to a POST. OddAnswerError for what is none; ConnectionError where it ends too early."""
    source = _Source(receive)
    minor, status, reason, headers = _head(source)
    while status < 200:  # 100 Continue, 103 Early Hints: the answer is yet to come
        if status == 101:
            raise OddAnswerError("the other side changed the protocol")
        minor, status, reason, headers = _head(source)
    length = _length(minor, status, headers)
    if length is None:
        body = _chunks(source) if "transfer-encoding" in headers else source.rest()
    else:
        body = source.exactly(length)
    closes = minor == "0" or "close" in headers.get("connection", "").lower()
    keeps = not closes and not source.ended and not source.held
    return Answer(status, reason, Headers(headers), body, keeps)


def _head(source: _Source) -> tuple[str, int, str, dict[str, str]]:
    head = source.upto(b"\r\n\r\n").decode("latin-1") + "\r\n"
    found = _STATUS.match(head)
    if not found:
        raise OddAnswerError("no status line")
    if not _HEADERS.fullmatch(head, found.end()):
        raise OddAnswerError("no header line")
    headers: dict[str, str] = {}
    for given, padded in _HEADER.findall(head, found.end()):
        name, value = given.lower(), padded.rstrip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return found[1], int(found[2]), found[3] or "", headers


def _length(minor: str, status: int, headers: Mapping[str, str]) -> int | None:
    """How many bytes of body follow; None where only chunks, or the end of the connection, will tell."""
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None and (coding.lower() != "chunked" or length is not None or minor == "0"):
        raise OddAnswerError("a transfer coding that cannot be trusted")
    if length is not None and not _LENGTH.fullmatch(length):
        raise OddAnswerError("no content length")
    if status in (204, 304):
        return 0
    return None if length is None else int(length)


def _chunks(source: _Source) -> bytes:
    body = b""
    while True:
        found = _CHUNK.fullmatch(source.upto(b"\r\n"))
        if not found:
            raise OddAnswerError("no chunk size")
        size = int(found[1], 16)
        if not size:
            break
        body += source.exactly(size)
        if len(body) > LONGEST_BODY or source.exactly(2) != b"\r\n":
            raise OddAnswerError("no chunk")
    while source.upto(b"\r\n"):  # trailers tell us nothing
        pass
    return body


class _Source:
    """What has come and was not read yet."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.held = b""
        self.ended = False

    def upto(self, mark: bytes) -> bytes:
        """What stands before the mark, which is read too."""
        while (end := self.held.find(mark)) < 0 and len(self.held) <= LONGEST_HEAD:
            self._more()
        if not 0 <= end <= LONGEST_HEAD:
            raise OddAnswerError("too long a head")
        taken, self.held = self.held[:end], self.held[end + len(mark) :]
        return taken

    def exactly(self, size: int) -> bytes:
        """So many bytes."""
        if size > LONGEST_BODY:
            raise OddAnswerError("too long a body")
        while len(self.held) < size:
            self._more()
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    def rest(self) -> bytes:
        """All that comes until the other side closes."""
        while came := self._receive(65536):
            self.held += came
            if len(self.held) > LONGEST_BODY:
                raise OddAnswerError("too long a body")
        self.ended = True
        taken, self.held = self.held, b""
        return taken

    def _more(self) -> None:
        came = self._receive(65536)
        if not came:
            raise ConnectionAbortedError("closed before the answer was whole")
        self.held += came
