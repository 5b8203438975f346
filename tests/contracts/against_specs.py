"""Our requests and our stand-ins' answers, judged by the providers' own OpenAPI files: `make contracts`.

It needs Node and files that are not ours, so its name keeps it out of the suite; the suite holds the same requests to
golden files. A status that a file does not describe (429, and every error of Twilio's) is no violation.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tests.contracts import prism
from tests.contracts.cases import ACCOUNT, API_KEY, CASES, SERVICE, TIMEOUT, TOKEN, Case
from tests.contracts.recorder import Exchange, Onward, Recorder, over_http
from vefa.channels.base import Accepted
from vefa.channels.fakes.behaviours import Answer, Asked, busy
from vefa.channels.fakes.sendgrid import LARGEST, FakeSendGrid
from vefa.channels.fakes.twilio import MAGIC, FakeTwilio

E_MAIL = [case for case in CASES if case.provider == "sendgrid"]
TEXTS = [case for case in CASES if case.provider == "twilio"]
PEOPLE = [{"to": [{"email": "ayse@ornek.example"}], "custom_args": {"send_id": "1.1"}}]
MAIL = {
    "personalizations": PEOPLE,
    "from": {"email": "merhaba@ornek.example"},
    "subject": "Merhaba",
    "content": [{"type": "text/plain", "value": "Merhaba"}],
}


def violations(answer: Answer) -> list[str]:
    """What Prism found wrong, in its own words; warnings are left out."""
    found: list[Any] = orjson.loads(answer.headers.get("sl-violations", "[]"))
    if b"stoplight.io/prism/errors" in answer.body:
        told = orjson.loads(answer.body)
        found += told.get("validation", [told])
    elif b'"FetchError"' in answer.body:
        found.append(orjson.loads(answer.body))
    return [str(each) for each in found if each.get("severity") != "Warning"]


def sent(case: Case, onward: Onward) -> list[Exchange]:
    """Send a case's messages by our channel; all of them must be accepted, and nothing may be found wrong."""
    with Recorder(onward) as recorder:
        outcomes = case.send(recorder.url)
    assert [wrong for each in recorder.exchanges for wrong in violations(each.answer)] == []
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    return recorder.exchanges


@dataclass(frozen=True)
class Bench:
    """A stand-in with the judge before it."""

    fake: FakeSendGrid | FakeTwilio
    ask: Onward

    def mail(self, **changed: Any) -> Answer:
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
        return self.ask(Asked(1, "POST", "/v3/mail/send", headers, orjson.dumps({**MAIL, **changed})))

    def mail_by_a_stranger(self) -> Answer:
        headers = {"Authorization": "Bearer another", "Content-Type": "application/json"}
        return self.ask(Asked(1, "POST", "/v3/mail/send", headers, orjson.dumps(MAIL)))

    def sms(self, method: str = "POST", query: str = "", **form: str) -> Answer:
        login = b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"}
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json{query}"
        return self.ask(Asked(1, method, path, headers, urlencode(form).encode()))


@pytest.fixture(scope="module")
def sendgrid_mock() -> Iterator[Onward]:
    with prism.mock("sendgrid") as url:
        yield over_http(url, TIMEOUT)


@pytest.fixture(scope="module")
def twilio_mock() -> Iterator[Onward]:
    with prism.mock("twilio") as url:
        yield over_http(url, TIMEOUT)


@pytest.fixture(scope="module")
def sendgrid() -> Iterator[Bench]:
    with FakeSendGrid(api_key=API_KEY) as fake, prism.judge("sendgrid", fake.url) as url:
        yield Bench(fake, over_http(url, TIMEOUT))


@pytest.fixture(scope="module")
def twilio() -> Iterator[Bench]:
    with FakeTwilio(account_sid=ACCOUNT, auth_token=TOKEN) as fake, prism.judge("twilio", fake.url) as url:
        yield Bench(fake, over_http(url, TIMEOUT))


@pytest.mark.parametrize("case", E_MAIL, ids=lambda case: case.name)
def test_sendgrids_file_finds_nothing_wrong_with_our_e_mails(case: Case, sendgrid_mock: Onward) -> None:
    assert {exchange.answer.status for exchange in sent(case, sendgrid_mock)} == {202}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.name)
