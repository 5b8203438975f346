"""What customers and shops write cannot command the terminal of whoever looks at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from tests.acceptance.small_shop import NOON
from vefa.cli.app import app
from vefa.cli.printing import displayable, out, print_json, table
from vefa.crm.identity import address_key, bucket
from vefa.crm.personal_names import read_name
from vefa.crm.tables import contacts, customers
from vefa.database import writing
from vefa.settings import load_settings
from vefa.store import open_store

ATTACKS = (
    "\x1b[31mred",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2Jcleared",
    "over\rwritten",
    "\u202eturned",
    "bell\x07",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_commands_the_terminal(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("name")
    rows.add_row(attack)
    out().print(rows)
    out().print(attack, markup=False)
    print_json({"name": attack})

    shown = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\r", "\u202e", "\x07"} & set(shown)
    assert displayable("Ayşe\n\tÇelik") == "Ayşe\n\tÇelik"


def test_json_still_says_what_is_stored(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(list(ATTACKS))

    assert json.loads(capsys.readouterr().out) == list(ATTACKS)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("evil.example/x", "evil. example/x"),
        ("Ayşe.evil.example", "Ayşe. evil. example"),
        ("M.Emin", "M. Emin"),
        ("www.evil.example", None),
        ("https://evil.example", None),
        ("Ayşe Çelik", "Ayşe Çelik"),
    ],
)
def test_a_name_is_never_a_link(given: str, kept: str | None) -> None:
    assert read_name(given) == kept


def test_status_and_check_say_which_customers_share_an_address(little_root: Path) -> None:
    engine = open_store(load_settings(little_root))
    key = address_key("aile@ornek.example")
    with writing(engine) as connection:
        for name in ("F1", "F2", "F3"):
            row = {"outside_id": name, "zone": "UTC", "known_at": NOON, "bucket": bucket(name)}
            number = connection.execute(insert(customers).values(row)).inserted_primary_key[0]
            told = {"channel": "email", "address": "aile@ornek.example", "address_key": key}
            connection.execute(insert(contacts).values(customer_id=number, **told))
    engine.dispose()

    for command in ("status", "check"):
        said = CliRunner().invoke(app, ["--root", str(little_root), command])
        assert "1 address is shared by 3 customers (F1, F2, F3)" in " ".join(said.output.split())
