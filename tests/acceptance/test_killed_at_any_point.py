"""`vefa run` killed at any point and started again: nothing goes twice, nobody is forgotten (rules 13 to 15).

The judge is the provider's log, where each message bears its ledger id and attempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random
from signal import SIGINT, SIGKILL
from subprocess import Popen
from threading import Event, Thread, Timer
from time import sleep

import pytest
import sqlalchemy as sa

from tests.acceptance.conftest import PEOPLE
from tests.acceptance.small_shop import MINUTE, NOON, Books, Runner, ended
from vefa.channels.fakes.behaviours import Asked, Behaviour, Drop
from vefa.database import open_database, reading
from vefa.engine.tables import enrolments
from vefa.ledger.claims import HOLD, LOOK_UP

#: Requests are of 40 messages: 8 for the transactional step, then 8 for the commercial one.
FIRST_OFFER = 9
WORKERS = 4


@dataclass(frozen=True)
class AtRequest:
    """The process dies while the provider has its n-th request in hand: taken but not answered, or never taken."""

    number: int
    taken: bool

    @contextmanager
    def falls(self, runner: Runner, process: Popen[str]) -> Iterator[None]:
        def rule(asked: Asked) -> Behaviour | None:
            if asked.number != self.number:
                return None
            process.kill()
            return Drop(keeps=self.taken)

        runner.provider.script.rule(rule)
        yield
        runner.provider.script.clear()


@dataclass(frozen=True)
class AfterRequest:
    """The process dies some time after its n-th request came in: while answers are written down, between requests."""

    number: int
    seconds: float

    @contextmanager
    def falls(self, runner: Runner, process: Popen[str]) -> Iterator[None]:
        timer = Timer(self.seconds, process.kill)
        begun = Event()

        def rule(asked: Asked) -> Behaviour | None:
            if asked.number >= self.number and not begun.is_set():
                begun.set()
                timer.start()
            return None

        runner.provider.script.rule(rule)
        yield
        timer.cancel()
        runner.provider.script.clear()


@dataclass(frozen=True)
class OnceEntered:
    """The process dies as soon as anybody has entered: while messages are queued, or written."""

    @contextmanager
    def falls(self, runner: Runner, process: Popen[str]) -> Iterator[None]:
        watch = Thread(target=self._watch, args=(runner.database_url, process))
        watch.start()
        yield
        watch.join()

    def _watch(self, url: str, process: Popen[str]) -> None:
        engine = open_database(url)
        while process.poll() is None and not self._anybody(engine):
            sleep(0.002)
        process.kill()
        engine.dispose()

    @staticmethod
    def _anybody(engine: sa.Engine) -> bool:
        with reading(engine) as connection:
            return bool(connection.scalar(sa.select(sa.exists().select_from(enrolments))))


Blow = AtRequest | AfterRequest | OnceEntered
chance = Random(20260310)
BLOWS: dict[str, Blow] = {
    "first request, not taken": AtRequest(1, taken=False),
    "third request, taken": AtRequest(3, taken=True),
    "second offers, taken": AtRequest(FIRST_OFFER + 1, taken=True),
    "between offers": AfterRequest(FIRST_OFFER + 2, chance.uniform(0, 0.1)),
    "at any time": AfterRequest(1, chance.uniform(0, 0.5)),
    "as they enter": OnceEntered(),
}
ON = [
    *(pytest.param("sqlite", blow, id=f"sqlite, {name}") for name, blow in BLOWS.items()),
    *(
        pytest.param("postgresql", BLOWS[name], id=f"postgresql, {name}")
        for name in ("third request, taken", "between offers")
    ),
]


@pytest.mark.rule(13)
@pytest.mark.rule(14)
@pytest.mark.rule(15)
@pytest.mark.parametrize(("filled_url", "blow"), ON, indirect=["filled_url"])
def test_a_killed_run_doubles_nothing_and_forgets_nobody(runner: Runner, books: Books, blow: Blow) -> None:
    in_flight = _killed(runner, books, blow)

    runner.run(now=NOON + LOOK_UP - 5 * MINUTE, until=NOON + 2 * HOLD)
    history = books.history()
    assert {row.send_id for row in history if row.what == "unknown"} == in_flight
    assert all(row.at >= NOON + LOOK_UP for row in history if row.what == "released"), "within the look-up window"
    books.assert_no_attempt_twice()
    assert books.enrolments() == {"finished": PEOPLE}
    assert len(books.sends()) == 2 * PEOPLE
    _judge(books, in_flight)


@pytest.mark.rule(14)
@pytest.mark.parametrize("filled_url", ["sqlite"], indirect=True)
def test_a_second_attempt_in_doubt_is_the_last(runner: Runner, books: Books) -> None:
    in_flight = _killed(runner, books, AtRequest(1, taken=True))
    runner.run(now=NOON + MINUTE)
    again = AtRequest(runner.provider.requests + 1, taken=True)
    in_doubt_twice = _killed(runner, books, again, now=NOON + LOOK_UP)
    assert in_doubt_twice and in_doubt_twice <= in_flight

    runner.run(now=NOON + LOOK_UP + MINUTE, until=NOON + 2 * HOLD + LOOK_UP)
    books.assert_no_attempt_twice()
    assert books.in_state("unknown") == in_doubt_twice
    # Which of those in flight the provider took before each kill is chance; it never took one three times.
    assert 1 <= max(books.taken()[number] for number in in_doubt_twice) <= 2
    assert books.enrolments() == {"finished": PEOPLE}


@pytest.mark.parametrize("filled_url", ["sqlite"], indirect=True)
def test_ctrl_c_lets_what_is_in_flight_end_and_leaves_nothing_in_doubt(runner: Runner, books: Books) -> None:
    process = runner.start()

    def interrupt(asked: Asked) -> None:
        if asked.number == 3:
            process.send_signal(SIGINT)

    runner.provider.script.rule(interrupt)
    said = ended(process)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    taken = len(runner.provider.send_ids)
    # A quick machine may have sent the last of them before the signal is heard.
    assert books.states() == +Counter(sent=taken, queued=PEOPLE - taken)

    runner.run(now=NOON + MINUTE)
    assert books.states() == {"sent": 2 * PEOPLE}
    assert set(books.taken().values()) == {1}


def _killed(runner: Runner, books: Books, blow: Blow, now: datetime = NOON) -> set[int]:
    """Run until the blow falls; the messages that may or may not have gone by then."""
    process = runner.start(now=now)
    with blow.falls(runner, process):
        said = ended(process)
    # A blow that falls late, on a quick machine, finds the work done.
    assert process.returncode == -SIGKILL or (isinstance(blow, AfterRequest) and not process.returncode), said
    in_flight = books.in_state("claimed")
    assert len(in_flight) <= WORKERS * runner.batch
    return in_flight


def _judge(books: Books, in_flight: set[int]) -> None:
    """Each message against the provider's log, by what it was when the blow fell."""
    taken = books.taken()
    for row in books.sends():
        seen = (row.state, row.attempt, taken[row.id])
        if row.id not in in_flight:
            assert seen == ("sent", 1, 1)
        elif row.purpose == "commercial":
            assert seen in {("unknown", 1, 0), ("unknown", 1, 1)}
        else:
            assert seen in {("sent", 2, 1), ("sent", 2, 2)}
            assert f"{row.id}.2" in books.provider.send_ids
