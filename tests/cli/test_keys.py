"""Keys are made, shown once, listed and revoked on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Vefa
from vefa.database import open_database, reading
from vefa.settings import load_settings
from vefa.web.keys import api_keys, hash_of, key_of


@pytest.fixture
def made(little_root: Path, vefa: Vefa) -> str:
    result = vefa(little_root, "keys", "add", "web-shop", "--scope", "events:write", "--scope", "read")
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_a_key_is_shown_once_and_kept_as_a_hash(little_root: Path, vefa: Vefa, made: str) -> None:
    engine = open_database(load_settings(little_root).database)
    with reading(engine) as connection:
        (row,) = connection.execute(sa.select(api_keys))
        found = key_of(connection, made)
    engine.dispose()

    assert made.startswith("vefa_")
    assert len(made) == 48
    assert (row.name, row.source, row.hash) == ("web-shop", "web-shop", hash_of(made))
    assert made not in str(row)
    assert found is not None
    assert found.scopes == {"events:write", "read"}
    assert made not in vefa(little_root, "keys", "list").stdout


def test_a_revoked_key_opens_nothing(little_root: Path, vefa: Vefa, made: str) -> None:
    assert vefa(little_root, "keys", "revoke", "web-shop").exit_code == 0

    (key,) = json.loads(vefa(little_root, "keys", "--json").stdout)
    assert key["revoked_at"] is not None
    engine = open_database(load_settings(little_root).database)
    with reading(engine) as connection:
        assert key_of(connection, made) is None
    engine.dispose()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "web-shop", "--scope", "events:write"), 'There is a key "web-shop" already.'),
        (("add", "Web Shop", "--scope", "read"), '"Web Shop" is no name for a key.'),
        (("add", "other", "--scope", "write"), 'There is no scope "write".'),
        (("add", "other"), "Say what the key is for"),
        (("add",), "Say which key"),
        (("revoke", "other"), 'There is no key "other".'),
    ],
)
def test_slips_are_told_in_a_sentence(
    little_root: Path, vefa: Vefa, made: str, words: tuple[str, ...], said: str
) -> None:
    result = vefa(little_root, "keys", *words)

    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
