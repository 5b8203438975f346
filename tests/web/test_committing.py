"""What several requests write at one time is kept together, and what fails fails alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import NOON
from vefa.database import reading, writing
from vefa.inbox import inbox, put
from vefa.web import committing
from vefa.web.committing import Committer, Full, Gathered


@pytest.fixture
def committer(engine: sa.Engine) -> Iterator[Committer]:
    ours = Committer(engine)
    yield ours
    ours.close()


def kept(engine: sa.Engine) -> list[bytes]:
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(inbox.c.body).order_by(inbox.c.id)))


def test_who_is_answered_finds_it_in_the_database(engine: sa.Engine, committer: Committer) -> None:
    committer.run(lambda c: put(c, "a", b"one", NOON))

    assert kept(engine) == [b"one"]


def test_what_waits_is_written_together(engine: sa.Engine, committer: Committer) -> None:
    begun, go = threading.Event(), threading.Event()
    commits: list[object] = []

    def slow(_connection: sa.Connection) -> None:
        begun.set()
        go.wait()

    first = committer.submit(slow)
    begun.wait()
    sa.event.listen(engine, "commit", commits.append)
    rest = [committer.submit(lambda c, n=n: put(c, "a", str(n).encode(), NOON)) for n in range(50)]
    go.set()

    first.result()
    assert [each.result() for each in rest] == [None] * 50
    assert len(commits) == 2
    assert kept(engine) == [str(n).encode() for n in range(50)]


def test_what_fails_leaves_nothing_and_spoils_nothing(engine: sa.Engine, committer: Committer) -> None:
    def bad(connection: sa.Connection) -> None:
        put(connection, "a", b"half", NOON)
        raise ValueError("no")

    go = threading.Event()
    committer.submit(lambda _: go.wait())
    good, wrong, other = (
        committer.submit(work) for work in (lambda c: put(c, "a", b"1", NOON), bad, lambda c: put(c, "a", b"2", NOON))
    )
    go.set()

    assert (good.result(), other.result()) == (None, None)
    with pytest.raises(ValueError, match="no"):
        wrong.result()
    assert kept(engine) == [b"1", b"2"]


def test_a_commit_that_fails_is_told_to_all_of_its_group(engine: sa.Engine, committer: Committer) -> None:
    def refuse(_connection: object) -> None:
        raise sa.exc.OperationalError("COMMIT", None, OSError("disk full"))

    sa.event.listen(engine, "commit", refuse)
    ours = committer.submit(lambda c: put(c, "a", b"1", NOON))
    with pytest.raises(sa.exc.OperationalError):
        ours.result()
    sa.event.remove(engine, "commit", refuse)
    committer.run(lambda c: put(c, "a", b"2", NOON))

    assert kept(engine) == [b"2"]


def test_beyond_what_may_wait_people_are_sent_away(committer: Committer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "WAITING", 2)
    begun, go = threading.Event(), threading.Event()

    def slow(_connection: sa.Connection) -> None:
        begun.set()
        go.wait()

    committer.submit(slow)
    begun.wait()
    waiting = [committer.submit(lambda _: "done") for _ in range(2)]
    with pytest.raises(Full):
        committer.submit(lambda _: "too much")
    go.set()

    assert [each.result() for each in waiting] == ["done", "done"]


def test_what_waits_at_the_end_is_still_written(engine: sa.Engine) -> None:
    ours = Committer(engine)
    last = [ours.submit(lambda c: put(c, "a", b"1", NOON)) for _ in range(20)]
    ours.close()

    assert all(each.done() for each in last)
    assert kept(engine) == [b"1"] * 20
    with pytest.raises(Full):
        ours.submit(lambda _: None)


def test_a_work_whose_asker_is_gone_is_not_done(engine: sa.Engine, committer: Committer) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(_connection: sa.Connection) -> None:
        begun.set()
        go.wait()

    committer.submit(slow)
    begun.wait()
    gone = committer.submit(lambda c: put(c, "a", b"1", NOON))
    assert gone.cancel()
    go.set()
    committer.run(lambda c: put(c, "a", b"2", NOON))

    assert kept(engine) == [b"2"]
    with writing(engine) as connection:
        connection.execute(sa.delete(inbox))


def gathered_together(calls: list[int]) -> Gathered[bytes, str]:
    """Writes what it is asked for, and says so; b"bad" it cannot write."""

    def work(connection: sa.Connection, asked: Sequence[bytes]) -> list[str]:
        calls.append(len(asked))
        for each in asked:
            put(connection, "a", each, NOON)
            if each == b"bad":
                raise ValueError("bad")
        return [each.decode() for each in asked]

    return Gathered(work)


def asked_at_once(committer: Committer, gathered: Gathered[bytes, str], *asked: bytes) -> list[Future[str]]:
    begun, go = threading.Event(), threading.Event()

    def slow(_connection: sa.Connection) -> None:
        begun.set()
        go.wait()

    committer.submit(slow)
    begun.wait()
    futures = [committer.ask(gathered, each) for each in asked]
    go.set()
    return futures


def test_the_same_work_is_done_once_for_all_who_ask(engine: sa.Engine, committer: Committer) -> None:
    calls: list[int] = []

    futures = asked_at_once(committer, gathered_together(calls), b"1", b"2", b"3")

    assert [future.result() for future in futures] == ["1", "2", "3"]
    assert calls == [3]
    assert kept(engine) == [b"1", b"2", b"3"]


def test_where_it_fails_for_one_it_is_done_for_each_alone(engine: sa.Engine, committer: Committer) -> None:
    calls: list[int] = []

    first, bad, last = asked_at_once(committer, gathered_together(calls), b"1", b"bad", b"3")

    assert (first.result(), last.result()) == ("1", "3")
    with pytest.raises(ValueError, match="bad"):
        bad.result()
    assert calls == [3, 1, 1, 1]
    assert kept(engine) == [b"1", b"3"]
