"""Customers due at one e-mail step: entered, rendered, sent to a stand-in for SendGrid, settled; all guarantees on.

Each customer has just placed an order; the shipped journey order-thank-you writes to all of them, with the lines of
their order, through the real SDK. Peers, with a message of the same size: the bare SDK call for each recipient, and
a bare loop (orjson and one kept connection) that knows no database.
"""

from __future__ import annotations

import http.client
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Engine

from bench.sink import Sink, sink
from vefa.clock import stopped_at
from vefa.crm.happenings import record_events
from vefa.crm.identity import address_key, bucket
from vefa.crm.tables import consents, contacts, customers, order_lines, orders, products, stale_facts
from vefa.database import to_micros, writing
from vefa.engine.lease import make_owner
from vefa.engine.plans import store_plan
from vefa.engine.shop import open_shop
from vefa.engine.tick import TickReport, run_tick
from vefa.plan.project import load_project
from vefa.settings import Channels, Settings, load_settings
from vefa.store import open_store

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
JOURNEY = "order-thank-you"
PRICES = (Decimal("349.90"), Decimal("124.95"))


@dataclass(frozen=True)
class Measured:
    """One way of sending: recipients, wall seconds and CPU seconds of this process."""

    name: str
    recipients: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.recipients / self.wall


def measure(recipients: int, peers: int) -> None:
    """Measure ourselves and the peers, and print the table. Fails if the sink did not get everybody exactly once."""
    folder = Path(tempfile.mkdtemp(prefix="vefa-bench-"))
    try:
        with sink() as provider:
            settings = _settings(folder, provider)
            engine = open_store(settings)
            _fill(engine, recipients)
            base = _memory()
            ours, report = _ours(settings, engine, provider, recipients)
            peak = _memory()
            size = 40_000
            rows = [
                _timed("bare loop (orjson + POST)", peers, lambda: _bare_loop(provider, peers, size)),
                ours,
                _timed("one SDK call per recipient", peers, lambda: _sdk_calls(provider, peers, size)),
            ]
            _print(rows, ours, base, peak, report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, provider: Sink) -> Settings:
    for room in ("journeys", "config"):
        shutil.copytree(ROOT / room, folder / room)
    own = {
        "channels": Channels(email="sendgrid"),
        "sendgrid_base_url": provider.url,
        "sendgrid_api_key": SecretStr("SG.bench"),
        "secret_key": SecretStr("a key of the benchmark, long enough"),
        "database_url": "sqlite:///var/vefa.db",
    }
    return load_settings(folder).model_copy(update=own)


def _fill(engine: Engine, count: int) -> None:
    """`count` customers, each with an order of two lines placed a minute ago."""
    placed = to_micros(NOW - timedelta(minutes=1))
    with writing(engine) as connection:
        goods = [
            {"source": "bench", "outside_id": str(n), "name": f"Keten nevresim takımı {n}", "category": "Ev",
             "price": None, "currency": "TRY"}
            for n in (1, 2)
        ]  # fmt: skip
        connection.execute(sa.insert(products), goods)
    for start in range(1, count + 1, 10_000):
        ids = range(start, min(start + 10_000, count + 1))
        with writing(engine) as connection:
            connection.execute(sa.insert(customers), [_customer(n) for n in ids])
            connection.execute(sa.insert(contacts), [_contact(n) for n in ids])
            said = {"channel": "email", "purpose": "commercial", "granted": True, "source": "bench"}
            connection.execute(
                sa.insert(consents),
                [{**said, "customer_id": n, "occurred_at": placed, "known_at": placed} for n in ids],
            )
            connection.execute(sa.insert(orders), [_order(n, placed) for n in ids])
            lines = [(n, k) for n in ids for k in range(2)]
            connection.execute(sa.insert(order_lines), [_line(n, k) for n, k in lines])
            connection.execute(sa.insert(stale_facts), [{"customer_id": n} for n in ids])
    with writing(engine) as connection:
        record_events(connection, "order", None)


