"""The map in the README is the house; recipes name what is there; no file speaks of the machine it was written on."""

from __future__ import annotations

import re

from tests.docs.pages import CONTRIBUTING, README, REPOSITORY, Page, files
from vefa.database import metadata

ROOMS = re.findall(r"^\| `([\w/]+)/` \|", README.text, re.MULTILINE)
TOP = {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
#: Folders that only hold what others wrote, or that a machine makes.
_HOUSES = r"/(?:home|root|Users|tmp|work|mnt)/\w"
_REGISTRIES = r"py" + r"pi\.org|python" + r"hosted|index" + r"-url[ =]+https?:|registry\.npm" + r"js"


def test_every_room_of_the_map_is_there() -> None:
    assert ROOMS
    assert [room for room in ROOMS if not (REPOSITORY / room).is_dir()] == []


def test_every_room_is_on_the_map() -> None:
    inside = {path.parent.name for path in (REPOSITORY / "vefa").glob("*/__init__.py")}
    there = {"journeys", "config", "flows", "tasks", "vefa", "tests", "bench", "docs"} & TOP

    assert there | {f"vefa/{room}" for room in inside} == set(ROOMS)


def test_every_name_that_a_recipe_gives_stands_in_its_file() -> None:
    """`STEP_FORMS` after `vefa/language/steps.py` is to be found there."""
    missing, text = [], None
    for span in CONTRIBUTING.spans:
        if re.fullmatch(r"\w+/[\w/]+\.py", span):
            text = (REPOSITORY / span).read_text(encoding="utf-8")
        elif text and re.fullmatch(r"_?[A-Z][A-Z_]+|[A-Z][a-z]+", span) and not re.search(rf"\b{span}\b", text):
            missing.append(span)

    assert missing == []


def test_every_table_that_the_glossary_names_is_in_the_database() -> None:
    text = Page(REPOSITORY / "docs" / "glossary.md").text
    named = set(re.findall(r"table `(\w+)`", text))

    assert named
    assert named <= set(metadata.tables)


def test_no_file_holds_a_path_of_a_machine_or_the_address_of_a_registry() -> None:
    """What is written here is true on every machine."""
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        for word in re.findall(rf"{_HOUSES}.{{0,40}}|{_REGISTRIES}", text):
            found.append((path.relative_to(REPOSITORY).as_posix(), word))

    assert found == []
