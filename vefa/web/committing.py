"""Group commit: requests that come together are written in one transaction, and each is answered after its commit.

A database on disk commits a few hundred times a second, however little there is in it. One thread therefore takes
whatever waits, writes it piece by piece in a transaction, and tells everybody at once that it is kept. What fails is
undone alone, and fails alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.engine import Connection, Engine

from vefa.database import writing

T = TypeVar("T")

#: Pieces in one transaction, and pieces that may wait: whoever comes beyond is asked to come again.
TOGETHER, WAITING = 200, 2000


class Full(Exception):
    """More waits to be written than can be soon: to be answered with 503 and Retry-After."""


def _nobody() -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class _Piece:
    work: Callable[[Connection], Any]
    done: Future[Any]


class Committer:
    """The one thread of a process that writes for requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        #: Called after each commit, in the writer's thread: whoever waits for something new may look.
        self.after_commit: Callable[[], None] = _nobody
        self._pieces: queue.Queue[_Piece | None] = queue.Queue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="committer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """What `work` returns, once it is committed; or what it raised, with nothing of it kept.

        `work` gets a connection in a write transaction that it shares with others: it is short, waits for nothing
        else, and may be called a second time after a rollback. Raises Full.
        """
        done: Future[T] = Future()
        with self._closing:
            if self._closed or self._pieces.qsize() >= WAITING:
                raise Full
            self._pieces.put(_Piece(work, done))
        return done

    def run(self, work: Callable[[Connection], T]) -> T:
        """The same, waited for."""
        return self.submit(work).result()

    def close(self) -> None:
        """Write what waits, then end."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._pieces.put(None)
        self._thread.join()

    def _write(self) -> None:
        while True:
            first = self._pieces.get()
            if first is None:
                return
            pieces, ending = [first], False
            while len(pieces) < TOGETHER and not ending:
                try:
                    piece = self._pieces.get_nowait()
                except queue.Empty:
                    break
                if piece is None:
                    ending = True
                else:
                    pieces.append(piece)
            self._commit([piece for piece in pieces if piece.done.set_running_or_notify_cancel()])
            if ending:
                return

    def _commit(self, pieces: list[_Piece]) -> None:
        outcomes: list[tuple[_Piece, Any, BaseException | None]] = []
        try:
            with writing(self._engine) as connection:
                for piece in pieces:
                    outcomes.append((piece, *_attempt(connection, piece)))
        except BaseException as error:  # the commit itself, or the connection: nothing of the group is kept
            for piece in pieces:
                piece.done.set_exception(error)
            return
        self.after_commit()
        for piece, value, problem in outcomes:
            if problem is None:
                piece.done.set_result(value)
            else:
                piece.done.set_exception(problem)


def _attempt(connection: Connection, piece: _Piece) -> tuple[Any, BaseException | None]:
    try:
        with connection.begin_nested():
            return piece.work(connection), None
    except Exception as error:
        if connection.invalidated:
            raise
        return None, error
