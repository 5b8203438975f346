"""Whoever types a command that a page shows gets no "No such command"."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tests.docs.pages import PAGES, REPOSITORY, Page
from vefa.cli.app import app
from vefa.cli.group import Contributed

VEFA: Any = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
HELP = {"--help", "-h"}


def shown(page: Page) -> Iterator[list[str]]:
    """Every command on the page as words, without prompt, comment and environment; only what is ours."""
    lines = [line for block in page.blocks("", "sh", "bash", "console") for line in block.splitlines()]
    for line in (*lines, *page.spans):
        text = re.split(r"\s+#\s|…|\s\.\.\.|\s\[", line.strip().removeprefix("$ "))[0]
        try:
            words = shlex.split(text)
        except ValueError:  # a sentence with an apostrophe
            continue
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            del words[0]
        if len(words) > 1:
            words[0] = words[0].removeprefix(".venv/bin/")
            yield words


def told(words: list[str]) -> str | None:
    """What is wrong with a call of `vefa`; None where nothing is."""
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        name = rest.pop(0).partition("=")[0]
        option = next((each for each in VEFA.params if name in each.opts), None)
        if option is None and name not in HELP:
            return f"vefa has no option {name}"
        if option is not None and not option.is_flag and rest:
            del rest[0]
    if not rest or not re.fullmatch(r"[a-z][a-z-]*", rest[0]):  # COMMAND, or vefa alone
        return None
    command = VEFA.get_command(None, rest[0])
    if command is None:
        return f"there is no command {rest[0]}"
    command = command.load() if isinstance(command, Contributed) else command
    if len(rest) > 1 and hasattr(command, "commands") and not rest[1].startswith("-"):
        group = rest.pop(0)
        command = command.commands.get(rest[0])
        if command is None:
            return f"there is no command {group} {rest[0]}"
    there = HELP.union(*(set(each.opts) | set(each.secondary_opts) for each in command.params))
    strange = [word for word in rest[1:] if word.startswith("--") and word.partition("=")[0] not in there]
    return f"vefa {rest[0]} has no {strange[0]}" if strange else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_of_vefa_on_a_page_can_be_typed(page: Page) -> None:
    calls = [words for words in shown(page) if words[0] == "vefa"]

    assert [(shlex.join(words), wrong) for words in calls if (wrong := told(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_of_make_on_a_page_has_its_target(page: Page) -> None:
    assert {words[1] for words in shown(page) if words[0] == "make"} <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_page_runs_is_there(page: Page) -> None:
    modules = re.findall(r"python -m ([\w.]+)", page.text)

    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_calls_are_found_at_all() -> None:
    """The tests above would pass on pages that they cannot read."""
    calls = {tuple(words[:2]) for page in PAGES for words in shown(page)}

    assert {("make", "demo"), ("make", "test"), ("vefa", "check"), ("vefa", "up"), ("vefa", "pause")} <= calls


@pytest.mark.parametrize("call", ["vefa chekc", "vefa check --feilds", "vefa --rot x check", "vefa up --prot 1"])
def test_a_slip_in_a_shown_call_is_seen(call: str) -> None:
    assert told(shlex.split(call)) is not None
