"""Whoever dies, and wherever: what surely did not go goes again, what its receiver knows by its id goes again as it
was, and of everything else nobody gets a second one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, make_plan
from tests.errands.offices import KEY, Office, notify, tools, webhook
from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Refused
from vefa.database import writing
from vefa.engine import errands as stage
from vefa.engine.forgetting import forget
from vefa.engine.tables import journeys
from vefa.errands import book
from vefa.errands.book import LEASE, TRIES, WAITS
from vefa.errands.fake_tool import FakeTool
from vefa.plan.outside import Outside, Team, Tool

LATER = NOON + LEASE + MINUTE


class Killed(BaseException):
    """The worker is gone."""


def told(office: Office, names: tuple[str, ...] = ("Ayşe",), plan: Any = None) -> None:
    """A word is queued for each of them, and nothing has gone yet."""
    office.deploy(plan or make_plan(notify()))
    for name in names:
        office.order(office.customer(name), NOON)
    tick = office.begin(NOON)
    tick.enter()
    for step in tick.steps():
        tick.advance(step)
    tick.abandon()


def test_an_e_mail_that_may_have_gone_is_in_doubt_for_ever(office: Office) -> None:
    told(office)
    office.email.script.append(Killed())
    with pytest.raises(Killed):
        office.run(NOON)
    assert office.errand().state == "claimed"

    assert not office.run(NOON + MINUTE).anything
    office.run(LATER)
    office.run(LATER + 10 * DAY)

    assert (office.errand().state, office.errand().reason, len(office.email.got)) == ("unknown", "interrupted", 1)


def test_one_that_dies_keeps_what_others_of_the_portion_were_told(office: Office) -> None:
    told(office, ("Ayşe", "Bora", "Cem"))
    office.email.script += [Accepted("p"), Killed(), Accepted("q")]
    with pytest.raises(Killed):
        office.run(NOON)

    assert sorted(office.states()) == ["claimed", "done", "done"]


@pytest.mark.parametrize("where", ["read_known", "claim"])
def test_what_surely_did_not_go_goes_again(office: Office, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told(office)
    with monkeypatch.context() as patch:

        def die(*_given: Any, **_more: Any) -> Any:
            raise Killed

        patch.setattr(*((stage, "read_known") if where == "read_known" else (book, "claim")), die)
        patch.setattr(book, "give_back", lambda *_: None)  # as if the process were gone at once
        with pytest.raises(Killed):
            office.run(NOON)
    assert (office.errand().state, office.errand().owner, office.email.got) == ("queued", "runner", [])

    assert not office.run(NOON + MINUTE).anything
    office.run(LATER)
    assert (office.errand().state, len(office.email.got)) == ("done", 1)


def test_a_dead_process_of_this_machine_is_not_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    told(office)
    book.reserve(office.database, sa.true(), "elsewhere", NOON, NOON, 1)
    monkeypatch.setattr(stage, "is_dead", lambda owner: owner == "elsewhere")

    assert office.run(NOON).done == 1


def test_an_event_goes_again_as_it_was_and_the_tool_takes_it_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEFA_TOOL_BOARD_SECRET", KEY)
    with FakeTool(KEY, lambda: NOON) as board:
        office.knows(Outside(tools(Tool("board", board.url))))
        told(office, plan=make_plan(webhook()))
        post = stage.wire.post

        def sent_and_died(*given: Any) -> Any:
            post(*given)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(stage.wire, "post", sent_and_died)
            with pytest.raises(Killed):
                office.run(NOON)
        assert office.errand().state == "claimed"
        office.run(LATER, wall=LATER)

        # its clock stands still, and a signature is good for five minutes
        assert (office.errand().state, office.errand().reason) == ("failed", "answered 401")
        assert len({(call.id, call.body) for call in board.calls}) == 1
        assert len(board.events) == 1


def test_an_event_whose_worker_dies_each_time_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEFA_TOOL_BOARD_SECRET", KEY)
    office.knows(Outside(tools(Tool("board", "http://127.0.0.1:1/"))))
    told(office, plan=make_plan(webhook()))

    def die(*_given: Any) -> Any:
        raise Killed

    monkeypatch.setattr(stage.wire, "post", die)
    at = NOON
    for _ in range(TRIES):
        with pytest.raises(Killed):
            office.run(at)
        at += LEASE + MINUTE
    office.run(at)

    assert (office.errand().state, office.errand().attempts) == ("failed", TRIES)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Refused("bad address"), "failed"),
        (Doubtful("time-out"), "unknown"),
        (Busy("429"), "queued"),
        (Denied("keys"), "queued"),
    ],
)
def test_what_becomes_of_an_e_mail(office: Office, answer: Any, state: str) -> None:
    told(office)
    office.email.script.append(answer)
    office.run(NOON)
    assert office.errand().state == state

    office.run(NOON + WAITS[0])
    again = state == "queued"
    assert (len(office.email.got), office.errand().state) == ((2, "done") if again else (1, state))


def test_a_mail_server_that_is_down_for_days_ends_it(office: Office) -> None:
    told(office)
    at = NOON
    for wait in (*WAITS, timedelta()):
        office.email.script.append(Busy("down"))
        office.run(at)
        at += wait

    assert (office.errand().state, office.errand().reason) == ("failed", f"down, {TRIES} times")
    assert len(office.email.got) == TRIES


def test_two_workers_never_hold_the_same(office: Office) -> None:
    told(office, ("Ayşe", "Bora", "Cem"))
    first = book.reserve(office.database, sa.true(), "one", NOON, NOON, 2)
    second = book.reserve(office.database, sa.true(), "two", NOON, NOON, 8)

    assert (len(first), len(second)) == (2, 1)
    assert not {each.id for each in first} & {each.id for each in second}
    assert book.claim(office.database, "two", {first[0].id: "{}"}, NOON, NOON) == {}


def test_who_lost_its_lease_settles_nothing(office: Office) -> None:
    told(office)
    (errand,) = book.reserve(office.database, sa.true(), "slow", NOON, NOON, 1)
    book.claim(office.database, "slow", {errand.id: "{}"}, NOON, NOON)
    office.run(LATER)
    book.settle(office.database, "slow", {errand.id: book.End("done")}, LATER)

    assert office.errand().state == "unknown"


def test_of_a_team_those_who_had_theirs_get_no_second_one(office: Office) -> None:
    office.knows(Outside(teams={"care-team": Team("care-team", ("a@ornek.example", "b@ornek.example"))}))
    told(office)
    office.email.script += [Accepted("p"), Busy("later")]
    office.run(NOON)
    office.run(NOON + MINUTE)
    office.run(NOON + HOUR)

    assert office.states() == ["done", "done"]
    assert sorted(office.email.addresses[:2]) == ["a@ornek.example", "b@ornek.example"]
    assert len(office.email.got) == 3


def test_nobody_hears_of_a_customer_who_is_forgotten(office: Office) -> None:
    told(office, ("Ayşe", "Bora"))
    office.email.script += [Busy("later"), Busy("later")]
    office.run(NOON)
    assert all("bekliyor" in row.body for row in office.errands())
    forget(office.database, office.settings, 1, NOON)
    office.run(NOON + MINUTE)

    assert [(row.state, row.reason) for row in office.errands()] == [("skipped", "forgotten"), ("done", None)]
    assert office.errands()[0].body is None
    assert len(office.email.got) == 3


def test_who_is_forgotten_while_it_is_on_its_way_is_not_told_of_again(office: Office) -> None:
    told(office)

    def answer(_message: Any) -> Any:
        forget(office.database, office.settings, 1, NOON)
        return Busy("later")

    office.email.script.append(answer)
    office.run(NOON)
    office.run(NOON + MINUTE)

    assert (office.errand().state, office.errand().reason, len(office.email.got)) == ("skipped", "forgotten", 1)


def test_a_paused_journey_stands_still_and_one_that_is_gone_begins_nothing(office: Office) -> None:
    told(office)
    office.turn("thanks", "paused", NOON)
    assert not office.run(NOON).anything
    office.turn("thanks", "live", NOON + MINUTE)
    with writing(office.database) as connection:
        connection.execute(sa.update(journeys).values(state="gone"))
    office.run(NOON + HOUR)

    assert (office.errand().state, office.email.got) == ("skipped", [])


@pytest.mark.parametrize("say", ["{{ 1 // 0 }}", "{% if %}", "  {{ customer.last_name }} "])
def test_words_that_cannot_be_written_are_told_and_hold_up_nobody(office: Office, say: str) -> None:
    told(office, plan=make_plan(notify(next="well", say=say), notify("well")))
    office.run(NOON)

    assert (office.states(), len(office.email.got)) == (["failed", "done"], 1)
    assert "Ayşe" not in office.errands()[0].reason
