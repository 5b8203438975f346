"""Whatever others answer and whenever workers die: no id goes out with two bodies, nobody who cannot know a second one
gets one, and all of it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.worlds import DAY, NOON
from tests.errands.offices import CARE, KEY, Office, tools
from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Refused
from vefa.channels.fakes.behaviours import Answer, Drop
from vefa.database import writing
from vefa.engine import errands as stage
from vefa.errands.book import FINAL, LEASE, TRIES, notify_staff
from vefa.errands.fake_tool import FakeTool
from vefa.errands.tables import errands
from vefa.plan.outside import Outside, Team, Tool
from vefa.settings import Settings

#: What a tool does with a request; the last ones kill the worker before the call and after it.
TOOL = (None, Answer(500), Answer(500, keeps=True), Answer(404), Answer(429), Drop(), "before", "after")
MAIL = (Accepted("p"), Refused("no"), Busy("busy"), Denied("keys"), Doubtful("lost"), KeyboardInterrupt())
STEPS = (timedelta(), timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=13), LEASE + timedelta(seconds=1))


@pytest.fixture(scope="module")
def board() -> Iterator[FakeTool]:
    with FakeTool(None) as tool:
        yield tool


@pytest.fixture
def both(sqlite_engine: sa.Engine, settings: Settings, board: FakeTool, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office that tells a team by e-mail and another one through a tool."""
    monkeypatch.setenv("VEFA_TOOL_BOARD_SECRET", KEY)
    office = Office(sqlite_engine, settings)
    room = Team("room", tool="board")
    office.knows(Outside(tools(Tool("board", board.url, timeout=1)), {"care-team": CARE, "room": room}))
    return office


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.lists(st.sampled_from(TOOL)), st.lists(st.sampled_from(MAIL)))),
    st.integers(1, 4),
)
def test_no_id_has_two_bodies_and_all_of_it_ends(both: Office, board: FakeTool, story: Any, count: int) -> None:
    _begin(both, board, count)
    fates: dict[str, Any] = {}
    at = NOON
    for later, tool, mail in story:
        at += later
        both.email.script.extend(_noted(each, fates) for each in mail)
        _run(both, board, list(tool), at)
    both.email.script.clear()
    board.script.clear()
    for _ in range(TRIES + 1):
        at += DAY
        both.run(at)

    assert all(row.state in FINAL for row in both.errands())
    assert all(row.attempts <= TRIES for row in both.errands())
    bodies = {(call.id, call.body) for call in board.calls}
    assert len(bodies) == len({name for name, _ in bodies}) <= count
    _nobody_twice(both, fates)


def _begin(office: Office, board: FakeTool, count: int) -> None:
    board.calls.clear()
    board.events.clear()
    office.email.got.clear()
    with writing(office.database) as connection:
        connection.execute(sa.delete(errands))
        for n in range(count):
            notify_staff(connection, "room", f"room {n}", f"Not {n}", NOON)
            notify_staff(connection, "care-team", f"care {n}", f"Not {n}", NOON)


def _run(office: Office, board: FakeTool, tool: list[Any], at: Any) -> None:
    post, deaths = stage.wire.post, iter([each for each in tool if isinstance(each, str)])
    board.script.queue(*(each for each in tool if not isinstance(each, str)))

    def perhaps(*given_: Any) -> Any:
        death = next(deaths, None)
        if death == "before":
            raise KeyboardInterrupt
        outcome = post(*given_)
        if death == "after":
            raise KeyboardInterrupt
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.wire, "post", perhaps)
        with suppress(KeyboardInterrupt):
            office.run(at)


def _noted(answer: Any, fates: dict[str, Any]) -> Callable[[Any], Any]:
    def answered(mail: Any) -> Any:
        fates[mail.ref] = answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return answered


def _nobody_twice(office: Office, fates: dict[str, Any]) -> None:
    """An e-mail went again only where it surely had not gone before."""
    refs = [mail.ref for mail in office.email.got]
    assert len(refs) == len(set(refs))
    tries: dict[str, list[Any]] = {}
    for ref in refs:
        tries.setdefault(ref.partition(".")[0], []).append(fates.get(ref, Accepted("p")))
    assert all(isinstance(each, Busy | Denied) for mine in tries.values() for each in mine[:-1])
