"""`vefa consent` and `vefa iys`, and the flow that does the same, against İYS's stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows.consent import _round, summary
from vefa.channels.fakes.iys import FakeIys
from vefa.cli.app import app
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, customers
from vefa.database import writing
from vefa.settings import load_settings
from vefa.store import open_store

Vefa = Callable[..., Result]
MAIL = "ayse@ornek.example"


@pytest.fixture
def root(shop_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop with one customer, İYS on, its stand-in not yet there."""
    (shop_root / "config" / "settings.yaml").write_text("shop: {locales: [tr]}\n", encoding="utf-8")
    monkeypatch.setenv("VEFA_IYS_USER", "api-user")
    monkeypatch.setenv("VEFA_IYS_PASSWORD", "made-up")
    monkeypatch.setenv("COLUMNS", "120")
    engine = open_store(load_settings(shop_root))
    with writing(engine) as connection:
        known = datetime(2026, 1, 1, tzinfo=UTC)
        row = {"id": 1, "outside_id": "A-1", "zone": "Europe/Istanbul", "bucket": 1, "known_at": known}
        connection.execute(customers.insert().values(row))
        way = {"customer_id": 1, "channel": "email", "address": MAIL, "address_key": address_key(MAIL)}
        connection.execute(contacts.insert().values(way))
    engine.dispose()
    return shop_root


@pytest.fixture
def iys(root: Path) -> Any:
    """İYS's stand-in, by the machine's clock, and the shop set up for it."""
    with FakeIys() as fake:
        settings = f"shop: {{locales: [tr]}}\niys: {{enabled: true, code: 1, brand_code: 2, base_url: '{fake.url}'}}\n"
        (root / "config" / "settings.yaml").write_text(settings, encoding="utf-8")
        yield fake


@pytest.fixture
def vefa(root: Path) -> Vefa:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--root", str(root), *arguments])

    return call


def test_a_word_is_added_and_shown_with_its_proof(vefa: Vefa) -> None:
    assert "has never said anything" in vefa("consent", "A-1").output

    vefa("consent", "A-1", "--grant", "--evidence", "call 4711", "--text-version", "v3", "--at", "2026-03-01T10:00")
    said = vefa("consent", "A-1", "--refuse", "--source", "HS_WEB", "--now", "2026-03-05T10:00")

    assert said.exit_code == 0
    first, second = said.output.splitlines()[-2:]
    assert all(word in first for word in ("yes", "commercial e-mail", "HS_CAGRI_MERKEZI", "v3", "call 4711"))
    assert all(word in second for word in ("no", "HS_WEB", "Thu 5 Mar 2026 10:00"))
    assert [row["granted"] for row in json.loads(vefa("consent", "A-1", "--json").output)] == [True, False]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--grant",), "A yes needs --evidence"),
        (("--refuse", "--at", "2099-01-01"), "has not come yet"),
        (("--grant", "--evidence", " "), "A yes needs --evidence"),
    ],
)
def test_what_proves_nothing_is_not_written(vefa: Vefa, options: tuple[str, ...], says: str) -> None:
    refused = vefa("consent", "A-1", *options)

    assert refused.exit_code == 1
    assert says in refused.stderr
    assert "has never said anything" in vefa("consent", "A-1").output


def test_without_iys_its_command_says_how_to_switch_it_on(vefa: Vefa) -> None:
    refused = vefa("iys")

    assert refused.exit_code == 1
    assert "docs/consent.md" in refused.stderr


def test_a_round_reads_and_brings_and_says_so(vefa: Vefa, iys: FakeIys) -> None:
    vefa("consent", "A-1", "--grant", "--evidence", "call 4711")
    assert "never" in vefa("iys", "--show").output

    done = vefa("iys")

    assert done.exit_code == 0, done.output
    assert "Brought 1 words; İYS took 1 and refused 0." in done.output
    assert iys.status_of(MAIL) == "ONAY"
    stands = json.loads(vefa("iys", "--show", "--json").output)["stands"]
    assert (stands["stale"], stands["waiting"], stands["late"]) == (False, 0, 0)
    assert vefa("status", "--check").exit_code == 0


def test_a_flow_does_the_same_round(vefa: Vefa, iys: FakeIys, root: Path) -> None:
    vefa("consent", "A-1", "--grant", "--evidence", "call 4711")

    done = _round(load_settings(root))

    assert iys.status_of(MAIL) == "ONAY"
    assert summary(done) == "1 brought to İYS, 1 taken"


def test_iys_down_is_a_sentence_and_monitoring_hears_of_it(vefa: Vefa, iys: FakeIys) -> None:
    iys.login = ("api-user", "another")

    failed = vefa("iys")

    assert failed.exit_code == 2
    assert "VEFA_IYS_PASSWORD" in failed.stderr
    assert "made-up" not in failed.stderr
    assert "İYS is stale" in vefa("status", "--check").output
