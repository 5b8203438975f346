"""A provider to send to, in a process of its own, that counts what it took."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from vefa.channels.fakes.sendgrid import FakeSendGrid


@dataclass(frozen=True)
class Taken:
    """What the sink took since it was asked last."""

    requests: int
    emails: int
    unique: int


@dataclass(frozen=True)
class Sink:
    """A running stand-in for SendGrid."""

    url: str
    line: Connection

    def taken(self) -> Taken:
        """What came in since the last call."""
        self.line.send("count")
        return Taken(*self.line.recv())


@contextmanager
def sink() -> Iterator[Sink]:
    """SendGrid's stand-in in another process; it keeps ids only."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Sink(ours.recv(), ours)
    finally:
        ours.send("end")
        process.join(10)


def _serve(line: Connection) -> None:
    with FakeSendGrid(whole=False) as fake:
        line.send(fake.url)
        requests = emails = 0
        while line.recv() == "count":
            ids = fake.send_ids[emails:]
            line.send((fake.requests - requests, len(ids), len(set(ids))))
            requests, emails = fake.requests, emails + len(ids)
