"""The channel and the real SDK against the stand-in: one test for each way in which a request can end."""

from __future__ import annotations

import logging
import socket
import threading

import pytest

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Refused
from vefa.channels.fakes.behaviours import Answer, Drop, Hang, at_rate, busy
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.sendgrid import SendGridChannel
from vefa.channels.sendgrid_verdicts import RETRY_AFTER


def kinds(outcomes):
    return [type(outcome) for outcome in outcomes]


def test_what_is_sent_arrives_word_for_word(sendgrid, sendgrid_channel, email, large):
    messages = [email(1), email(2), large(3), email(4, subject="Kış", html="k", text="k")]
    messages.append(email(5, subject="Kış", html="k", text="k"))

    outcomes = sendgrid_channel.deliver(messages)

    assert kinds(outcomes) == [Accepted] * 5
    got = {received.send_id: received for received in sendgrid.received}
    for message in messages:
        received = got[message.ref]
        assert (received.to, received.subject) == (message.to, message.subject)
        assert (received.html, received.text) == (message.html, message.text)
        assert received.categories == ("order-thank-you", "email-thanks")


def test_outcomes_stand_in_the_order_of_the_messages(sendgrid_channel, email, large):
    messages = [large(1), email(2), email(3, to="şükrü@ornek.example"), large(4), email(5)]

    assert kinds(sendgrid_channel.deliver(messages)) == [Accepted, Accepted, Refused, Accepted, Accepted]


def test_those_of_one_request_share_the_providers_id(sendgrid_channel, email):
    first, second = sendgrid_channel.deliver([email(1), email(2)])

    assert first == second == Accepted("fake000000000000000001")


def test_an_answer_without_an_id_is_accepted(email):
    with FakeSendGrid(gives_ids=False) as fake:
        channel = SendGridChannel("k", base_url=fake.url)
        assert channel.deliver([email(1)]) == [Accepted(None)]
        channel.close()


def test_the_sandboxs_200_is_accepted(sendgrid, sendgrid_channel, email):
    sendgrid.script.queue(Answer(200))

    assert sendgrid_channel.deliver([email(1)]) == [Accepted(None)]


def test_two_messages_to_one_address_both_go(sendgrid, sendgrid_channel, email):
    outcomes = sendgrid_channel.deliver([email(1), email(2, to="MUSTERI1@ornek.example")])

    assert kinds(outcomes) == [Accepted, Accepted]
    assert sorted(sendgrid.send_ids) == ["1.1", "2.1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "şükrü@ornek.example"},
        {"to": "no-address"},
        {"subject": " "},
        {"html": "", "text": ""},
        {"headers": {"Reply-To": "a@ornek.example"}},
        {"headers": {"X-Note": "two\r\nBcc: all@ornek.example"}},
    ],
)
def test_a_message_that_no_provider_takes_is_refused_here(sendgrid, sendgrid_channel, email, wrong):
    assert kinds(sendgrid_channel.deliver([email(1, **wrong)])) == [Refused]
    assert sendgrid.requests == 0


def test_a_recipient_named_by_a_400_is_refused_and_the_others_go_at_once(sendgrid, sendgrid_channel, email):
    # ".invalid" is good for us; the stand-in is told to dislike it
    field = b'{"errors":[{"field":"personalizations.1.to.0.email","message":"bad musteri2@ornek.example"}]}'
    sendgrid.script.queue(Answer(400, field))

    outcomes = sendgrid_channel.deliver([email(1), email(2), email(3)])

    assert kinds(outcomes) == [Accepted, Refused, Accepted]
    assert outcomes[1].suppress
    assert "musteri2" not in outcomes[1].detail
    assert sorted(sendgrid.send_ids) == ["1.1", "3.1"]


def test_a_400_that_names_nobody_is_halved_until_the_bad_one_is_found(sendgrid, sendgrid_channel, email):
    bad = Answer(400, b'{"errors":[{"field":null,"message":"Bad Request"}]}')
    sendgrid.script.rule(lambda asked: bad if b'"13.1"' in asked.body else None)

    outcomes = sendgrid_channel.deliver([email(number) for number in range(32)])

    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Refused)] == [13]
    assert sorted(sendgrid.send_ids) == sorted(f"{number}.1" for number in range(32) if number != 13)


def test_a_413_is_halved_too(sendgrid, sendgrid_channel, email):
    sendgrid.script.rule(lambda asked: Answer(413) if asked.body.count(b"send_id") > 2 else None)

    assert kinds(sendgrid_channel.deliver([email(number) for number in range(8)])) == [Accepted] * 8


def test_one_letter_that_is_too_large_is_refused(sendgrid, sendgrid_channel, email):
    sendgrid.script.queue(Answer(413))

    assert sendgrid_channel.deliver([email(1)])[0].reason == "too large"


def test_a_400_about_what_all_have_in_common_is_asked_once(sendgrid, sendgrid_channel, email):
    sendgrid.script.rule(lambda asked: Answer(400, b'{"errors":[{"field":"categories","message":"no"}]}'))

    assert kinds(sendgrid_channel.deliver([email(number) for number in range(8)])) == [Refused] * 8
    assert sendgrid.requests == 1


def test_a_refused_sender_is_nobodys_fault(sendgrid, sendgrid_channel, email):
    sendgrid.script.queue(Answer(400, b'{"errors":[{"field":"from.email","message":"no"}]}'))

    assert kinds(sendgrid_channel.deliver([email(1), email(2)])) == [Denied, Denied]


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404])
def test_a_refusal_of_us_is_denied_and_nothing_else_is_tried(sendgrid, sendgrid_channel, large, status):
    sendgrid.script.rule(lambda asked: Answer(status, headers={"Location": f"{sendgrid.url}/v3/mail/send"}))

    assert kinds(sendgrid_channel.deliver([large(number) for number in range(20)])) == [Denied] * 20
    assert sendgrid.requests <= 2  # as many as are in flight


