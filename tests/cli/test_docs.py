"""Every command and every option stands in docs/commands.md, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from vefa.cli.app import app
from vefa.cli.group import CONTRIBUTED, _contributed

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
GROUP: Any = typer.main.get_command(app)
#: Every command by its whole name; a group stands for those in it.
COMMANDS: dict[str, Any] = {
    name if each is command else f"{name} {within}": each
    for name, command in GROUP.commands.items()
    for within, each in getattr(command, "commands", {name: command}).items()
}


def section(command: str) -> str:
    """What the page says about one command."""
    found = re.search(rf"^### `vefa {command}\b.*?(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section on vefa {command}"
    return found[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_stands_on_the_page_with_all_its_options(command: str) -> None:
    said = section(command)
    named = [option for each in COMMANDS[command].params for option in (*each.opts, *each.secondary_opts)]

    assert [option for option in named if option.startswith("--") and f"`{option}" not in said] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_names_no_option_that_is_not_there(command: str) -> None:
    there = {option for each in COMMANDS[command].params for option in (*each.opts, *each.secondary_opts)}
    rows = re.findall(r"^\| `(--[\w-]+)", section(command), re.MULTILINE)

    assert set(rows) <= there


def test_the_page_names_no_command_that_is_not_there() -> None:
    assert set(re.findall(r"^### `vefa ([\w-]+(?: [a-z][\w-]*)?)", TEXT, re.MULTILINE)) == set(COMMANDS)


def test_options_of_vefa_itself_stand_on_the_page() -> None:
    assert all(f"`{option}" in TEXT for each in GROUP.params for option in each.opts)


def test_commands_of_other_packages_stand_on_the_page() -> None:
    assert all(f"`vefa {name}`" in TEXT for name in _contributed())
    assert set(_contributed()) <= set(CONTRIBUTED)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_argument_and_option_has_a_help(command: str) -> None:
    assert COMMANDS[command].help
    assert all(getattr(each, "help", None) for each in COMMANDS[command].params)
