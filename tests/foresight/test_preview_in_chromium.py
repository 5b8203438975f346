"""What a real Chromium sees of messages: too wide, too faint, without a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.foresight.previews import a_preview, renderer
from tests.web.chromium import needs_chromium
from vefa.foresight.preview.chromium import Browser, browser
from vefa.foresight.preview.looking import look_at
from vefa.foresight.preview.sheet import Sheet
from vefa.plan.project import load_project
from vefa.settings import Settings

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


Look = Callable[[str], list[str]]


@pytest.fixture
def seen(chromium: Browser, tmp_path: Path) -> Look:
    """What is said of a page with this body."""

    def ask(body: str) -> list[str]:
        page = tmp_path / "page.html"
        page.write_text(f"<!doctype html><html><body>{body}</body></html>", encoding="utf-8")
        return [found.says for found in look_at(a_preview(), chromium.look(page, None))]

    return ask


def test_a_page_wider_than_a_phone_is_found_where_it_is(seen: Look) -> None:
    told = seen('<div style="width:500px;background:#fff;color:#000">wide</div>')

    assert len(told) == 2
    assert all(said.startswith("at 360 pixels") and "must be pushed sideways" in said for said in told)


def test_a_picture_that_does_not_show_is_found(seen: Look) -> None:
    assert "the picture data:image/png;base64,AAAA does not show" in seen(
        '<img alt="x" src="data:image/png;base64,AAAA">'
    )


def test_faint_words_are_found_by_day_and_by_night_apart(seen: Look) -> None:
    night = "<style>@media (prefers-color-scheme:dark){p{color:#555!important;background:#444!important}}</style>"

    told = seen(f'{night}<p style="color:#222;background:#fff">words</p>')

    assert len(told) == 2
    assert all(", dark: " in said and "contrast of 1." in said for said in told)


def test_shipped_messages_fit_a_phone_and_everybodys_eyes_and_leave_pictures(chromium: Browser, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    shop = Settings(root=root)
    plan = load_project(root, shop).plans["brand-day"]
    sheet = Sheet.fresh(tmp_path / "preview", {"brand-day": "The shop's birthday"})
    for sample in ("usual", "long"):
        for each in renderer(shop, sample).of(plan, ("tr",)):
            sheet.put(each)

    done = list(sheet.photograph(chromium))
    page = sheet.write("Messages", "All of them.").read_text(encoding="utf-8")

    assert len(done) == 2
    assert [found.says for found in sheet.findings] == []
    pictures = sorted(path.name for path in tmp_path.rglob("*.png"))
    assert pictures == [f"thanks.tr.{width}.{mode}.png" for width in (360, 800) for mode in ("dark", "light")]
    assert all(f'src="brand-day/{name}"' in page for name in pictures)
    assert (tmp_path / "preview" / "brand-day" / "thanks.tr.360.dark.png").read_bytes()[:4] == b"\x89PNG"
    assert "Nothing to mend." in page
