"""Events to tools: signed, the same at every try, tried again as their answers want it, and never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, make_plan
from tests.errands.offices import KEY, Office, notify, tools, webhook
from vefa.channels.base import Email, Sender
from vefa.channels.fakes.behaviours import Answer
from vefa.channels.outbox import Outbox
from vefa.clock import stopped_at
from vefa.crm import tables as t
from vefa.engine.forgetting import forget
from vefa.errands.book import TRIES, WAITS
from vefa.errands.fake_tool import FakeTool
from vefa.plan.outside import Outside, Team, Tool
from vefa.plan.steps import Coupon
from vefa.plan.ways_in import EventTrigger
from vefa.rewards.tables import coupons
from vefa.settings import Channels, Settings


@pytest.fixture
def board(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTool]:
    """A tool on loopback that the office knows."""
    monkeypatch.setenv("VEFA_TOOL_BOARD_SECRET", KEY)
    with FakeTool(KEY, stopped_at(NOON)) as tool:
        office.knows(Outside(tools(Tool("board", f"{tool.url}/hooks?shop=1", timeout=1))))
        yield tool


@pytest.fixture
def due(office: Office, board: FakeTool) -> FakeTool:
    """One event is due to it."""
    office.deploy(make_plan(webhook()))
    office.order(office.customer("Ayşe", outside_id="c-7"), NOON, outside_id="o-1")
    return board


def ticked(office: Office, board: FakeTool, at: datetime) -> None:
    board.clock = stopped_at(at)
    office.tick(at)


def test_an_event_is_signed_and_says_nothing_personal(office: Office, due: FakeTool) -> None:
    ticked(office, due, NOON + MINUTE)

    (call,) = due.calls
    assert call.signed
    assert call.event == {
        "id": call.id,
        "type": "webhook",
        "moment": "2026-03-10T09:00:00+00:00",
        "journey": "thanks",
        "step": "hook",
        "object": {"kind": "order", "number": "o-1"},
        "customer": {"outside_id": "c-7"},
    }
    assert (office.errand().state, office.enrolment().state) == ("done", "finished")


def test_the_tool_gets_what_its_entry_lists_and_no_more(office: Office, due: FakeTool, monkeypatch: Any) -> None:
    send = ("order.total", "customer.first_name", "order.placed_at", "coupon.code", "customer.tags", "order.is_first")
    monkeypatch.setenv("VEFA_TOOL_BOARD_TOKEN", "Bearer abc")
    headers = {"Authorization": "VEFA_TOOL_BOARD_TOKEN"}
    office.knows(Outside(tools(Tool("board", due.url, send=send, headers=headers))))
    office.deploy(make_plan(Coupon("gift", "gift", "hook", percent=Decimal(10)), webhook()))
    seen = []
    due.script.rule(lambda asked: seen.append(asked.headers.get("Authorization")))
    ticked(office, due, NOON + MINUTE)

    (call,) = due.calls
    code = office.rows(coupons)[0].code
    assert seen == ["Bearer abc"]
    assert call.event["order"] == {
        "total": {"amount": "100.00", "currency": "TRY"},
        "placed_at": "2026-03-10T09:00:00+00:00",
        "is_first": True,
    }
    assert call.event["customer"] == {"first_name": "Ayşe", "tags": []}
    assert call.event["coupon"] == {"code": code}


def test_retries_are_byte_for_byte_the_same_though_the_customer_has_changed(office: Office, due: FakeTool) -> None:
    office.knows(Outside(tools(Tool("board", due.url, send=("customer.first_name",)))))
    due.script.queue(Answer(500), Answer(502, keeps=True), None)
    ticked(office, due, NOON)
    office.change(t.customers, "customer", 1, first_name="Fatma")
    ticked(office, due, NOON + MINUTE)
    ticked(office, due, NOON + 6 * MINUTE)

    assert len({(call.id, call.body) for call in due.calls}) == 1
    assert len(due.events) == 1
    assert (office.errand().state, office.errand().attempts) == ("done", 3)


def test_a_refusal_is_final(office: Office, due: FakeTool) -> None:
    due.script.queue(Answer(404))
    ticked(office, due, NOON)
    office.run(NOON + DAY)

    assert (office.errand().state, office.errand().reason, due.requests) == ("failed", "answered 404", 1)


def test_it_is_tried_for_a_day_and_then_given_up(office: Office, due: FakeTool) -> None:
    due.script.rule(lambda _: Answer(500))
    moments = [NOON]
    for wait in WAITS:
        moments.append(moments[-1] + wait)
    office.tick(NOON - MINUTE)
    ticked(office, due, NOON)
    for moment in moments[1:]:
        assert not office.run(moment - timedelta(seconds=1)).anything
        office.run(moment)

    assert due.requests == TRIES == 8
    assert (office.errand().state, office.errand().reason) == ("failed", "answered 500, 8 times")
    assert timedelta(hours=22) < moments[-1] - NOON < DAY
    assert not office.run(NOON + 10 * DAY).anything


def test_a_tool_that_asks_for_quiet_gets_it(office: Office, due: FakeTool) -> None:
    due.script.queue(Answer(429, headers={"Retry-After": "1800"}))
    ticked(office, due, NOON)
    office.order(office.customer("Bora"), NOON)
    ticked(office, due, NOON + 29 * MINUTE)
    waiting = [row.next_try_at for row in office.errands()]

    assert (due.requests, waiting[0]) == (1 + 1, NOON + 30 * MINUTE)
    ticked(office, due, NOON + 30 * MINUTE)
    assert office.states() == ["done", "done"]


def test_retry_after_may_be_a_date_or_nonsense(office: Office, due: FakeTool) -> None:
    due.script.queue(Answer(503, headers={"Retry-After": "Tue, 10 Mar 2026 11:00:00 GMT"}))
    ticked(office, due, NOON)
    assert office.errand().next_try_at == NOON + 2 * HOUR

    due.script.queue(Answer(503, headers={"Retry-After": "soon"}))
    ticked(office, due, NOON + 2 * HOUR)
    assert office.errand().next_try_at == NOON + 2 * HOUR + WAITS[1]


def test_a_tool_that_is_shut_is_not_asked_for_each_of_many(office: Office, board: FakeTool) -> None:
    office.deploy(make_plan(webhook()))
    for _ in range(20):
        office.order(office.customer(), NOON)
    board.script.rule(lambda _: Answer(500))
    ticked(office, board, NOON)

    assert board.requests == 8
    assert {row.next_try_at for row in office.errands()} == {NOON + MINUTE}


def test_a_tool_that_nobody_can_reach_is_tried_again(office: Office, due: FakeTool) -> None:
    office.knows(Outside(tools(Tool("board", "http://127.0.0.1:1/"))))
    office.tick(NOON)

    assert (office.errand().state, office.errand().reason) == ("queued", "no connection")


@pytest.mark.parametrize("lacking", ["VEFA_TOOL_BOARD_SECRET", "the tool"])
def test_what_is_not_set_up_yet_waits_and_goes_when_it_is(
    office: Office, due: FakeTool, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = office.shop.outside
    if lacking == "the tool":
        office.knows(Outside())
    else:
        monkeypatch.delenv(lacking)
    office.tick(NOON)
    assert (office.errand().state, lacking.rsplit(maxsplit=1)[-1] in office.errand().reason) == ("queued", True)

    office.knows(outside)
    monkeypatch.setenv("VEFA_TOOL_BOARD_SECRET", KEY)
    ticked(office, due, NOON + MINUTE)
    assert (office.errand().state, due.calls[0].signed) == ("done", True)


def test_a_team_may_read_a_tool_that_takes_events(office: Office, due: FakeTool) -> None:
    ours = office.shop.outside
    office.knows(Outside(ours.tools, {"care-team": Team("care-team", tool="board")}))
    office.deploy(make_plan(notify()))
    ticked(office, due, NOON + MINUTE)

    (call,) = due.calls
    assert (call.signed, call.event["type"], call.event["text"]) == (True, "notify", "Ayşe bekliyor")


def test_a_chat_gets_words_alone_and_never_a_second_time_when_in_doubt(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.deploy(make_plan(notify()))
    with FakeTool(None) as chat:
        monkeypatch.setenv("VEFA_TOOL_CARE_CHAT_URL", f"{chat.url}/services/secret")
        care = Team("care-team", tool="care-chat")
        office.knows(Outside(tools(Tool("care-chat", takes="text")), {"care-team": care}))
        chat.script.queue(None, Answer(500, keeps=True), Answer(429), None)
        for name in ("Ayşe", "Bora", "Cem"):
            office.order(office.customer(name), NOON)
            office.tick(NOON)
        office.tick(NOON + MINUTE)
        office.tick(NOON + DAY)

    assert office.states() == ["done", "unknown", "done"]
    assert chat.calls[0].event == {"text": "Ayşe bekliyor"}
    assert chat.requests == 4


def test_in_the_outbox_events_are_files_that_go_with_who_is_forgotten(office: Office, settings: Settings) -> None:
    at_home = Office(office.database, settings.model_copy(update={"channels": Channels()}))
    at_home.knows(Outside(tools(Tool("board", "https://board.example"))))
    at_home.deploy(make_plan(webhook()))
    at_home.order(at_home.customer("Ayşe", outside_id="c-7"), NOON)
    at_home.order(at_home.customer("Bora", outside_id="c-8"), NOON)
    at_home.tick(NOON)
    folder = settings.var / "outbox" / "tools"

    assert at_home.states() == ["done", "done"]
    events = [orjson.loads(path.read_bytes()) for path in sorted(folder.iterdir())]
    assert [event["customer"]["outside_id"] for event in events] == ["c-7", "c-8"]
    care, us = "destek@ornek.example", Sender("merhaba@ornek.example")
    mails = [Email(f"errand-{n}.1", care, us, "Ayşe", "<p>Ayşe</p>", "Ayşe") for n in (1, 2, 11)]
    Outbox(settings.var / "outbox", "email").deliver(mails)
    forget(at_home.database, at_home.settings, 1, NOON)
    assert [path.name for path in folder.iterdir()] == ["errand-2.json"]
    assert sorted(path.name for path in folder.parent.glob("email/*/*")) == ["errand-11.1.eml", "errand-2.1.eml"]


def test_it_may_be_of_any_object(office: Office, board: FakeTool) -> None:
    office.deploy(make_plan(webhook(), trigger=EventTrigger("ticket.opened", "ticket")))
    office.fact(t.tickets, "ticket", customer_id=office.customer(), opened_at=NOON, outside_id="t-9")
    ticked(office, board, NOON + MINUTE)

    assert board.calls[0].event["object"] == {"kind": "ticket", "number": "t-9"}