def _line(order: int, place: int) -> dict[str, object]:
    row = {"order_id": order, "line": place + 1, "product_id": place + 1, "quantity": 1}
    return {**row, "unit_price": PRICES[place]}


def _customer(n: int) -> dict[str, object]:
    name = ("Ayşe", "İbrahim", "Gökçe", "Şükrü")[n % 4]
    row = {"id": n, "outside_id": f"B{n}", "first_name": name, "language": "tr", "country": "TR"}
    return {**row, "zone": "Europe/Istanbul", "known_at": to_micros(NOW) - 10**12, "bucket": bucket(f"B{n}")}


def _contact(n: int) -> dict[str, object]:
    address = f"kisi{n}@posta.example"
    return {"customer_id": n, "channel": "email", "address": address, "address_key": address_key(address)}


def _order(n: int, placed: int) -> dict[str, object]:
    row = {"id": n, "source": "bench", "outside_id": f"S{n}", "customer_id": n, "number": f"S{n}"}
    return {**row, "total": sum(PRICES), "currency": "TRY", "placed_at": placed, "placed_known_at": placed}


def _ours(settings: Settings, engine: Engine, provider: Sink, count: int) -> tuple[Measured, TickReport]:
    project = load_project(settings.root, settings)
    with writing(engine) as connection:
        store_plan(connection, project.plans[JOURNEY], NOW - timedelta(hours=1))
    shop = open_shop(settings, database=engine, policy=project.policy)
    reports: list[TickReport] = []

    def tick() -> None:
        reports.append(run_tick(shop, JOURNEY, clock=stopped_at(NOW), owner=make_owner(), progress=_told))

    measured = _timed("vefa: enter, render, claim, send, settle", count, tick)
    taken = provider.taken()
    if not taken.emails == taken.unique == reports[0].sent == count:
        sys.exit(f"The sink took {taken}, the ledger says {reports[0]}: not everybody exactly once.")
    shop.close()
    return measured, reports[0]


def _told(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} of {total:,}", end="", file=sys.stderr)


def _body(n: int, size: int) -> dict[str, object]:
    return {
        "personalizations": [{"to": [{"email": f"kisi{n}@posta.example"}], "custom_args": {"send_id": f"p{n}"}}],
        "from": {"email": "merhaba@ornek.example"},
        "subject": "Teşekkürler",
        "content": [{"type": "text/plain", "value": "t" * 1000}, {"type": "text/html", "value": "h" * size}],
    }


def _bare_loop(provider: Sink, count: int, size: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(provider.url).netloc)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer SG.bench"}
    for n in range(count):
        connection.request("POST", "/v3/mail/send", orjson.dumps(_body(n, size)), headers)
        connection.getresponse().read()
    connection.close()


def _sdk_calls(provider: Sink, count: int, size: int) -> None:
    from sendgrid import SendGridAPIClient

    client = SendGridAPIClient("SG.bench", host=provider.url)
    for n in range(count):
        client.client.mail.send.post(request_body=_body(n, size))


def _timed(name: str, recipients: int, work: Callable[[], None]) -> Measured:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Measured(name, recipients, time.perf_counter() - wall, time.process_time() - cpu)


def _memory() -> float:
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _print(rows: list[Measured], ours: Measured, base: float, peak: float, report: TickReport) -> None:
    print(f"{'':45} {'recipients':>10} {'seconds':>8} {'per second':>10} {'CPU µs each':>11} {'vefa is':>9}")
    for row in rows:
        ratio = "" if row is ours else f"{ours.rate / row.rate:8.2f}×"
        each = row.cpu / row.recipients * 1e6
        print(f"{row.name:45} {row.recipients:10,} {row.wall:8.1f} {row.rate:10,.0f} {each:11.0f} {ratio:>9}")
    print(f"sent {report.sent:,}; peak memory {peak:.0f} MB (before the step {base:.0f} MB)")