def test_a_wrong_key_is_denied(sendgrid, email):
    channel = SendGridChannel("SG.other", base_url=sendgrid.url)

    assert kinds(channel.deliver([email(1)])) == [Denied]
    channel.close()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        (
            {"X-RateLimit-Reset": "1792663212", "Date": "Thu, 22 Oct 2026 10:00:00 GMT"},
            1792663212 - 1792663200,
        ),
        ({"Retry-After": "soon"}, RETRY_AFTER),
        ({"Retry-After": "999999"}, 3600.0),
        ({}, RETRY_AFTER),
    ],
)
def test_a_429_says_when_to_come_again(sendgrid, sendgrid_channel, email, headers, seconds):
    sendgrid.script.queue(Answer(429, headers=headers))

    assert sendgrid_channel.deliver([email(1)]) == [Busy("too many requests", seconds)]


def test_after_a_429_the_rest_of_the_call_is_not_tried(sendgrid, sendgrid_channel, large):
    sendgrid.script.rule(lambda asked: busy(9))

    assert kinds(sendgrid_channel.deliver([large(number) for number in range(20)])) == [Busy] * 20
    assert sendgrid.requests <= 2


@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(500),
        Answer(503, b"<html>no"),
        Answer(500, keeps=True),
        Answer(408),
        Answer(204),
        Drop(),
        Drop(keeps=True),
        Drop(before_reading=True),
    ],
)
def test_what_may_have_gone_is_doubtful_and_never_sent_again(sendgrid, sendgrid_channel, email, behaviour):
    sendgrid.script.queue(behaviour)

    assert kinds(sendgrid_channel.deliver([email(1), email(2)])) == [Doubtful, Doubtful]
    assert sendgrid.requests == 1


def test_no_answer_in_time_is_doubtful(sendgrid, email):
    sendgrid.script.queue(Hang(1.0))
    channel = SendGridChannel("SG.made-up", base_url=sendgrid.url, timeout=0.2)

    assert channel.deliver([email(1)]) == [Doubtful("time-out", "no answer within 0.2 s")]
    assert sendgrid.send_ids == ["1.1"]  # it was taken all the same
    channel.close()


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"errors":3}', b'{"errors":[1,{"field":4}]}', b"<html>"])
def test_a_400_in_any_words_is_a_refusal(sendgrid, sendgrid_channel, email, body):
    sendgrid.script.rule(lambda asked: Answer(400, body))

    assert kinds(sendgrid_channel.deliver([email(1), email(2)])) == [Refused, Refused]


def test_a_refused_connection_is_busy(email):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        channel = SendGridChannel("k", base_url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert kinds(channel.deliver([email(1)])) == [Busy]
        channel.close()


def test_an_unknown_host_is_busy(email):
    channel = SendGridChannel("k", base_url="https://no-such-host.invalid")

    assert kinds(channel.deliver([email(1)])) == [Busy]
    channel.close()


def test_half_a_surrogate_pair_spoils_only_its_own_message(sendgrid_channel, email):
    outcomes = sendgrid_channel.deliver([email(1), email(2, text="\ud83d"), email(3)])

    assert kinds(outcomes) == [Accepted, Refused, Accepted]


def test_whatever_fails_each_id_is_told_as_the_provider_has_it(sendgrid, sendgrid_channel, large):
    """Accepted ones are all there, refused ones are not, and none is there twice."""
    sendgrid.script.rule(at_rate(Answer(500, keeps=True), 0.1, seed=1))
    sendgrid.script.rule(at_rate(Drop(), 0.1, seed=2))
    sendgrid.script.rule(at_rate(Answer(400), 0.1, seed=3))
    messages = [large(number) for number in range(150)]

    outcomes = sendgrid_channel.deliver(messages)

    there = sendgrid.send_ids
    assert len(there) == len(set(there))
    by_kind = {
        kind: {m.ref for m, o in zip(messages, outcomes, strict=True) if type(o) is kind} for kind in kinds(outcomes)
    }
    assert by_kind[Accepted] <= set(there)
    assert not by_kind[Refused] & set(there)
    assert set(there) <= by_kind[Accepted] | by_kind[Doubtful]


def test_several_threads_may_deliver_at_once(sendgrid, sendgrid_channel, large):
    results = []
    threads = [
        threading.Thread(
            target=lambda n=n: results.extend(sendgrid_channel.deliver([large(n * 10 + i) for i in range(10)]))
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kinds(results) == [Accepted] * 40
    assert len(set(sendgrid.send_ids)) == 40


def test_a_proxy_in_the_environment_is_not_asked_for_loopback(sendgrid, email, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    channel = SendGridChannel("SG.made-up", base_url=sendgrid.url)

    assert kinds(channel.deliver([email(1)])) == [Accepted]
    channel.close()


def test_neither_key_nor_customer_comes_into_a_log(sendgrid, sendgrid_channel, email, caplog):
    caplog.set_level(logging.DEBUG)
    sendgrid.script.queue(None, Answer(400, b'{"errors":[{"message":"musteri1@ornek.example"}]}'))

    sendgrid_channel.deliver([email(1, to_name="Ayşe")])
    sendgrid_channel.deliver([email(1, to_name="Ayşe")])

    assert "mail/send" in caplog.text  # the SDK does log
    for secret in ("SG.made-up", "musteri1", "Ayşe", "Merhaba"):
        assert secret not in caplog.text
    assert "SG.made-up" not in repr(sendgrid_channel)
