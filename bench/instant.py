"""From the shop's HTTP request to the provider's: how long an event takes through everything in between.

    python -m bench.instant --date 2026-06-01 [--seconds 20] [--customers 20000]

`vefa serve` stands as shipped, with the journey that thanks for an order (`runs: at once`), SQLite, and a sink for
SendGrid on loopback. Events come at an even pace, one request each, whether or not the ones before were answered. The
time of an event runs from when its request is begun to when the request with its e-mail has come in whole. Beside it an
import of customers goes on without a pause. The named peer is a bare relay: a process that answers each event and
sends a request of the same kind on, without a database.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import orjson
from aiohttp import web

from bench.shops import fill, make_folder
from vefa.database import writing
from vefa.engine.plans import store_plan
from vefa.plan.project import load_project
from vefa.settings import load_settings
from vefa.store import open_store

RATES = (1, 10, 50, 200)
JOURNEY = "order-thank-you"
#: Rows of the import that goes on beside it, again and again with other values.
IMPORTED = 100_000
COLUMNS = (
    "customer_id first_name last_name gender birth_date language country city preferred_channel created_at email phone"
)
#: Seconds that the last events of a measurement may still take.
PATIENCE = 60.0


@dataclass
class Sink:
    """A SendGrid that notes when each recipient's request had come in whole."""

    url: str = ""
    came: dict[str, float] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        """`POST /v3/mail/send`."""
        body = await request.read()
        now = time.perf_counter()
        for each in orjson.loads(body)["personalizations"]:
            self.came.setdefault(each["to"][0]["email"], now)
        return web.Response(status=202, headers={"X-Message-Id": "bench"})


@dataclass(frozen=True)
class Times:
    """What one measurement found, in milliseconds."""

    name: str
    rate: int
    events: int
    missing: int
    answered: list[float]
    delivered: list[float]

    def row(self) -> str:
        """A line of the table."""
        a, d = sorted(self.answered), sorted(self.delivered)
        return (
            f"| {self.name} | {self.rate} | {self.events} | {statistics.median(a):.0f} | {statistics.median(d):.0f} "
            f"| {_part(d, 0.99):.0f} | {d[-1]:.0f} | {self.missing} |"
        )


