"""The stand-ins refuse what the providers refuse."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from time import perf_counter
from urllib.parse import urlencode

import httpx
import orjson
import pytest

from vefa.channels.fakes.behaviours import Answer, Hang, at_rate
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.twilio import FakeTwilio


def post(url, body, headers):
    answer = httpx.post(url, content=body, headers=headers, timeout=10, trust_env=False)
    return answer.status_code, answer.content


def mail(*people, **given):
    people = people or ({"to": [{"email": "a@x.example"}]},)
    words = {
        "personalizations": list(people),
        "from": {"email": "m@x.example"},
        "subject": "Merhaba",
        "content": [{"type": "text/plain", "value": "Merhaba"}],
    }
    return {name: value for name, value in {**words, **given}.items() if value is not None}


def send(fake, message):
    body = message if isinstance(message, bytes) else orjson.dumps(message)
    return post(f"{fake.url}/v3/mail/send", body, {"Authorization": "Bearer SG.made-up"})


def person(address="a@x.example", **more):
    return {"to": [{"email": address}], **more}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (mail() | {"personalizations": []}, "personalizations"),
        (mail({"to": []}), "personalizations.0.to"),
        (mail(person("ayse@dükkan.com.tr")), "personalizations.0.to.0.email"),
        (mail(person("a@x.example"), person("no address")), "personalizations.1.to.0.email"),
        (mail({"to": [{"email": "a@x.example", "name": "Y; A"}]}), "personalizations.0.to.0.name"),
        (mail(person("a@x.example"), person("A@x.example")), "personalizations"),
        (mail(*(person(f"a{number}@x.example") for number in range(1001))), "personalizations"),
        (mail(subject=None), "subject"),
        (mail(content=None), "content"),
        (mail(content=[{"type": "text/plain", "value": ""}]), "content.0.value"),
        (
            mail(content=[{"type": "text/html", "value": "a"}, {"type": "text/plain", "value": "a"}]),
            "content",
        ),
        (mail(**{"from": {"email": "ş@x.example"}}), "from.email"),
        (mail(headers={"Reply-To": "a@x.example"}), "headers.Reply-To"),
        (mail(person(headers={"X-SG-ID": "1"})), "personalizations.0.headers.X-SG-ID"),
        (mail(person(substitutions={"-a-": "x" * 10_000})), "personalizations.0.substitutions"),
        (mail(person(substitutions={"-a-": 3})), "personalizations.0.substitutions"),
        (mail(person(substitutions={"": "a"})), "personalizations.0.substitutions"),
        (mail(person(substitutions={f"-{n}-": "" for n in range(101)})), "personalizations.0.substitutions"),
        (mail(person("a@x.example"), person("b@x.example", subject="")), "personalizations.1.subject"),
        (mail(person(substitution={"-a-": "b"})), "personalizations.0.substitution"),
        (mail(person(custom_args={"send_id": 3})), "personalizations.0.custom_args"),
        (mail(categories=[str(number) for number in range(11)]), "categories"),
        (b"nonsense", None),
        (b"[]", None),
        (b'{"personalizations":[3]}', None),
    ],
)
def test_sendgrids_stand_in_refuses_with_the_field(sendgrid, message, field):
    status, body = send(sendgrid, message)

    assert status == 400
    assert orjson.loads(body)["errors"][0]["field"] == field
    assert sendgrid.send_ids == []


def test_sendgrids_stand_in_puts_each_ones_words_in(sendgrid):
    people = [person(f"{name}@x.example", substitutions={"-n-": name}, subject="S -n-") for name in ("a", "b")]

    status, _ = send(sendgrid, mail(*people, content=[{"type": "text/plain", "value": "Merhaba -n-"}]))

    assert status == 202
    assert [(got.subject, got.text) for got in sendgrid.received] == [("S a", "Merhaba a"), ("S b", "Merhaba b")]


def test_sendgrids_stand_in_puts_nothing_in_for_an_empty_value_and_looks_at_the_reply_to_too(sendgrid):
    someone = person(substitutions={"-n-": "", "-r-": "destek"}, subject="S-n-")

    status, _ = send(sendgrid, mail(someone, reply_to={"email": "-r-@x.example"}))

    assert status == 202
    assert [(got.subject, got.reply_to) for got in sendgrid.received] == [("S", "destek@x.example")]


def test_sendgrids_sandbox_checks_and_keeps_nothing(sendgrid):
    assert send(sendgrid, mail(mail_settings={"sandbox_mode": {"enable": True}}))[0] == 200
    assert sendgrid.received == []


def test_a_request_too_large_is_a_413(sendgrid):
    assert send(sendgrid, b" " * (30 * 1024 * 1024 + 1))[0] == 413


def test_another_path_is_not_found(sendgrid):
    assert post(f"{sendgrid.url}/v3/mail/batch", b"{}", {})[0] == 404


def order(fake, **form):
    login = b64encode(b"AC0made0up:made-up-token").decode()
    url = f"{fake.url}/2010-04-01/Accounts/AC0made0up/Messages.json"
    return post(url, urlencode(form).encode(), {"Authorization": f"Basic {login}"})


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": "ORNEK", "Body": "x"}, 21604),
        ({"To": "ayse", "From": "ORNEK", "Body": "x"}, 21211),
        ({"To": "+905321234567", "Body": "x"}, 21603),
        ({"To": "+905321234567", "From": "much too long a name", "Body": "x"}, 21212),
        ({"To": "+905321234567", "From": "ORNEK"}, 21602),
        ({"To": "+905321234567", "From": "ORNEK", "Body": "x" * 1601}, 21617),
        ({"To": "+905321234567", "From": "ORNEK", "Body": "x", "ValidityPeriod": "36001"}, 30103),
        ({"To": "+905321234567", "From": "ORNEK", "Body": "x", "SendAt": "2026-11-22T10:00:00Z"}, 35118),
    ],
)
def test_twilios_stand_in_refuses_with_the_code(twilio, form, code):
    status, body = order(twilio, **form)

    assert (status, orjson.loads(body)["code"]) == (400, code)
    assert twilio.taken == 0


def test_twilios_stand_in_lists_what_it_took(twilio):
    order(twilio, To="+905321234567", From="ORNEK", Body="Merhaba")
    order(twilio, To="+905321234568", From="ORNEK", Body="Selam")

    login = b64encode(b"AC0made0up:made-up-token").decode()
    query = urlencode({"To": "+905321234567"})
    url = f"{twilio.url}/2010-04-01/Accounts/AC0made0up/Messages.json?{query}"
    listing = httpx.get(url, headers={"Authorization": f"Basic {login}"}, timeout=10, trust_env=False).json()

    assert [message["body"] for message in listing["messages"]] == ["Merhaba"]


def test_misbehaviour_by_rate_hits_the_same_requests_in_every_run():
    hits = []
    for _ in range(2):
        with FakeSendGrid() as fake:
            fake.script.rule(at_rate(Answer(500), 0.3, seed=4))
            hits.append([send(fake, mail())[0] for _ in range(40)])

    assert hits[0] == hits[1]
    assert 5 < hits[0].count(500) < 20


def test_a_hanging_stand_in_stops_at_once():
    with FakeTwilio() as fake:
        fake.script.queue(Hang(60))
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(fake.url, timeout=0.1, trust_env=False)
        begun = perf_counter()

    assert perf_counter() - begun < 5


def test_a_script_that_is_cleared_behaves(sendgrid):
    sendgrid.script.queue(Answer(500))
    sendgrid.script.rule(lambda asked: Answer(500))
    sendgrid.script.clear()

    assert send(sendgrid, mail())[0] == 202


@pytest.mark.parametrize("name", ["sendgrid", "twilio"])
def test_a_stand_in_runs_from_the_command_line(name):
    command = [sys.executable, "-u", "-m", f"vefa.channels.fakes.{name}", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.terminate()

    assert "listens at http://127.0.0.1:" in line
