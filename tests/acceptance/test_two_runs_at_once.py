"""Two runs of the same journeys at once: one works, the other says so and leaves; nobody gets anything twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import sqlalchemy as sa

from tests.acceptance.conftest import PEOPLE
from tests.acceptance.small_shop import JOURNEY, NOON, Books, Runner, ended, write_files
from vefa.channels.fakes.behaviours import Asked
from vefa.database import reading, writing
from vefa.engine.plans import store_plan
from vefa.engine.tables import plans as stored_plans
from vefa.engine.tables import step_names
from vefa.ledger.tables import sends
from vefa.plan.project import load_project
from vefa.settings import load_settings

ON_BOTH = pytest.mark.parametrize("filled_url", ["sqlite", "postgresql"], indirect=True)
#: Seconds for a run to come to its first message.
SOON = 60
WRITERS = 4
CAPPED = """\
commercial: {email: {consent: yes}}
transactional: {email: {consent: no}}
caps:
  - {name: weekly, purpose: commercial, at_most: 1, within: 7 days, then: skip}
"""


@ON_BOTH
def test_a_second_run_finds_the_first_at_work_says_so_and_leaves(runner: Runner, books: Books) -> None:
    arrived, go_on = Event(), Event()

    def slow(asked: Asked) -> None:
        arrived.set()
        go_on.wait(SOON)

    runner.provider.script.rule(slow)
    first = runner.start()
    try:
        assert arrived.wait(SOON)
        said = runner.run()
    finally:
        go_on.set()
        told = ended(first)

    assert first.returncode == 0, told
    assert "order-news: another run" in said and "left out here" in said
    assert "another run" not in told
    assert _all_got_everything_once(books)


@ON_BOTH
def test_two_runs_that_begin_together_send_everything_once(runner: Runner, books: Books) -> None:
    write_files(runner.root, **{"journeys/more-news.yaml": JOURNEY.format(name="More news")})

    both = [runner.start(), runner.start()]
    told = [ended(process) for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    assert _all_got_everything_once(books, journeys=2)


@ON_BOTH
@pytest.mark.rule(17)
def test_a_cap_holds_over_two_journeys_that_run_at_once(runner: Runner, books: Books) -> None:
    more = {"journeys/more-news.yaml": JOURNEY.format(name="More news"), "config/policy.yaml": CAPPED}
    write_files(runner.root, **more)

    both = [runner.start("order-news"), runner.start("more-news")]
    told = [ended(process) for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    books.assert_no_attempt_twice()
    offers = Counter(row.customer_id for row in books.sends(sends.c.purpose == "commercial", sends.c.state == "sent"))
    assert offers == dict.fromkeys(range(1, PEOPLE + 1), 1)
    assert books.states() == {"sent": 3 * PEOPLE, "skipped": PEOPLE}


@ON_BOTH
def test_plans_stored_by_several_at_once_are_stored_once(runner: Runner, books: Books) -> None:
    plans = load_project(runner.root, load_settings(runner.root)).plans
    start = Barrier(WRITERS)

    def store(_: int) -> str:
        start.wait()
        with writing(books.database) as connection:
            return store_plan(connection, plans["order-news"], NOON).hash

    with ThreadPoolExecutor(WRITERS) as threads:
        hashes = set(threads.map(store, range(WRITERS)))

    with reading(books.database) as connection:
        stored = list(connection.scalars(sa.select(stored_plans.c.hash)))
        names = list(connection.scalars(sa.select(step_names.c.name)))
    assert stored == list(hashes)
    assert sorted(names) == sorted(set(names))


def _all_got_everything_once(books: Books, journeys: int = 1) -> bool:
    books.assert_no_attempt_twice()
    assert books.states() == {"sent": 2 * PEOPLE * journeys}
    assert set(books.taken().values()) == {1}
    assert books.enrolments() == {"finished": PEOPLE * journeys}
    return len(books.taken()) == 2 * PEOPLE * journeys
