"""The seams of the pinned SDK that the transport relies on."""

from __future__ import annotations

import orjson
import pytest
import python_http_client
import sendgrid as sdk
from python_http_client.exceptions import ServiceUnavailableError

from vefa.channels.fakes.behaviours import Answer
from vefa.channels.http_connection import NotSentError
from vefa.channels.sendgrid_transport import SilentBytes, sendgrid_client


@pytest.fixture
def client(sendgrid):
    official, connection = sendgrid_client("SG.made-up", sendgrid.url, timeout=1.0)
    yield official
    connection.close()


def test_the_sdk_is_the_one_that_the_seams_were_found_in():
    assert sdk.__version__ == "6.12.5"
    assert {"_build_client", "_make_request", "_build_url"} <= set(vars(python_http_client.Client))


def test_bytes_go_out_as_they_are(client, sendgrid):
    seen = []
    sendgrid.script.rule(seen.append)
    body = orjson.dumps({"personalizations": [], "note": "ş"})

    with pytest.raises(python_http_client.BadRequestsError):
        client.client.mail.send.post(request_body=SilentBytes(body))

    (asked,) = seen
    assert asked.body == body
    assert asked.path == "/v3/mail/send"
    assert asked.headers["Content-Type"] == "application/json; charset=utf-8"
    assert asked.headers["User-Agent"].startswith("sendgrid/6.12.5")


def test_a_silent_body_shows_its_length_only():
    body = SilentBytes(b"ayse@ornek.example")

    assert f"{body}" == f"{body!r}" == str(body) == "<18 bytes>"


def test_an_error_is_the_sdks_own_with_status_headers_and_body(client, sendgrid):
    sendgrid.script.queue(Answer(503, b"later", {"Retry-After": "4"}))

    with pytest.raises(ServiceUnavailableError) as caught:
        client.client.mail.send.post(request_body=SilentBytes(b"{}"))

    assert (caught.value.status_code, caught.value.body) == (503, b"later")
    assert caught.value.headers["Retry-After"] == "4"


def test_a_kept_connection_that_the_server_closed_is_opened_anew(client, sendgrid):
    sendgrid.script.queue(Answer(202, headers={"Connection": "close"}), Answer(202))

    for _ in range(2):
        assert client.client.mail.send.post(request_body=SilentBytes(b"{}")).status_code == 202


def test_nothing_listening_is_told_apart_from_a_lost_connection(sendgrid):
    official, _ = sendgrid_client("SG.made-up", "http://127.0.0.1:9", timeout=1.0)

    with pytest.raises(NotSentError):
        official.client.mail.send.post(request_body=SilentBytes(b"{}"))
