"""What people see of errands: before the night in `check` and `explain`, afterwards in `why` and `status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, MINUTE, NOON, email, make_plan, wait
from tests.errands.offices import Office, notify, webhook
from vefa.channels.base import Busy, Doubtful, Refused
from vefa.cli.explaining import MARKS
from vefa.database import reading, writing
from vefa.engine.dossier import dossier
from vefa.engine.housekeeping import keep_house
from vefa.engine.plans import store_plan
from vefa.engine.restoring import close_gap
from vefa.errands.book import notify_staff
from vefa.errands.tables import errands
from vefa.foresight.check import check
from vefa.foresight.explain import explain
from vefa.foresight.status import status
from vefa.foresight.why import why
from vefa.plan.policy import Policy
from vefa.plan.project import load_project
from vefa.plan.steps import Step
from vefa.settings import Channels, Settings, Shop

HEAD = "name: Thanks\nstatus: {status}\ntrigger: {{event: order.placed}}\nsteps:\n"
TOOLS = 'board: {url: "https://board.example/hook"}\ncare-chat: {takes: text}\n'
HTTP = Channels(tools="http")
STAFF = "teams: {care-team: {email: care@ornek.example}, care-room: {tool: care-chat}}\n"


def checked(root: Path, steps: str, status: str = "live", **more: Any) -> list[str]:
    """What `vefa check` says of a journey with these steps."""
    for name, text in {"tools": TOOLS, "staff": STAFF}.items():
        (root / "config" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (root / "journeys" / "thanks.yaml").write_text(HEAD.format(status=status) + steps, encoding="utf-8")
    settings = Settings(root=root, shop=Shop(country="DE", locales=("en",)), **more)
    return [f"{each.place}: {each.says}" for each in check(load_project(root, settings), settings).errors]


@pytest.mark.parametrize(
    ("say", "told"),
    [
        ("{{ customer.first_nam }}", "Did you mean “customer.first_name”"),
        ("{{ ticket.subject }}", "the journey's trigger brings no ticket."),
        ("{{ coupon.code }}", "no coupon step comes before this message."),
        ("{{ links.unsubscribe }}", "only messages to customers have that."),
        ("{% if %}", "cannot be read"),
    ],
)
def test_words_that_cannot_be_there_are_told_with_their_line(shop_root: Path, say: str, told: str) -> None:
    (found,) = checked(shop_root, f"  - notify:\n      to: care-team\n      say: '{say}'\n")

    assert found.startswith("journeys/thanks.yaml:7: what “notify-care-team” says")
    assert told.replace("“", '"').replace("”", '"') in found


def test_a_live_journey_needs_the_keys_of_its_tools(shop_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = '  - webhook: board\n  - notify: {to: care-room, say: "{{ order.number }}"}\n'
    assert [each.partition(": the tool ")[2] for each in checked(shop_root, steps, channels=HTTP)] == [
        "“board” cannot be reached: VEFA_TOOL_BOARD_SECRET is not set. thanks needs it.",
        "“care-chat” cannot be reached: VEFA_TOOL_CARE_CHAT_URL is not set. thanks needs it.",
    ]
    assert checked(shop_root, steps, "draft", channels=HTTP) == []

    monkeypatch.setenv("VEFA_TOOL_BOARD_SECRET", "a key of tests, long enough")
    monkeypatch.setenv("VEFA_TOOL_CARE_CHAT_URL", "https://chat.example/T/secret")
    assert checked(shop_root, steps, channels=HTTP) == []


def test_where_e_mails_really_go_events_should_too(shop_root: Path) -> None:
    assert checked(shop_root, "  - webhook: board\n") == []

    told = checked(shop_root, "  - webhook: board\n", channels=Channels(email="smtp"))
    assert any(
        "nothing really goes to the tool “board”, which thanks needs: write tools: http." in each for each in told
    )


def test_an_address_of_the_examples_is_told_where_e_mails_really_go(shop_root: Path) -> None:
    steps = '  - notify: {to: care-team, say: "Hello"}\n  - notify: {to: care-team, say: "Bye"}\n'
    smtp = Channels(email="smtp")

    told = [each for each in checked(shop_root, steps, channels=smtp) if each.startswith("config/staff.yaml")]
    assert told == ["config/staff.yaml: care-team is care@ornek.example: no real mail server takes that."]
    assert checked(shop_root, steps) == []


def test_explain_says_whom_and_what() -> None:
    plan = make_plan(notify(next="hook", shop_hours=True), webhook())

    tell, hook = explain(plan, Policy()).timeline
    assert (tell.what, tell.notes[0]) == (
        "Tell the team “care-team”: ‹first name› bekliyor",
        "while the shop is open, else when it opens",
    )
    assert (hook.what, hook.notes) == (
        "Tell the tool “board”",
        ("tried again for a day; the customer goes on meanwhile",),
    )


def test_every_kind_of_step_has_a_mark_in_explain() -> None:
    kinds = {form.__dataclass_fields__["kind"].default for form in get_args(get_args(Step)[0])}

    assert kinds == set(MARKS)


def story(office: Office, answer: Any) -> tuple[Any, list[str]]:
    """What `why` and `status` tell of a word that got that answer."""
    office.deploy(make_plan(notify(next="rest"), wait("rest", None, days=9)))
    office.order(office.customer("Ayşe", outside_id="c-7"), NOON)
    office.email.script.append(answer)
    office.tick(NOON)
    with reading(office.database) as connection:
        ((story,),) = (each.stories for each in why(connection, "c-7").journeys)
        troubles = status(connection, NOON + MINUTE, NOON + MINUTE).troubles
    return story, [each.says for each in troubles if each.kind == "errands"]


def test_a_word_that_failed_is_told(office: Office) -> None:
    told, troubles = story(office, Refused("bad address"))

    (errand,) = told.errands
    assert (errand.step, errand.target, errand.state, errand.because) == ("tell", "care-team", "failed", "bad address")
    assert told.passed == ("tell",)
    assert troubles == ["1 words to the team “care-team” could not be brought out: bad address"]


def test_a_word_in_doubt_is_told(office: Office) -> None:
    assert story(office, Doubtful("time-out"))[1] == [
        "1 words to the team “care-team” may or may not have arrived: time-out"
    ]


def test_a_word_that_only_waits_is_no_trouble_yet(office: Office) -> None:
    told, troubles = story(office, Busy("down"))

    assert (told.errands[0].state, told.errands[0].next_try_at, troubles) == ("queued", NOON + MINUTE, [])


def test_a_customer_sees_who_was_told_of_them_and_not_what_else_is_in_the_row(office: Office) -> None:
    story(office, Refused("bad address"))
    with reading(office.database) as connection:
        (row,) = dossier(connection, 1)["errands"]

    assert row == {
        "journey": "thanks",
        "kind": "notify",
        "target": "care-team",
        "state": "failed",
        "queued_at": NOON,
        "settled_at": NOON,
    }


def test_words_are_forgotten_after_a_while_and_nobody_is_told_again(office: Office) -> None:
    office.deploy(make_plan(notify()))
    office.order(office.customer(), NOON)
    office.tick(NOON)
    for key in ("one", "two"):
        with writing(office.database) as connection:
            notify_staff(connection, "care-team", key, "Bir not", NOON)
    office.run(NOON)
    assert len(office.email.got) == 3

    later = NOON + 401 * DAY
    keep_house(office.database, office.settings, later, later)
    office.tick(later)

    assert [(row.key, row.body, row.text) for row in office.errands()] == [(None, None, None), ("two", None, None)]
    assert len(office.email.got) == 3


def test_after_a_restore_nothing_goes_that_may_have_gone(office: Office) -> None:
    office.deploy(make_plan(wait("hour", "tell", seconds=3600), notify()))
    office.order(office.customer(), NOON)
    office.tick(NOON)
    later = NOON + DAY
    close_gap(office.shop, NOON + MINUTE, now=later, owner="me", wall=lambda: later)
    office.tick(later)

    assert (office.errand().state, office.errand().reason) == ("skipped", "may have gone before the restore")
    assert office.email.got == []


def test_words_are_those_of_the_plan_in_force(office: Office) -> None:
    office.deploy(make_plan(notify(next="hello"), email()))
    office.order(office.customer("Ayşe"), NOON)
    tick = office.begin(NOON)
    tick.enter()
    tick.advance(tick.steps()[0])
    tick.abandon()
    with writing(office.database) as connection:
        store_plan(connection, make_plan(notify(next="hello", say="Yeni: {{ customer.first_name }}"), email()), NOON)
    office.run(NOON)

    assert office.email.got[0].subject == "Yeni: Ayşe"
    with reading(office.database) as connection:
        assert connection.scalar(sa.select(errands.c.attempts)) == 1
