"""One try: what each answer means, and that nobody is followed anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tests.engine.worlds import NOON
from tests.errands.offices import KEY
from vefa.channels.base import Accepted, Busy, Doubtful, Outcome, Refused
from vefa.channels.fakes.behaviours import Answer, Drop, Hang
from vefa.errands.fake_tool import FakeTool
from vefa.errands.keys import Access
from vefa.errands.wire import LONGEST, post


@pytest.fixture(scope="module")
def server() -> Iterator[FakeTool]:
    with FakeTool(KEY, lambda: NOON) as tool:
        yield tool


@pytest.fixture
def tool(server: FakeTool) -> FakeTool:
    """As new."""
    server.script.clear()
    server.requests = 0
    server.calls.clear()
    return server


def tried(tool: FakeTool, url: str = "", key: str = KEY) -> Outcome:
    access = Access(SecretStr(url or f"{tool.url}/a/b?c=d"), SecretStr(key))
    return post(access, "evt_1", b'{"id":"evt_1"}', NOON, 0.3)


ELSEWHERE = {"Location": "http://127.0.0.1:1/elsewhere"}


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (None, Accepted),
        (Answer(200, b"<html>anything at all</html>"), Accepted),
        (Answer(202), Accepted),
        (Answer(301, headers=ELSEWHERE), Refused),
        (Answer(307, headers=ELSEWHERE), Refused),
        (Answer(400), Refused),
        (Answer(401), Refused),
        (Answer(404), Refused),
        (Answer(410), Refused),
        (Answer(408), Busy),
        (Answer(429), Busy),
        (Answer(503), Busy),
        (Answer(500), Doubtful),
        (Answer(502), Doubtful),
        (Answer(200, b"x" * 2_000_000), Doubtful),
        (Drop(), Doubtful),
        (Drop(before_reading=True), Doubtful),
        (Hang(1, keeps=False), Doubtful),
    ],
)
def test_what_an_answer_means(tool: FakeTool, answer: Any, meaning: type) -> None:
    tool.script.queue(answer)

    assert isinstance(tried(tool), meaning)
    assert tool.requests == 1


def test_where_nobody_listens_nothing_was_sent(tool: FakeTool) -> None:
    assert tried(tool, "http://127.0.0.1:1/") == Busy("no connection", 0.0)
    assert tried(tool, "https://127.0.0.1:1/") == Busy("no connection", 0.0)


def test_who_has_another_key_refuses_it(tool: FakeTool) -> None:
    assert tried(tool, key="another key of tests") == Refused("answered 401")
    assert [call.signed for call in tool.calls] == [False]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("999999999", LONGEST),
        ("Tue, 10 Mar 2026 09:10:00 GMT", 600),
        ("Tue, 10 Mar 2026 08:00:00 GMT", 0),
        ("Tue, 10 Mar 2036 08:00:00 GMT", LONGEST),
        ("soon", 0),
        ("-5", 0),
        ("٣", 0),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(tool: FakeTool, said: str, seconds: float) -> None:
    tool.script.queue(Answer(429, headers={"Retry-After": said}))

    assert tried(tool) == Busy("answered 429", seconds)
