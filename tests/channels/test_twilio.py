"""The channel and the real async SDK against the stand-in."""

from __future__ import annotations

import logging
import socket
import threading
from datetime import timedelta

import pytest

from vefa.channels.base import Accepted, AskableChannel, Busy, Denied, Doubtful, Refused
from vefa.channels.fakes.behaviours import Answer, Drop, Hang, busy
from vefa.channels.twilio import RETRY_AFTER, TwilioChannel


def kinds(outcomes):
    return [type(outcome) for outcome in outcomes]


def test_many_sms_go_and_come_back_in_order(twilio, twilio_channel, sms):
    messages = [sms(number) for number in range(300)]

    outcomes = twilio_channel.deliver(messages)

    sids = {received.to: received.sid for received in twilio.received}
    assert outcomes == [Accepted(sids[message.to]) for message in messages]
    assert {received.text for received in twilio.received} == {message.text for message in messages}


@pytest.mark.parametrize("sender", ["ORNEK", "+905320000000"])
def test_a_number_or_a_name_is_the_sender(twilio, twilio_channel, sms, sender):
    twilio_channel.deliver([sms(1, sender=sender)])

    assert twilio.received[0].form == {"To": "+905320000001", "From": sender, "Body": "Merhaba 1 ş"}


def test_a_messaging_service_sends_by_its_id(twilio, twilio_channel, sms):
    twilio_channel.deliver([sms(1, sender="MG" + "0" * 32)])

    assert twilio.received[0].form["MessagingServiceSid"] == "MG" + "0" * 32
    assert "From" not in twilio.received[0].form


def test_a_validity_goes_along_when_there_is_one(twilio, sms):
    channel = TwilioChannel("AC0made0up", "made-up-token", base_url=twilio.url, validity_seconds=3600)
    channel.deliver([sms(1)])
    channel.close()

    assert twilio.received[0].form["ValidityPeriod"] == "3600"


@pytest.mark.parametrize(
    ("number", "kind", "suppress"),
    [
        ("+15005550001", Refused, True),
        ("+15005550004", Refused, True),
        ("+15005550009", Refused, True),
        ("+15005550002", Denied, None),
        ("+15005550003", Denied, None),
        ("+15005550008", Busy, None),
    ],
)
def test_the_magic_numbers_end_as_their_codes_say(twilio_channel, sms, number, kind, suppress):
    (outcome,) = twilio_channel.deliver([sms(1, to=number)])

    assert type(outcome) is kind
    assert getattr(outcome, "suppress", None) is suppress


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Answer(400, b'{"code":21617,"message":"too long"}'), Refused),
        (Answer(400, b'{"code":99999,"message":"something new"}'), Refused),
        (Answer(400, b"nonsense"), Refused),
        (Answer(400, b'{"code":21606,"message":"sender"}'), Denied),
        (Answer(400, b'{"code":21608,"message":"trial"}'), Denied),
        (Answer(401, b'{"code":20003,"message":"Authenticate"}'), Denied),
        (Answer(403), Denied),
        (Answer(302, headers={"Location": "/elsewhere"}), Denied),
        (Answer(500), Doubtful),
        (Answer(503, b"<html>"), Doubtful),
        (Answer(201, b"nonsense"), Doubtful),
        (Answer(201, b"{}"), Doubtful),
        (Answer(201, b"[]"), Doubtful),
        (Drop(), Doubtful),
        (Drop(keeps=True), Doubtful),
        (Drop(before_reading=True), Doubtful),
    ],
)
def test_each_way_to_fail_has_its_outcome(twilio, twilio_channel, sms, behaviour, kind):
    twilio.script.queue(behaviour)

    assert kinds(twilio_channel.deliver([sms(1)])) == [kind]
    assert twilio.requests == 1


def test_no_answer_in_time_is_doubtful(twilio, sms):
    twilio.script.queue(Hang(1.0))
    channel = TwilioChannel("AC0made0up", "made-up-token", base_url=twilio.url, timeout=0.2)

    assert channel.deliver([sms(1)]) == [Doubtful("time-out", "no answer within 0.2 s")]
    assert twilio.taken == 1  # it was taken all the same
    channel.close()