def test_twilios_file_finds_nothing_wrong_with_our_sms(case: Case, twilio_mock: Onward) -> None:
    assert {exchange.answer.status for exchange in sent(case, twilio_mock)} == {201}


@pytest.mark.parametrize("case", E_MAIL, ids=lambda case: case.name)
def test_sendgrids_stand_in_accepts_as_its_file_says(case: Case, sendgrid: Bench) -> None:
    assert {exchange.answer.status for exchange in sent(case, sendgrid.ask)} == {202}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.name)
def test_twilios_stand_in_accepts_as_its_file_says(case: Case, twilio: Bench) -> None:
    assert {exchange.answer.status for exchange in sent(case, twilio.ask)} == {201}


@pytest.mark.parametrize(
    "changed",
    [
        {"personalizations": []},
        {"personalizations": PEOPLE * 2},
        {"personalizations": [{"to": []}]},
        {"content": [{"type": "text/html", "value": "a"}, {"type": "text/plain", "value": "a"}]},
        {"headers": {"Reply-To": "a@ornek.example"}},
        {"personalizations": [{**PEOPLE[0], "custom_args": {"send_id": "1" * 10_000}}]},
    ],
)
def test_a_400_of_sendgrids_stand_in_is_of_the_files_form(changed: dict[str, Any], sendgrid: Bench) -> None:
    answer = sendgrid.mail(**changed)

    assert violations(answer) == []
    assert answer.status == 400


def test_a_401_of_sendgrids_stand_in_is_of_the_files_form(sendgrid: Bench) -> None:
    answer = sendgrid.mail_by_a_stranger()

    assert violations(answer) == []
    assert answer.status == 401


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked(1, "POST", "/v3/mail/sent", {}, b""), 404),
        (Asked(1, "GET", "/v3/mail/send", {}, b""), 405),
        (Asked(1, "POST", "/v3/mail/send", {"Authorization": f"Bearer {API_KEY}"}, b" " * (LARGEST + 1)), 413),
    ],
    ids=["404", "405", "413"],
)
def test_other_refusals_of_sendgrids_stand_in_are_of_the_files_form(asked: Asked, status: int, sendgrid: Bench) -> None:
    """The judge would not let such requests pass, so each one's answer is given to a good request."""
    sendgrid.fake.script.queue(sendgrid.fake.answer(asked, keep=False))

    answer = sendgrid.mail()

    assert violations(answer) == []
    assert answer.status == status


def test_a_429_of_sendgrids_stand_in_says_when_to_come_again(sendgrid: Bench) -> None:
    sendgrid.fake.script.queue(busy(7))

    answer = sendgrid.mail()

    assert violations(answer) == []
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("number", MAGIC)
def test_a_refusal_of_twilios_stand_in_breaks_nothing_that_the_file_says(number: str, twilio: Bench) -> None:
    answer = twilio.sms(To=number, From="ORNEK", Body="Merhaba")

    assert violations(answer) == []
    assert answer.status == MAGIC[number][0]


def test_twilios_stand_in_lists_messages_in_the_files_form(twilio: Bench) -> None:
    twilio.sms(To="+905320000001", From="ORNEK", Body="Merhaba")
    twilio.sms(To="+905320000001", MessagingServiceSid=SERVICE, Body="Merhaba")

    answer = twilio.sms("GET", "?To=%2B905320000001&PageSize=2")

    assert violations(answer) == []
    assert answer.status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"custom_args": {"send_id": "1.1"}},
        {"from": {"email": "merhaba@örnek.example"}},
        {"subject": ""},
    ],
)
def test_the_judge_does_see_what_is_wrong_with_an_e_mail(changed: dict[str, Any], sendgrid: Bench) -> None:
    """Where the file is stricter than the provider, so are we: arguments stand with each recipient only."""
    assert violations(sendgrid.mail(**changed)) != []


def test_the_judge_does_see_what_is_wrong_with_an_sms(twilio: Bench) -> None:
    assert violations(twilio.sms(To="+905320000001", MessagingServiceSid="MG1", Body="Merhaba")) != []


def test_the_judge_does_see_what_is_wrong_with_an_answer(sendgrid: Bench) -> None:
    sendgrid.fake.script.queue(Answer(400, b'{"errors":"none"}'))

    assert violations(sendgrid.mail()) != []
