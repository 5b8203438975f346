"""The seams of the pinned SDK that the transport relies on, and the way through a proxy."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading

import pytest
import twilio as sdk
from twilio.base.exceptions import TwilioRestException
from twilio.base.version import Version
from twilio.http import AsyncHttpClient
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from vefa.channels.base import Busy
from vefa.channels.fakes.behaviours import Answer
from vefa.channels.twilio import TwilioChannel
from vefa.channels.twilio_transport import SdkClient, retry_after
from vefa.errors import ChannelError

ACCOUNT, TOKEN = "AC0made0up", "made-up-token"
WORDS = {"to": "+905321234567", "from_": "ORNEK", "body": "Merhaba Ayşe & Ali, 100% +1?", "validity_period": 60}


def through_ours(url, work):
    """What `work` makes of the SDK's client with our transport, on a loop of its own."""

    async def run():
        client = SdkClient(ACCOUNT, TOKEN, base_url=url, timeout=5.0, connections=2)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


def create(client):
    return client.messages.create_async(**WORDS)


def test_the_sdk_is_the_one_that_the_seams_were_found_in():
    assert sdk.__version__ == "9.13.0"
    for seam in (Client.request_async, AsyncHttpClient.request):
        assert {"method", "params", "data", "headers", "auth"} <= set(inspect.signature(seam).parameters)
    assert inspect.iscoroutinefunction(Version.create_with_response_info_async)


@pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
def test_the_request_is_the_one_that_the_sdk_makes_by_itself(twilio):
    seen = []
    twilio.script.rule(seen.append)

    async def as_it_comes():
        async with AsyncTwilioHttpClient() as http_client:
            client = Client(ACCOUNT, TOKEN, http_client=http_client, environment={"": ""})
            client.api.base_url = twilio.url
            await create(client)

    asyncio.run(as_it_comes())
    through_ours(twilio.url, create)

    plain, ours = seen
    assert (ours.method, ours.path) == (plain.method, plain.path)
    assert {**ours.headers, "Accept-Encoding": ""} == {**plain.headers, "Accept-Encoding": ""}
    assert twilio.received[0].form == twilio.received[1].form
    assert ours.body == plain.body


def test_of_an_answer_the_sdk_gets_the_id(twilio):
    made = through_ours(twilio.url, create)

    assert made.sid == twilio.received[0].sid


def test_an_error_is_the_sdks_own_and_its_retry_after_is_kept(twilio):
    twilio.script.queue(Answer(429, b'{"code":20429,"message":"slowly"}', {"Retry-After": "4"}))

    async def fails(client):
        with pytest.raises(TwilioRestException) as caught:
            await create(client)
        return caught.value, retry_after.get()

    error, seconds = through_ours(twilio.url, fails)

    assert (error.status, error.code, error.msg, seconds) == (429, 20429, "Unable to create record: slowly", "4")


def test_a_kept_connection_that_the_server_closed_is_opened_anew(twilio):
    twilio.script.queue(Answer(201, b'{"sid":"SM1"}', {"Connection": "close"}))

    async def twice(client):
        return [(await create(client)).sid for _ in range(2)]

    assert through_ours(twilio.url, twice) == ["SM1", twilio.received[0].sid]


def test_no_other_part_of_the_sdk_can_reach_another_host(twilio):
    async def elsewhere(client):
        with pytest.raises(ChannelError, match=r"a request to verify\.twilio\.com was stopped"):
            await client.verify.v2.services.list_async()

    through_ours(twilio.url, elsewhere)

    assert twilio.requests == 0


def test_the_environments_proxy_is_asked_and_its_refusal_means_that_nothing_was_sent(sms, monkeypatch):
    heard = []

    def serve(door):
        line, _ = door.accept()
        with line:
            heard.append(line.recv(65536).decode())
            line.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as door:
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("HTTPS_PROXY", f"http://shop:secret@127.0.0.1:{door.getsockname()[1]}")
        thread = threading.Thread(target=serve, args=(door,))
        thread.start()
        channel = TwilioChannel(ACCOUNT, TOKEN, base_url="https://sms.ornek.example", timeout=5.0)
        (outcome,) = channel.deliver([sms(1)])
        channel.close()
        thread.join()

    assert isinstance(outcome, Busy)
    assert heard[0].startswith("CONNECT sms.ornek.example:443 ")
    assert "Proxy-Authorization: Basic c2hvcDpzZWNyZXQ=" in heard[0]
    assert TOKEN not in heard[0] and "\nAuthorization" not in heard[0]
