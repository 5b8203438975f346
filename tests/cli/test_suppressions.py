"""`vefa suppressions`: an address is stopped, explained and let go again, as somebody on a terminal does it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.conftest import Vefa
from vefa.cli.app import app
from vefa.crm.identity import address_key
from vefa.crm.suppressing import Stop, suppress
from vefa.database import writing
from vefa.settings import load_settings
from vefa.store import open_store

THEN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def vefa(little_root: Path) -> Vefa:
    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["--root", str(little_root), *arguments])
        assert result.exit_code == code, result.output
        return result

    return run


def stopped(root: Path, address: str, reason: str, evidence: str = "550 5.1.1") -> None:
    engine = open_store(load_settings(root))
    with writing(engine) as connection:
        suppress(connection, [Stop("email", address_key(address), reason, evidence, THEN, THEN)])
    engine.dispose()


def test_a_mailbox_that_works_again_is_lifted_and_the_history_says_by_whom(vefa: Vefa, little_root: Path) -> None:
    stopped(little_root, "ayse@ornek.example", "bounced", "550 \x1b[31mno such user")

    explained = vefa("suppressions", "explain", "AYSE@ornek.example").stdout
    assert "messages to their address came back (bounced)" in explained
    assert "lifted by: vefa suppressions lift" in explained
    assert "\x1b" not in explained

    done = vefa("suppressions", "lift", "ayse@ornek.example", "--reason", "She called: it works.", "--by", "Deniz")
    assert done.stdout == "1 lifted by Deniz.\n"
    after = vefa("suppressions", "explain", "ayse@ornek.example").stdout
    assert after.startswith("Nothing stands against it.")
    assert "lifted by Deniz (bounced, hand): She called: it works." in " ".join(after.split())
    again = vefa("suppressions", "lift", "ayse@ornek.example", "--reason", "again", "--by", "Deniz")
    assert again.stdout == "There was nothing to lift.\n"


def test_a_complaint_stays_unless_it_is_named(vefa: Vefa, little_root: Path) -> None:
    stopped(little_root, "can@ornek.example", "complained", "spam report")

    kept = vefa("suppressions", "lift", "can@ornek.example", "--reason", "test", code=1)
    assert "stays suppressed (complained): say --even-complaint" in kept.stdout

    vefa("suppressions", "lift", "can@ornek.example", "--reason", "He wrote to us.", "--even-complaint")
    assert vefa("suppressions", "list").stdout == "No address is suppressed.\n"


def test_what_is_stopped_by_hand_is_listed_with_its_reason(vefa: Vefa) -> None:
    vefa("suppressions", "add", "0532 111 00 61", "--reason", "A letter from their lawyer.", "--by", "Deniz")
    vefa("suppressions", "add", "su@ornek.example", "--reason", "asked at the till", "--commercial")

    shown = json.loads(vefa("suppressions", "list", "--json").stdout)
    assert shown["counts"] == {"manual": 2}
    assert {(each["channel"], each["purpose"]) for each in shown["suppressions"]} == {
        ("sms", None),
        ("email", "commercial"),
    }
    assert "manual" in vefa("suppressions", "list", "--channel", "sms").stdout
    assert vefa("suppressions", "list", "--reason", "bounced").stdout == "No address is suppressed for that.\n"


@pytest.mark.parametrize("who", ["nobody", "12", "a@b"])
def test_what_is_no_address_is_a_sentence(vefa: Vefa, who: str) -> None:
    said = vefa("suppressions", "explain", who, code=1)
    assert "That is no e-mail address, no phone number, and no customer who has one." in " ".join(said.output.split())