def _part(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@asynccontextmanager
async def running_sink() -> AsyncIterator[Sink]:
    """The sink, in this process."""
    sink = Sink()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v3/mail/send", sink.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sink.url = f"http://127.0.0.1:{port}"
    yield sink
    await runner.cleanup()


async def measure(
    name: str, url: str, key: str, sink: Sink, rate: int, seconds: float, first: int, customers: int
) -> Times:
    """Events at an even pace; `first` numbers the orders, each of another customer."""
    count = max(10, int(rate * seconds))
    begun: dict[str, float] = {}
    answered: list[float] = []
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(n: int) -> None:
            order, customer = first + n, 1 + (first + n) % customers
            event = {
                "id": f"e{order}",
                "type": "order.placed",
                "customer": {"id": f"B{customer}"},
                "object": {"id": f"L{order}"},
                "data": {"total": "249.90", "currency": "TRY"},
            }
            start = begun[f"kisi{customer}@posta.example"] = time.perf_counter()
            async with session.post(f"{url}/v1/events", data=orjson.dumps(event)) as answer:
                said = await answer.json()
                if answer.status != 200 or said["new"] != 1:
                    raise SystemExit(f"an event was answered with {answer.status}: {said}")
            answered.append((time.perf_counter() - start) * 1000)

        sink.came.clear()
        started, waiting = time.perf_counter(), []
        for n in range(count):
            await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
            waiting.append(asyncio.create_task(send(n)))
        await asyncio.gather(*waiting)
        end = time.perf_counter() + PATIENCE
        while len(sink.came) < count and time.perf_counter() < end:
            await asyncio.sleep(0.05)
    delivered = [(sink.came[to] - at) * 1000 for to, at in begun.items() if to in sink.came]
    return Times(name, rate, count, count - len(delivered), answered, delivered)


# --- vefa, and what goes on beside it


def make_shop(root: Path, customers: int) -> None:
    """As shipped, with customers who have agreed, and the journey live since yesterday."""
    settings = load_settings(make_folder(root))
    engine = open_store(settings)
    fill(engine, customers)
    with writing(engine) as connection:
        plans = load_project(root, settings).plans
        store_plan(connection, plans[JOURNEY], datetime.now(UTC) - timedelta(days=1))
    engine.dispose()


def environment(sink: Sink) -> dict[str, str]:
    """Of every process of vefa."""
    return os.environ | {
        "VEFA_CHANNELS__EMAIL": "sendgrid",
        "VEFA_SENDGRID_BASE_URL": sink.url,
        "VEFA_SENDGRID_API_KEY": "SG.bench",
        "VEFA_SECRET_KEY": "a key of the benchmark, long enough",
        "VEFA_WEB__LIMITS__KEY_PER_SECOND": "0",
        "VEFA_WEB__LIMITS__ADDRESS_PER_SECOND": "0",
    }


def vefa(root: Path, *arguments: str) -> list[str]:
    """The command line of vefa over the shop."""
    return [sys.executable, "-c", "from vefa.cli import main; main()", "--root", str(root), *arguments]


@contextmanager
def serving(root: Path, sink: Sink) -> Iterator[str]:
    """`vefa serve`; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        vefa(root, "serve", "--port", str(port)), env=environment(sink), stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with socket.socket() as try_it:
                if try_it.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def make_key(root: Path, sink: Sink) -> str:
    """A key for events, by the command line."""
    command = vefa(root, "keys", "add", "bench", "--scope", "events:write")
    said = subprocess.run(command, env=environment(sink), capture_output=True, text=True, check=True).stdout
    return next(word for word in said.split() if word.startswith("vefa_"))


class Importing:
    """Imports one after the other until it is told to stop."""

    def __init__(self, root: Path, folder: Path, sink: Sink) -> None:
        self._root, self._folder, self._sink = root, folder, sink
        self._process: subprocess.Popen[bytes] | None = None
        self._round = 0

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._round += 1
                await asyncio.to_thread(write_customers, self._folder, self._round)
                command = vefa(self._root, "import", "shop-csv", str(self._folder))
                self._process = subprocess.Popen(
                    command, env=environment(self._sink), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                if await asyncio.to_thread(self._process.wait):
                    raise SystemExit("the import beside it failed")
        finally:
            if self._process is not None:
                self._process.kill()
                self._process.wait()


def write_customers(folder: Path, turn: int) -> None:
    """A file of customers who are new to the shop, or have another city than the last time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "customers.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS.split())
        for n in range(IMPORTED):
            address = f"import{n}@posta.example"
            out.writerow([f"I{n}", "Ayşe", "", "", "", "tr", "TR", f"City {turn}", "", "2024-01-01", address, ""])


# --- the peer


def relay(port: int, url: str) -> None:
    """Answers each event, and sends a request of the same kind on: no database, no journey, no words."""

    async def main() -> None:
        session = aiohttp.ClientSession()

        async def take(request: web.Request) -> web.Response:
            event = await request.json()
            to = f"kisi{event['customer']['id'][1:]}@posta.example"
            body = orjson.dumps({"personalizations": [{"to": [{"email": to}]}], "content": "x" * 2000})
            async with session.post(f"{url}/v3/mail/send", data=body) as answer:
                await answer.read()
            return web.json_response({"new": 1})

        app = web.Application()
        app.router.add_post("/v1/events", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()

    asyncio.run(main())


@contextmanager
def relaying(sink: Sink) -> Iterator[str]:
    """The relay in a process of its own; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=relay, args=(port, sink.url), daemon=True)
    process.start()
    while True:
        with socket.socket() as try_it:
            if try_it.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.join()


async def everything(given: argparse.Namespace) -> None:
    """All measurements, printed as they come."""
    print(f"{given.date}: from the shop's request to the provider's, milliseconds; {given.seconds:.0f} s each\n")
    print("| what | events a second | events | answered, median | at the provider, median | p99 | longest | missing |")
    print("|---|---|---|---|---|---|---|---|")
    first = 1
    with TemporaryDirectory(prefix="vefa-instant-") as temporary:
        root = Path(temporary) / "shop"
        await asyncio.to_thread(make_shop, root, given.customers)
        async with running_sink() as sink:
            key = await asyncio.to_thread(make_key, root, sink)
            found: dict[str, Times] = {}
            with relaying(sink) as url:
                found["peer"] = await measure("bare relay", url, key, sink, 50, given.seconds, first, given.customers)
                print(found["peer"].row(), flush=True)
            with serving(root, sink) as url:
                await measure("warming up", url, key, sink, 10, 3, first := first + 100_000, given.customers)
                for beside in (False, True):
                    other = (
                        asyncio.create_task(Importing(root, Path(temporary) / "csv", sink).run()) if beside else None
                    )
                    for rate in given.rate or RATES:
                        first += 100_000
                        name = "vefa, an import beside it" if beside else "vefa"
                        times = await measure(name, url, key, sink, rate, given.seconds, first, given.customers)
                        found[f"{name} {rate}"] = times
                        print(times.row(), flush=True)
                    if other is not None:
                        other.cancel()
                        await asyncio.gather(other, return_exceptions=True)
    for name, times in found.items():
        if name.endswith(" 50"):
            ratio = statistics.median(times.delivered) / statistics.median(found["peer"].delivered)
            print(f"\n{name}/s against the bare relay: {ratio:.0f} × its median", end="")
    print()
    if any(times.missing for times in found.values()):
        raise SystemExit("Some events reached nobody: these figures count for nothing.")


def main() -> None:
    """`python -m bench.instant`."""
    parser = argparse.ArgumentParser(prog="python -m bench.instant", description=__doc__)
    parser.add_argument("--date", required=True, help="printed: nothing here asks the calendar for it")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each rate")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--rate", type=int, action="append", help="instead of 1, 10, 50 and 200")
    asyncio.run(everything(parser.parse_args()))


if __name__ == "__main__":
    main()
