"""SMS through the Twilio channel beside a bare aiohttp loop: the same form, the same sink, as many requests in flight.

`python -m bench.sms --messages 5000 --delay-ms 0 --in-flight 50`
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median

import aiohttp

from vefa.channels.base import Accepted, Sms
from vefa.channels.twilio import TwilioChannel

ACCOUNT, TOKEN = "AC" + "0" * 32, "made-up-token"
ROUNDS = 5
#: The fields that Twilio's answer to a new message has, with values of usual length.
ANSWER = (
    b'{"account_sid":"AC00000000000000000000000000000000","api_version":"2010-04-01","body":"Merhaba Ay\\u015fe, '
    b'sipari\\u015fin yola \\u00e7\\u0131kt\\u0131.","date_created":"Thu, 24 Aug 2023 05:01:45 +0000","date_sent":null,'
    b'"date_updated":"Thu, 24 Aug 2023 05:01:45 +0000","direction":"outbound-api","error_code":null,'
    b'"error_message":null,"from":"ORNEK","num_media":"0","num_segments":"1","price":null,"price_unit":"USD",'
    b'"messaging_service_sid":null,"sid":"SM%032d","status":"queued","subresource_uris":{"media":"/2010-04-01/Accounts/'
    b'AC00000000000000000000000000000000/Messages/SM0/Media.json"},"to":"+905320000001","uri":"/2010-04-01/Accounts/'
    b'AC00000000000000000000000000000000/Messages/SM0.json"}'
)


@dataclass(frozen=True)
class Rate:
    """One way of sending: messages a second, and microseconds of this process's CPU for each."""

    name: str
    per_second: float
    cpu_micros: float


def measure(messages: int, delay_ms: int = 0, in_flight: int = 50) -> tuple[Rate, Rate]:
    """The channel's rate and the bare loop's: medians of interleaved rounds. Fails if a message was lost or doubled."""
    rounds: dict[str, list[tuple[float, float]]] = {"TwilioChannel.deliver": [], "bare aiohttp loop": []}
    with _sink(delay_ms) as (url, taken):
        channel = TwilioChannel(ACCOUNT, TOKEN, base_url=url, in_flight=in_flight)
        ways = (lambda: _channel(channel, messages), lambda: asyncio.run(_bare(url, messages, in_flight)))
        for _ in range(ROUNDS + 1):
            for name, way in zip(rounds, ways, strict=True):
                rounds[name].append(_timed(way))
                assert taken() == messages, name
        channel.close()
    ours, bare = (_rate(name, messages, each[1:]) for name, each in rounds.items())
    return ours, bare


def _rate(name: str, messages: int, rounds: list[tuple[float, float]]) -> Rate:
    wall, cpu = (median(column) for column in zip(*rounds, strict=True))
    return Rate(name, messages / wall, cpu / messages * 1e6)


def _timed(way: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    way()
    return time.perf_counter() - wall, time.process_time() - cpu


def _text(number: int) -> str:
    return f"Merhaba Ayşe, {number} numaralı siparişin yola çıktı."


def _channel(channel: TwilioChannel, messages: int) -> None:
    batch = [Sms(f"{n}.1", f"+90532{n:07d}", "ORNEK", _text(n)) for n in range(messages)]
    for start in range(0, messages, channel.batch_size):
        outcomes = channel.deliver(batch[start : start + channel.batch_size])
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def _bare(url: str, messages: int, in_flight: int) -> None:
    url = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
    numbers = iter(range(messages))

    async def post(session: aiohttp.ClientSession) -> None:
        for n in numbers:
            form = {"To": f"+90532{n:07d}", "From": "ORNEK", "Body": _text(n)}
            async with session.post(url, data=form, headers=headers) as response:
                assert response.status == 201 and (await response.json())["sid"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:
        await asyncio.gather(*(post(session) for _ in range(in_flight)))


class _Sink(asyncio.Protocol):
    """Answers each whole POST, after a while; parses no more than it must."""

    taken = 0
    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.rest = transport, b""

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, blank, body = self.rest.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if not blank or len(body) < length:
            return
        self.rest = b""
        _Sink.taken += 1
        answer = ANSWER % _Sink.taken
        head = b"HTTP/1.1 201 CREATED\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
        asyncio.get_running_loop().call_later(_Sink.delay, self._answer, head + answer)

    def _answer(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


@contextmanager
def _sink(delay_ms: int) -> Iterator[tuple[str, Callable[[], int]]]:
    """The sink in a process of its own: its URL, and how many it took since it was asked last."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, delay_ms), daemon=True)
    process.start()

    def taken() -> int:
        ours.send("count")
        return int(ours.recv())

    try:
        yield f"http://127.0.0.1:{ours.recv()}", taken
    finally:
        ours.send("end")
        process.join(10)


def _serve(line: Connection, delay_ms: int) -> None:
    _Sink.delay = delay_ms / 1000
    asyncio.run(_until_told(line))


async def _until_told(line: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Sink, "127.0.0.1", 0, backlog=1024)
    line.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(line.recv) == "count":
        line.send(_Sink.taken)
        _Sink.taken = 0


def main() -> None:
    """Measure, and print both rates."""
    parser = argparse.ArgumentParser(prog="python -m bench.sms", description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--delay-ms", type=int, default=0, help="how long the sink thinks")
    parser.add_argument("--in-flight", type=int, default=50)
    channel, bare = measure(**vars(parser.parse_args()))
    for each in (channel, bare):
        print(f"{each.name:24}{each.per_second:9,.0f} SMS/s {each.cpu_micros:6,.0f} µs CPU each")
    print(f"the channel has {channel.per_second / bare.per_second:.2f} of the bare loop's rate")


if __name__ == "__main__":
    main()