def test_a_429_says_when_to_come_again(twilio, twilio_channel, sms):
    twilio.script.queue(busy(7), busy())

    first, second = (twilio_channel.deliver([sms(1)])[0] for _ in range(2))

    assert (first, second) == (Busy("too many requests", 7.0), Busy("too many requests", RETRY_AFTER))


def test_after_a_denial_the_rest_is_not_tried(twilio, twilio_channel, sms):
    twilio.script.rule(lambda asked: Answer(401, b'{"code":20003}'))

    assert kinds(twilio_channel.deliver([sms(number) for number in range(300)])) == [Denied] * 300
    assert twilio.requests <= 50


def test_details_hide_the_number(twilio, twilio_channel, sms):
    twilio.script.queue(Answer(400, b'{"code":21211,"message":"+905320000001 is no number"}'))

    assert twilio_channel.deliver([sms(1)])[0].detail == "21211: Unable to create record: [number] is no number"


@pytest.mark.parametrize("wrong", [{"to": "0532 123 45 67"}, {"text": " "}, {"text": "a" * 1601}])
def test_what_no_provider_takes_is_refused_here(twilio, twilio_channel, sms, wrong):
    assert kinds(twilio_channel.deliver([sms(1, **wrong)])) == [Refused]
    assert twilio.requests == 0


def test_a_refused_connection_is_busy(sms):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        channel = TwilioChannel("AC1", "t", base_url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert kinds(channel.deliver([sms(1)])) == [Busy]
        channel.close()


def test_edge_region_and_proxy_of_the_environment_do_not_lead_astray(twilio, sms, monkeypatch):
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    channel = TwilioChannel("AC0made0up", "made-up-token", base_url=twilio.url)

    assert kinds(channel.deliver([sms(1)])) == [Accepted]
    channel.close()


def test_several_threads_may_deliver_at_once(twilio, twilio_channel, sms):
    results = []
    batches = [[sms(number) for number in range(first, first + 20)] for first in (0, 20, 40)]
    threads = [
        threading.Thread(target=lambda batch=batch: results.extend(twilio_channel.deliver(batch))) for batch in batches
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kinds(results) == [Accepted] * 60
    assert twilio.taken == 60


def test_a_closed_channel_opens_again_when_it_is_used(twilio_channel, sms):
    twilio_channel.close()

    assert kinds(twilio_channel.deliver([sms(1)])) == [Accepted]


def test_neither_key_nor_account_nor_customer_comes_into_a_log(twilio, twilio_channel, sms, caplog):
    caplog.set_level(logging.DEBUG)
    twilio.script.queue(None, Answer(400, b'{"code":21211,"message":"+905320000001"}'))

    twilio_channel.deliver([sms(1)])
    twilio_channel.deliver([sms(1)])

    for secret in ("made-up-token", "AC0made0up", "905320000001", "Merhaba"):
        assert secret not in caplog.text + repr(twilio_channel)


def test_what_was_taken_and_not_answered_can_be_looked_up(twilio, twilio_channel, sms):
    twilio.script.queue(None, Answer(500, keeps=True), Answer(503))
    outcomes = [twilio_channel.deliver([sms(number)])[0] for number in (1, 2, 3)]
    begun = min(received.at for received in twilio.received)

    found = [twilio_channel.look_up(sms(number).to, begun) for number in (1, 2, 3)]

    assert kinds(outcomes) == [Accepted, Doubtful, Doubtful]
    assert [[one.text for one in each] for each in found] == [["Merhaba 1 ş"], ["Merhaba 2 ş"], []]
    assert [one.provider_id for each in found for one in each] == [received.sid for received in twilio.received]


def test_what_went_earlier_is_not_found(twilio, twilio_channel, sms):
    twilio_channel.deliver([sms(1)])

    assert twilio_channel.look_up(sms(1).to, twilio.received[0].at + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    "behaviour", [Answer(500), Answer(200, b"nonsense"), Answer(200, b"{}"), Answer(200, b"[]"), Drop()]
)
def test_where_twilio_would_not_say_nothing_is_known(twilio, twilio_channel, sms, behaviour):
    twilio_channel.deliver([sms(1)])
    twilio.script.queue(behaviour, behaviour)  # what only asks is asked again on a new connection

    assert twilio_channel.look_up(sms(1).to, twilio.received[0].at) is None


def test_a_channel_that_can_be_asked_says_so(twilio_channel):
    assert isinstance(twilio_channel, AskableChannel)
