"""What a receiver is told to do is right: the page's own example verifies what we send, and nothing else."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from tests.docs.pages import REPOSITORY, Page
from tests.language.shops import load_shop
from vefa.errands.keys import access
from vefa.errands.signing import ID, SIGNATURE, TIMESTAMP, event_id, signed, verify
from vefa.language.outside import StaffForm, TeamForm, ToolForm
from vefa.language.schema import key_names
from vefa.plan.outside import Tool

KEY, BODY, NOW = "a key of tests, long enough", '{"id": "evt_1", "müşteri": "Ayşe"}'.encode(), 1_773_000_000
PAGE = Page(REPOSITORY / "docs" / "tools-and-staff.md")


@pytest.fixture
def receiver(tmp_path: Path) -> dict[str, Any]:
    """The example of the page, loaded as a program."""
    path = tmp_path / "receiver.py"
    path.write_text(PAGE.blocks("python")[0], encoding="utf-8")
    return run_path(str(path))


def test_the_example_takes_what_we_send_and_takes_it_once(receiver: dict[str, Any]) -> None:
    headers = dict(signed(KEY, "evt_1", NOW, BODY))

    assert receiver["receive"](KEY, headers, BODY, NOW) == 204
    assert receiver["receive"](KEY, dict(signed(KEY, "evt_1", NOW + 60, BODY)), BODY, NOW + 60) == 204
    assert receiver["seen"] == {"evt_1"}


@pytest.mark.parametrize(
    "forged",
    [
        {"body": BODY + b" "},
        {"now": NOW + 301},
        {"now": NOW - 301},
        {"key": "another key of tests"},
        {"headers": {ID: "evt_2"}},
        {"headers": {TIMESTAMP: str(NOW + 1)}},
        {"headers": {SIGNATURE: "v1,AAAA"}},
        {"headers": {SIGNATURE: "v2,AAAA"}},
        {"headers": {TIMESTAMP: "soon"}},
        {"headers": {SIGNATURE: "v1,ş"}},
    ],
)
def test_a_forgery_is_refused_by_the_example_and_by_ours(receiver: dict[str, Any], forged: dict[str, Any]) -> None:
    headers = {**signed(KEY, "evt_1", NOW, BODY), **forged.get("headers", {})}
    key, body, now = forged.get("key", KEY), forged.get("body", BODY), forged.get("now", NOW)

    assert verify(KEY, signed(KEY, "evt_1", NOW, BODY), BODY, NOW)
    assert not verify(key, headers, body, now)
    with suppress(TypeError, ValueError):  # no number, no ASCII: a refusal as well
        assert not receiver["is_ours"](key, headers, body, now)


def test_a_key_in_base64_is_its_bytes() -> None:
    plain = "sixteen bytes ok"
    coded = "whsec_" + b64encode(plain.encode()).decode()

    assert signed(coded, "evt_1", NOW, BODY) == signed(plain, "evt_1", NOW, BODY)


def test_a_second_signature_does_not_hide_the_first() -> None:
    headers = dict(signed(KEY, "evt_1", NOW, BODY))
    headers[SIGNATURE] = "v1,AAAA " + headers[SIGNATURE]

    assert verify(KEY, headers, BODY, NOW)


def test_names_outside_are_the_errands_own_and_nobody_can_guess_them() -> None:
    names = {event_id(secret, number) for secret in (b"one" * 40, b"two" * 40) for number in range(50)}

    assert len(names) == 100
    assert event_id(b"one", 7, NOW) == event_id(b"one", 7, NOW) != event_id(b"one", 7, NOW + 1)


@pytest.mark.parametrize(
    ("tool", "environment", "says"),
    [
        (Tool("board"), {}, "VEFA_TOOL_BOARD_URL is not set"),
        (Tool("my-board", "https://b.example"), {}, "VEFA_TOOL_MY_BOARD_SECRET is not set"),
        (Tool("board", "https://b.example"), {"VEFA_TOOL_BOARD_SECRET": "abc123"}, "shorter than 16"),
        (Tool("chat", takes="text"), {"VEFA_TOOL_CHAT_URL": "http://b.example"}, "must begin with https"),
        (
            Tool("chat", "https://b.example", "text", headers={"X-Key": "VEFA_TOOL_CHAT_KEY"}),
            {"VEFA_TOOL_CHAT_KEY": "a\r\nb"},
            "VEFA_TOOL_CHAT_KEY is not set, or not one line",
        ),
    ],
)
def test_what_lacks_is_said_by_its_name_and_never_by_its_value(
    tool: Tool, environment: dict[str, str], says: str
) -> None:
    found = access(tool, environment)

    assert isinstance(found, str)
    assert says in found
    assert not any(value in found for value in environment.values() if "example" not in value)


def test_what_is_secret_does_not_print() -> None:
    found = access(Tool("board", "https://b.example/T/secret"), {"VEFA_TOOL_BOARD_SECRET": KEY})

    assert KEY not in repr(found)
    assert "T/secret" not in repr(found)


@pytest.mark.parametrize("form", [ToolForm, StaffForm, TeamForm])
def test_every_key_of_the_files_stands_on_the_page(form: Any) -> None:
    assert [name for name in key_names(form) if f"`{name}`" not in PAGE.text] == []


def test_the_examples_of_the_page_are_true(tmp_path: Any) -> None:
    staff, journey, tool = PAGE.blocks("yaml")
    head = "name: Example\ntrigger: {event: ticket.opened}\n"
    tools = tool + "care-chat: {takes: text}\n"
    project = load_shop(tmp_path, {"journey": head + journey, "staff": staff, "tools": tools})

    assert [problem.render() for problem in project.problems] == []
