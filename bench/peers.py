"""The peers, each in a process of its own. What they send is one of our own requests, with other numbers in it."""

from __future__ import annotations

import asyncio
import http.client
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench.ours import text_message
from bench.processes import Sample, Watch, watch
from bench.shops import Shop

PER_REQUEST = 1000
LAST_EMAIL = "last e-mail after s"
SMS_IN_FLIGHT = 50
#: threads of the Prefect peer
THREADS = 10


def addressed(person: dict[str, Any], n: int) -> dict[str, Any]:
    """One of our recipients with the number n: all the pieces that we send along, another address and id."""
    ours = {"to": [{"email": f"kisi{n}@posta.example"}], "custom_args": {**person["custom_args"], "send_id": f"{n}.1"}}
    return {**person, **ours}


def bare_batches(url: str, body: bytes, recipients: int) -> Sample:
    """A loop without a database: orjson and POST of a thousand recipients at a time, with the same pieces."""
    mail = orjson.loads(body)
    person = mail["personalizations"][0]
    line = _Line(url)
    with watch() as seen:
        for low in range(1, recipients + 1, PER_REQUEST):
            numbers = range(low, min(low + PER_REQUEST, recipients + 1))
            line.post({**mail, "personalizations": [addressed(person, n) for n in numbers]})
    line.close()
    return seen.sample(recipients)


def bare_letters(url: str, body: bytes, recipients: int) -> Sample:
    """A loop without a database: orjson and POST of one whole letter at a time."""
    mail = orjson.loads(body)
    person = mail["personalizations"][0]
    line = _Line(url)
    with watch() as seen:
        for n in range(1, recipients + 1):
            line.post({**mail, "personalizations": [addressed(person, n)]})
    line.close()
    return seen.sample(recipients)


class _Line:
    """One kept connection to the sink."""

    def __init__(self, url: str) -> None:
        self.headers = {"Content-Type": "application/json", "Authorization": "Bearer SG.bench"}
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self.close = self.connection.close

    def post(self, mail: dict[str, Any]) -> None:
        self.connection.request("POST", "/v3/mail/send", orjson.dumps(mail), self.headers)
        self.connection.getresponse().read()


def sdk_calls(url: str, body: bytes, recipients: int) -> Sample:
    """The official SDK as its manual shows it: one call for each recipient."""
    from sendgrid import SendGridAPIClient

    mail = orjson.loads(body)
    person = mail["personalizations"][0]
    client = SendGridAPIClient("SG.bench", host=url)
    with watch() as seen:
        for n in range(1, recipients + 1):
            client.send({**mail, "personalizations": [addressed(person, n)]})
    return seen.sample(recipients)


def prefect_tasks(shop: Shop, url: str, body: bytes, recipients: int) -> Sample:
    """One Prefect task for each recipient, which makes that same call, until the server has written all of them down.

    The start of the server is not counted; when the last e-mail went is told beside.
    """
    from flows.prefect_server import quiet, speaking_to

    settings = shop.settings(url)
    os.environ |= {**quiet(settings), "PREFECT_LOGGING_LEVEL": "WARNING"}
    with speaking_to(settings, None):
        return asyncio.run(_mapped(url, orjson.loads(body), recipients))


async def _mapped(url: str, mail: dict[str, Any], recipients: int) -> Sample:
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE
    from prefect.futures import wait
    from prefect.runtime import flow_run
    from prefect.task_runners import ThreadPoolTaskRunner
    from sendgrid import SendGridAPIClient

    client = SendGridAPIClient("SG.bench", host=url)
    person = mail["personalizations"][0]

    @task(cache_policy=NO_CACHE, persist_result=False)
    def send_one(n: int) -> None:
        client.send({**mail, "personalizations": [addressed(person, n)]})

    runner: Any = ThreadPoolTaskRunner(max_workers=THREADS)  # its own type does not fit its own parameter

    @flow(task_runner=runner)
    def send_all() -> tuple[str, Watch, int]:
        with watch() as seen:
            done, failed = wait(send_one.map(range(1, recipients + 1)))
        return flow_run.id, seen, len(done) - len(failed)

    from bench.task_runs import wait_for_runs

    run_id, seen, sent = await asyncio.to_thread(send_all)
    await wait_for_runs(run_id, recipients)
    sample = seen.sample(sent, **{LAST_EMAIL: seen.wall})
    return replace(sample, wall=time.perf_counter() - seen.began)


def bare_texts(url: str, recipients: int) -> Sample:
    """An async loop without the SDK: aiohttp, so many requests in flight."""
    return asyncio.run(_texts(url, [text_message(n) for n in range(1, recipients + 1)]))


async def _texts(url: str, messages: Sequence[Any]) -> Sample:
    import aiohttp

    path = f"{url}/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json"
    waiting = iter(messages)
    login = aiohttp.encode_basic_auth("AC", "bench")
    limit = aiohttp.TCPConnector(limit=SMS_IN_FLIGHT)
    async with aiohttp.ClientSession(connector=limit, headers={"Authorization": login}) as session:

        async def send() -> None:
            for message in waiting:
                form = {"To": message.to, "From": message.sender, "Body": message.text}
                async with session.post(path, data=form) as answer:
                    await answer.json()

        with watch() as seen:
            await asyncio.gather(*(send() for _ in range(SMS_IN_FLIGHT)))
    return seen.sample(len(messages))
