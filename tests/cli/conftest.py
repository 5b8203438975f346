"""A small shop made by hand: one journey, three customers, and the commands as a person calls them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from vefa.cli.app import app
from vefa.crm.happenings import record_events
from vefa.crm.identity import address_key, bucket
from vefa.crm.tables import consents, contacts, customers, orders
from vefa.database import writing
from vefa.settings import load_settings
from vefa.store import open_store

GOLDEN = Path(__file__).parent / "golden"
Vefa = Callable[..., Result]

JOURNEY = """\
name: Delivery thank-you
description: Thanks the customer, then asks for a review.
owner: care@ornek.example
purpose: commercial
trigger:
  event: order.delivered
  where: {order.total: ">= 100"}
audience:
  none: [{customer.tags: {contains: staff}}]
reentry: after 30 days
exit:
  on: [{event: ticket.opened, of: customer}]
goal: {event: order.placed, within: 30 days}
holdout: 10%
steps:
  - wait: {for: 1 day, at: "10:00"}
  - email: thanks
    id: thanks
    purpose: transactional
    subject: {en: "It is in your hands, {{ customer.first_name }}"}
    not_after: order.delivered_at + 5 days
  - wait: {until: review.posted, at_most: 7 days}
  - if: {happened: review.posted}
    then: [{tag: reviewer}]
    else:
      - coupon: {percent: 10, valid: 14 days, prefix: HI}
      - email: review
        subject: {en: "How was it?"}
"""
LAYOUT = """\
<mjml><mj-body>
<!-- vefa:content -->
<mj-section><mj-column><mj-text><a href="{{ links.unsubscribe }}">Stop</a></mj-text></mj-column></mj-section>
</mj-body></mjml>
"""
BODY = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>\n"
SETTINGS = """\
shop: {name: Test, zone: Europe/Istanbul, country: DE, locales: [en]}
"""


def _write_files(root: Path) -> None:
    files = {
        "journeys/delivery-thank-you.yaml": JOURNEY,
        "journeys/templates/_layout.mjml": LAYOUT,
        "journeys/templates/thanks.en.mjml": BODY.format("Thank you, {{ customer.first_name }}."),
        "journeys/templates/review.en.mjml": BODY.format("Take {{ coupon.code }} with you."),
        "config/settings.yaml": SETTINGS,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def little_root(shop_root: Path) -> Path:
    """The files of a shop with one journey."""
    _write_files(shop_root)
    return shop_root


@pytest.fixture(scope="session")
def _little_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("little")
    _write_files(root)
    fill(root)
    return root


def fill(root: Path) -> None:
    """Three customers and their orders, into the database that the settings name."""
    engine = open_store(load_settings(root))
    with writing(engine) as connection:
        _customer(connection, "A-1", "Ayşe", "ayse@ornek.example", consent=True)
        _customer(connection, "B-2", "Bob", "bob@ornek.example", consent=False)
        _customer(connection, "C-3", "Cem", "cem@ornek.example", consent=True)
        _order(connection, "1001", 1, "250")
        _order(connection, "1002", 2, "300")
        _order(connection, "1003", 3, "20")
        record_events(connection, "order", None)
    engine.dispose()


@pytest.fixture(scope="session")
def _walked_shop(_little_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("walked")
    shutil.copytree(_little_shop, root, dirs_exist_ok=True)
    span = ("--now", "2026-03-02T12:00", "--until", "2026-03-14T12:00", "--every", "6h")
    result = CliRunner().invoke(app, ["--root", str(root), "run", *span])
    assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def little_shop(_little_shop: Path, shop_root: Path) -> Path:
    """That shop with its database: Ayşe gave consent, Bob did not, Cem's order is too small."""
    shutil.copytree(_little_shop, shop_root, dirs_exist_ok=True)
    return shop_root


@pytest.fixture
def walked_shop(_walked_shop: Path, shop_root: Path) -> Path:
    """The shop after twelve days of its journey."""
    shutil.copytree(_walked_shop, shop_root, dirs_exist_ok=True)
    return shop_root


ARRIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _customer(connection: sa.Connection, number: str, name: str, email: str, *, consent: bool) -> None:
    early = datetime(2026, 1, 5, 9, tzinfo=UTC)
    row = {
        "outside_id": number,
        "first_name": name,
        "language": "en",
        "zone": "Europe/Istanbul",
        "bucket": bucket(number),
        "known_at": early,
    }
    key = connection.execute(sa.insert(customers).values(row)).inserted_primary_key[0]
    address = {"customer_id": key, "channel": "email", "address": email, "address_key": address_key(email)}
    connection.execute(sa.insert(contacts).values(address))
    said = {
        "customer_id": key,
        "channel": "email",
        "purpose": "commercial",
        "granted": consent,
        "source": "HS_WEB",
        "occurred_at": early,
        "known_at": early,
    }
    connection.execute(sa.insert(consents).values(said))


def _order(connection: sa.Connection, number: str, customer: int, total: str) -> None:
    placed = datetime(2026, 2, 27, 8, tzinfo=UTC)
    row = {
        "source": "shop",
        "outside_id": number,
        "number": number,
        "customer_id": customer,
        "total": total,
        "currency": "TRY",
        "placed_at": placed,
        "placed_known_at": placed,
        "delivered_at": ARRIVED,
        "delivered_known_at": ARRIVED,
    }
    connection.execute(sa.insert(orders).values(row))


@pytest.fixture
def vefa(monkeypatch: pytest.MonkeyPatch) -> Vefa:
    """Calls the command line in this process, 100 columns wide: `vefa(root, "check")`."""
    monkeypatch.setenv("COLUMNS", "100")
    runner = CliRunner()

    def call(root: Path | None, *arguments: str) -> Result:
        where = ["--root", str(root)] if root else []
        return runner.invoke(app, [*where, *arguments])

    return call


def agrees(name: str, text: str) -> None:
    """The text is the golden one, hashes and coupon codes aside."""
    told = re.sub(r"\b[0-9a-f]{16}\b", "<plan>", re.sub(r"\bHI-[A-Z0-9]+\b", "<code>", text))
    told = "\n".join(line.rstrip() for line in told.splitlines()) + "\n"
    path = GOLDEN / name
    if not path.exists():
        path.write_text(told, encoding="utf-8")
        pytest.fail(f"{path} is new: read it, and keep it if a marketer would like it")
    assert told == path.read_text(encoding="utf-8")
