"""Two processes that take in the same inbox side by side, as two `vefa serve` over one database do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from vefa import inbox
from vefa.database import open_database, writing
from vefa.settings import Settings
from vefa.web.takers import takers_of

PROCESSES = 2
#: Seconds that emptying an inbox may take, on a slow machine and for many rounds too.
PATIENCE = 300


@dataclass(frozen=True)
class Message:
    """One request as the inbox keeps it."""

    kind: str
    about: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Takers:
    """The processes, each at the end of a pipe."""

    pipes: list[Any]

    def take_in(self, settings: Settings, engine: sa.Engine, messages: list[Message], now: datetime) -> list[str]:
        """Let them empty an inbox of these messages, one message a transaction. Returns problems that were noted."""
        with writing(engine) as connection:
            for each in messages:
                inbox.put(connection, each.kind, each.body, now, each.about)
        url = engine.url.render_as_string(hide_password=False)
        for pipe in self.pipes:
            pipe.send((settings.root, url, now))
        for pipe in self.pipes:
            assert pipe.poll(PATIENCE), "a process that takes in the inbox is not done"
            problem = pipe.recv()
            assert problem is None, problem
        c = inbox.inbox.c
        with engine.connect() as connection:
            waiting = connection.scalars(sa.select(c.id).where(c.taken_at.is_(None))).all()
            assert not waiting, f"{len(waiting)} messages were taken in by nobody"
            return list(connection.scalars(sa.select(c.problem).where(c.problem.is_not(None))))


@contextmanager
def running_takers() -> Iterator[Takers]:
    """Two processes for the time of the block."""
    context = get_context("spawn")
    start, pipes, processes = context.Barrier(PROCESSES), [], []
    for _ in range(PROCESSES):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, start), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    yield Takers(pipes)
    for pipe in pipes:
        pipe.send(None)
        pipe.close()
    for process in processes:
        process.join()
        process.close()


def _serve(pipe: Pipe, start: Barrier) -> None:
    inbox.BATCH = 1  # so that two messages about one object are always in two transactions
    while (asked := pipe.recv()) is not None:
        root, url, now = asked
        try:
            _empty(root, url, now, start)
        except Exception as error:  # what it is, the test that waits will say
            pipe.send(repr(error))
        else:
            pipe.send(None)


def _empty(root: Path, url: str, now: datetime, start: Barrier) -> None:
    engine = open_database(url)
    takers = takers_of(Settings(root=root, database_url=url))
    with engine.connect():
        start.wait(PATIENCE)
    while inbox.take_in(engine, takers, now):
        pass
    engine.dispose()
