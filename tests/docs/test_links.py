"""Whoever follows a link, or looks for a file that a page names, finds it."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import PAGES, REPOSITORY, Page

ROOMS = ("journeys/", "config/", "flows/", "tasks/", "vefa/", "tests/", "bench/", "docs/")
#: Files that a page invents for its reader to write.
INVENTED = {"journeys/parcel.yaml"}


def links(page: Page) -> list[str]:
    """Targets of links and pictures that are no addresses on the web."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.prose)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def lacking(page: Page, target: str) -> bool:
    file, _, anchor = target.partition("#")
    path = page.path.parent / file if file else page.path
    if not path.exists():
        return True
    return bool(anchor) and anchor not in map(slug, re.findall(r"^#+ (.+)$", Page(path).text, re.MULTILINE))


def paths(page: Page) -> list[str]:
    """Files and folders of the project that it names; those with a gap to fill in are no files."""
    named = (span.split()[0] for span in page.spans if span.startswith(ROOMS))
    return [name for name in named if not re.search(r"[<…{]|[A-Z]{4}", name)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_of_a_page_is_there(page: Page) -> None:
    assert [target for target in links(page) if lacking(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Page) -> None:
    """A name with a star stands for at least one."""
    missing = [name for name in paths(page) if name not in INVENTED and not any(REPOSITORY.glob(name.rstrip("/")))]

    assert missing == []


def test_every_page_of_the_docs_stands_in_their_index() -> None:
    index = Page(REPOSITORY / "docs" / "README.md")
    listed = {target.partition("#")[0] for target in links(index)}

    assert {path.name for path in (REPOSITORY / "docs").glob("*.md")} - listed == {"README.md"}


def test_every_picture_is_small_enough_to_load_at_once() -> None:
    pictures = list((REPOSITORY / "docs" / "images").iterdir())

    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 250_000] == []
