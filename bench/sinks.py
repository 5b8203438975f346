"""Providers to send to, each in a process of its own: they read little, answer at once or after a while, and count.

Whom a sink was asked to write to it remembers as one byte a number, so ten million take ten megabytes; an e-mail's
number is that of its `send_id` ("<number>.<attempt>"), an SMS's the one in the telephone number.
"""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

Kind = Literal["sendgrid", "twilio"]

#: Telephone numbers of the benchmark: this one, and those above it.
FIRST_PHONE = 905_000_000_000

#: bytes read at once
READ = 1 << 20

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CLOSE = re.compile(rb"(?i)\r\nconnection: *close")


@dataclass(frozen=True)
class Provider:
    """How one provider's requests name whom they go to, and what it answers."""

    mark: bytes
    number: re.Pattern[bytes]
    first: int
    answer: bytes

    def numbers(self, body: bytearray, start: int, end: int) -> list[int]:
        """Whom the request goes to. (`find` looks for a mark many times faster than a pattern does.)"""
        found, match = [], self.number.match
        place = body.find(self.mark, start, end)
        while place >= 0:
            if (number := match(body, place, end)) is not None:
                found.append(int(number[1]))
            place = body.find(self.mark, place + 1, end)
        return found


def _answer(status: str, body: bytes, extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


PROVIDERS: dict[Kind, Provider] = {
    "sendgrid": Provider(
        b'"send_id"',
        re.compile(rb'"send_id":\s*"(\d+)\.\d+"'),
        0,
        _answer("202 Accepted", b"", "X-Message-Id: benchmark\r\n"),
    ),
    "twilio": Provider(
        b"To=%2B",
        re.compile(rb"To=%2B(\d+)"),
        FIRST_PHONE,
        _answer("201 Created", b'{"sid":"SM00000000000000000000000000000001","status":"queued"}'),
    ),
}


@dataclass(frozen=True)
class Taken:
    """What a sink took since it was asked last; `cpu` is what that cost it, in seconds."""

    requests: int
    recipients: int
    unique: int
    size: int
    cpu: float


@dataclass
class Marks:
    """Which numbers came, and how many of them for the first time."""

    seen: bytearray
    recipients: int = 0
    unique: int = 0

    def add(self, numbers: list[int], first: int) -> None:
        """Take note of the numbers, counted from `first`."""
        seen = self.seen
        for number in (given - first for given in numbers):
            if number >= len(seen):
                seen.extend(bytes(max(number + 1 - len(seen), 65_536)))
            if not seen[number]:
                seen[number] = 1
                self.unique += 1
        self.recipients += len(numbers)


@dataclass(frozen=True)
class Sink:
    """A running sink, as whoever started it sees it."""

    url: str
    line: Connection

    def taken(self) -> Taken:
        """What came in since the last call; then it begins anew."""
        self.line.send("taken")
        return Taken(*self.line.recv())

    def body(self) -> bytes:
        """The largest request so far, where the sink was started with `keep`."""
        self.line.send("body")
        return bytes(self.line.recv())


@contextmanager
def sink(kind: Kind, *, delay: float = 0.0, keep: bool = False) -> Iterator[Sink]:
    """A sink in another process, gone with the block. It answers after `delay` seconds, and others do not wait."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, kind, delay, keep), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Sink(ours.recv(), ours)
    finally:
        ours.close()  # the sink sees it and ends
        process.join(10)


def _serve(line: Connection, kind: Kind, delay: float, keep: bool) -> None:
    _Desk(line, PROVIDERS[kind], delay, keep).serve()


class _Desk:
    """One sink at work: a loop over sockets that asks the system as little as it can."""

    def __init__(self, line: Connection, provider: Provider, delay: float, keep: bool) -> None:
        self.line, self.provider, self.delay, self.keep = line, provider, delay, keep
        self.largest = b""
        self.waiting: deque[tuple[float, Conversation, bool]] = deque()
        self.selector = selectors.DefaultSelector()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.marks, self.requests, self.size, self.since = Marks(bytearray(65_536)), 0, 0, time.process_time()

    def serve(self) -> None:
        """Until whoever started it hangs up."""
        door = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.selector.register(door, selectors.EVENT_READ, self._admit)
        self.selector.register(self.line, selectors.EVENT_READ, self._asked)
        self.line.send(f"http://127.0.0.1:{door.getsockname()[1]}")
        self.open = True
        while self.open:
            for key, _ in self.selector.select(self._answer_waiting()):
                key.data(key.fileobj)

    def _answer_waiting(self) -> float | None:
        """Answer everybody who has waited long enough; seconds until the next one has."""
        while self.waiting:
            due, conversation, last = self.waiting[0]
            if (rest := due - time.monotonic()) > 0:
                return rest
            self.waiting.popleft()
            self._answer(conversation, last)
        return None

    def _admit(self, door: socket.socket) -> None:
        caller, _ = door.accept()
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation = Conversation(caller)
        self.selector.register(caller, selectors.EVENT_READ, lambda _: self._heard(conversation))

    def _asked(self, _line: object) -> None:
        try:
            question = self.line.recv()
        except EOFError:
            self.open = False
            return
        if question == "body":
            self.line.send(self.largest)
            return
        marks, cpu = self.marks, time.process_time() - self.since
        self.line.send((self.requests, marks.recipients, marks.unique, self.size, cpu))
        self._begin_anew()

    def _heard(self, conversation: Conversation) -> None:
        if not conversation.read():
            self.selector.unregister(conversation.caller)
            conversation.caller.close()
            return
        while conversation.whole():
            self._take(conversation.buffer, conversation.start, conversation.end)
            last = conversation.next()
            if self.delay:
                self.waiting.append((time.monotonic() + self.delay, conversation, last))
            else:
                self._answer(conversation, last)

    def _take(self, buffer: bytearray, start: int, end: int) -> None:
        """One whole request, whose body lies in the buffer from `start` to `end`."""
        self.requests += 1
        self.size += end - start
        self.marks.add(self.provider.numbers(buffer, start, end), self.provider.first)
        if self.keep and end - start > len(self.largest):
            self.largest = bytes(buffer[start:end])

    def _answer(self, conversation: Conversation, last: bool) -> None:
        try:
            conversation.caller.send(self.provider.answer)
            if last:
                conversation.caller.shutdown(socket.SHUT_WR)
        except OSError:  # whoever asked has gone
            return


class Conversation:
    """One kept connection: requests come one after the other. A body stands in `buffer` from `start` to `end`."""

    def __init__(self, caller: socket.socket) -> None:
        self.caller, self.buffer, self.start, self.end = caller, bytearray(), 0, 0

    def read(self) -> bool:
        """Whether anything came; not so where the caller has hung up."""
        try:
            data = self.caller.recv(READ)
        except OSError:
            return False
        self.buffer += data
        return bool(data)

    def whole(self) -> bool:
        """Whether a whole request has come; where its body stands is noted once its head is there."""
        if not self.start:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return False
            length = _LENGTH.search(self.buffer, 0, head)
            self.start = head + 4
            self.end = self.start + (int(length[1]) if length else 0)
        return len(self.buffer) >= self.end

    def next(self) -> bool:
        """Leave this request behind; gives whether the caller said that it is their last."""
        last = _CLOSE.search(self.buffer, 0, self.start) is not None
        del self.buffer[: self.end]
        self.start = self.end = 0
        return last
