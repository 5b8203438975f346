"""Group commit: requests that come together are written in one transaction, and each is answered after its commit.

A database on disk commits a few hundred times a second, however little there is in it. One thread therefore takes
whatever waits, writes it piece by piece in a transaction, and tells everybody at once that it is kept. What fails is
undone alone, and fails alone.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Connection, Engine

from vefa.database import is_conflict, retry_conflicts, writing

T = TypeVar("T")
Asked = TypeVar("Asked")
Told = TypeVar("Told")

#: Pieces in one transaction, and pieces that may wait: whoever comes beyond is asked to come again.
TOGETHER, WAITING = 200, 2000


class Full(Exception):
    """More waits to be written than can be soon: to be answered with 503 and Retry-After."""


def _nobody() -> None:
    """Nobody waits."""


@dataclass(frozen=True, eq=False)
class Gathered(Generic[Asked, Told]):
    """Work that is done for several askers in the same statements: what each asks for in, what each is told out, in
    their order. It shares its transaction with others, waits for nothing else, and may be called again after a
    rollback: for fewer of them, or for each alone."""

    work: Callable[[Connection, Sequence[Asked]], Sequence[Told]]


@dataclass(frozen=True)
class _Piece:
    gathered: Gathered[Any, Any]
    asked: Any
    done: Future[Any]


#: A piece with what it returned, or with what it raised.
_Outcome = tuple[_Piece, Any, BaseException | None]


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
        return self.ask(Gathered(lambda connection, _: [work(connection)]), None)

    def ask(self, gathered: Gathered[Asked, Told], asked: Asked) -> Future[Told]:
        """What the work tells this asker, once it is committed; or what it raised for them alone. Raises Full."""
        done: Future[Told] = Future()
        with self._closing:
            if self._closed or self._pieces.qsize() >= WAITING:
                raise Full
            self._pieces.put(_Piece(gathered, asked, done))
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
        groups: dict[Gathered[Any, Any], list[_Piece]] = {}
        for piece in pieces:
            groups.setdefault(piece.gathered, []).append(piece)
        try:
            outcomes = retry_conflicts(lambda: self._write_all(groups.values()))
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

    def _write_all(self, groups: Collection[list[_Piece]]) -> list[_Outcome]:
        """What became of each piece, in one transaction."""
        with writing(self._engine) as connection:
            return [outcome for same in groups for outcome in _done(connection, same)]


def _done(connection: Connection, same: list[_Piece]) -> list[_Outcome]:
    """Do it for all of them together; where that fails, for each alone."""
    values, problem = _attempt(connection, same)
    if problem is None:
        return [(piece, value, None) for piece, value in zip(same, values, strict=True)]
    if len(same) == 1:
        return [(same[0], None, problem)]
    return [each for piece in same for each in _done(connection, [piece])]


def _attempt(connection: Connection, same: list[_Piece]) -> tuple[Sequence[Any], BaseException | None]:
    try:
        with connection.begin_nested():
            return same[0].gathered.work(connection, [piece.asked for piece in same]), None
    except Exception as error:
        if connection.invalidated or is_conflict(error):
            raise
        return (), error
