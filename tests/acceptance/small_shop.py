"""A shop of a few hundred customers who have just ordered, and `vefa run` over it as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.crm.happenings import record_events
from vefa.crm.identity import address_key, bucket
from vefa.crm.tables import consents, contacts, customers, orders
from vefa.database import reading, writing
from vefa.engine.tables import enrolments
from vefa.ledger.tables import send_history, sends

#: When everybody has ordered: a Tuesday, 12:00 in Istanbul.
NOON = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: Seconds that any run may take, on a slow machine too.
PATIENCE = 90
KEY = "SG.a-key-of-tests-only"

JOURNEY = """\
name: {name}
description: Confirms the order, then offers something that goes with it.
owner: care@ornek.example
purpose: commercial
trigger: {{event: order.placed}}
steps:
  - email: receipt
    id: receipt
    purpose: transactional
    subject: {{en: "Your order, {{{{ customer.first_name }}}}"}}
  - email: offer
    id: offer
    subject: {{en: "Something that goes with it"}}
"""
BODY = """\
<html><body><p>Hello {{ customer.first_name }}</p>
<p><a href="{{ links.unsubscribe }}">No more of these</a></p></body></html>
"""
FILES = {
    "journeys/order-news.yaml": JOURNEY.format(name="Order news"),
    "journeys/templates/receipt.en.html": BODY,
    "journeys/templates/offer.en.html": BODY,
    "config/settings.yaml": "shop: {name: Test, zone: Europe/Istanbul, locales: [en]}\n",
    "config/policy.yaml": "commercial: {email: {consent: yes}}\ntransactional: {email: {consent: no}}\n",
}

#: The command itself, with batches small enough that a small shop fills several: some sent, some in flight, some not
#: begun.
#: Ctrl-C means what it means on a terminal, also where the tests run in the background and it is ignored around them.
COMMAND = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from vefa.engine import vitals
from vefa.ledger import claims
claims.BATCH = {batch}
vitals.ENOUGH = 10**9  # so many in doubt would pause the journey
from vefa.cli import main
main()
"""


def write_files(root: Path, **more: str) -> None:
    """The shop's journey, words, settings and policy."""
    for name, text in (FILES | more).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def fill(engine: sa.Engine, people: int) -> None:
    """So many customers with an address and consent; each has ordered once, at NOON."""
    numbers = range(1, people + 1)
    early = NOON - timedelta(days=90)
    rows: dict[sa.Table, list[dict[str, Any]]] = {
        customers: [
            {
                "id": n,
                "outside_id": f"C{n}",
                "first_name": f"Name{n}",
                "language": "en",
                "zone": "Europe/Istanbul",
                "known_at": early,
                "bucket": bucket(f"C{n}"),
            }
            for n in numbers
        ],
        contacts: [
            {"customer_id": n, "channel": "email", "address": address(n), "address_key": address_key(address(n))}
            for n in numbers
        ]
        + [
            {"customer_id": n, "channel": "sms", "address": number(n), "address_key": address_key(number(n))}
            for n in numbers
        ],
        consents: [
            {
                "customer_id": n,
                "channel": "email",
                "purpose": "commercial",
                "granted": True,
                "source": "checkout",
                "occurred_at": early,
                "known_at": early,
            }
            for n in numbers
        ],
        orders: [
            {
                "source": "shop",
                "outside_id": f"O{n}",
                "number": f"O{n}",
                "customer_id": n,
                "total": 100,
                "currency": "TRY",
                "placed_at": NOON,
                "placed_known_at": NOON,
            }
            for n in numbers
        ],
    }
    with writing(engine) as connection:
        for table, given in rows.items():
            connection.execute(sa.insert(table), given)
        record_events(connection, "order", None)


def address(customer: int) -> str:
    """Where the customer of that number is written to."""
    return f"c{customer}@ornek.example"


def number(customer: int) -> str:
    """The phone of the customer of that number."""
    return f"+90532{customer:07}"


@dataclass
class Runner:
    """`vefa run` over one shop, as processes that speak to `provider`."""

    root: Path
    database_url: str
    provider: FakeSendGrid
    batch: int = 40
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, now: datetime = NOON, until: datetime | None = None) -> subprocess.Popen[str]:
        """Begin a run; whoever calls waits for its end."""
        span = ["--now", _text(now), *(["--until", _text(until)] if until else [])]
        command = [sys.executable, "-c", COMMAND.format(batch=self.batch), "--root", str(self.root), "run", *arguments]
        given = {
            "COLUMNS": "200",
            "VEFA_DATABASE_URL": self.database_url,
            "VEFA_CHANNELS__EMAIL": "sendgrid",
            "VEFA_SENDGRID_BASE_URL": self.provider.url,
            "VEFA_SENDGRID_API_KEY": KEY,
            "VEFA_PROVIDER_TIMEOUT_SECONDS": str(PATIENCE),
            "VEFA_SECRET_KEY": "a secret of tests only, long enough to sign with",
        }
        return subprocess.Popen(
            [*command, *span],
            env=os.environ | given | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, now: datetime = NOON, until: datetime | None = None) -> str:
        """A whole run that must go well; what it said."""
        process = self.start(*arguments, now=now, until=until)
        said = ended(process)
        assert process.returncode == 0, said
        return said


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for a run's end; what it said. One that never ends is ended."""
    try:
        return process.communicate(timeout=PATIENCE)[0]
    finally:
        process.kill()
        process.wait()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M+00:00")


@dataclass(frozen=True)
class Books:
    """The ledger and the provider's log side by side."""

    database: sa.Engine
    provider: FakeSendGrid

    def sends(self, *where: sa.ColumnElement[bool]) -> list[Any]:
        with reading(self.database) as connection:
            return list(connection.execute(sa.select(sends).where(*where).order_by(sends.c.id)))

    def history(self) -> list[Any]:
        """What did not go straight, and when."""
        with reading(self.database) as connection:
            return list(connection.execute(sa.select(send_history).order_by(send_history.c.id)))

    def in_state(self, *states: str) -> set[int]:
        """Ledger ids of the messages in those states."""
        return {row.id for row in self.sends(sends.c.state.in_(states))}

    def states(self) -> Counter[str]:
        return Counter(row.state for row in self.sends())

    def taken(self) -> Counter[int]:
        """How often the provider took each message, by ledger id."""
        return Counter(int(ref.partition(".")[0]) for ref in self.provider.send_ids)

    def enrolments(self) -> Counter[str]:
        with reading(self.database) as connection:
            return Counter(connection.scalars(sa.select(enrolments.c.state)))

    def assert_no_attempt_twice(self) -> None:
        twice = {ref: n for ref, n in Counter(self.provider.send_ids).items() if n > 1}
        assert not twice, f"went over the wire more than once: {twice}"
