"""What customers write about is found by the beginnings of words, in Turkish and in English, and counted by weeks."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tests.conftest import REPOSITORY
from tests.engine.worlds import DAY, ISTANBUL, NOON, World
from vefa.crm.happenings import Kind
from vefa.crm.tables import reviews, survey_answers, tickets
from vefa.database import reading
from vefa.insight.themes import ThemeReport, count_themes
from vefa.insight.weeks import Weeks
from vefa.language.source import read_file
from vefa.plan.surveys import Surveys
from vefa.plan.themes import Theme, plain, read_themes, shop_themes
from vefa.settings import Settings

THEMES = shop_themes(REPOSITORY, ("tr", "en"))
ZONE = ZoneInfo(ISTANBUL)


@pytest.mark.parametrize(
    ("text", "themes"),
    [
        ("Kargo çok GEÇ geldi, kutusu da ezilmişti.", {"delivery-time", "packaging"}),
        ("gec kaldi kargo", {"delivery-time"}),
        ("GECİKME yaşandı", {"delivery-time"}),
        ("Geçen hafta aldım, geçerli bir kupondu", set()),
        ("Zamanında geldi, paketlemesi özenliydi", {"delivery-time", "packaging"}),
        ("Kumaşı ince, dikişleri sökülüyor", {"quality"}),
        ("bedeni küçük geldi, kalıbı dar", {"size"}),
        ("darısı başıma, bolca teşekkür", set()),
        ("FIYATI biraz pahalı ama kalitesi güzel", {"price", "quality"}),
        ("Müşteri hizmetlerine ulaşamadım", {"service"}),
        ("It took too long, and the box was damaged", {"delivery-time", "packaging"}),
        ("runs small; too expensive for this fabric", {"size", "price", "quality"}),
        ("Customer service was rude", {"service"}),
        ("Her şey harika, teşekkürler!", set()),
    ],
)
def test_a_text_speaks_of_what_its_words_say(text: str, themes: set[str]) -> None:
    assert {name for name, theme in THEMES.items() if theme.is_in(plain(text))} == themes


@pytest.mark.parametrize("spelt", ["İADE", "iade", "Iade", "IADE", "i̇ade", "ıade", "iâde"])
def test_capitals_dots_and_marks_make_no_difference(spelt: str) -> None:
    assert plain(spelt) == "iade"


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


def counted(world: World, weeks: int = 3) -> ThemeReport:
    surveys = Surveys(world.settings.root, ("tr", "en"))
    with reading(world.database) as connection:
        return count_themes(connection, THEMES, surveys, Weeks.back(weeks, ZONE, NOON))


def test_answers_reviews_and_tickets_are_counted_by_week_and_by_who_was_not_content(world: World) -> None:
    ada = world.customer()

    def says(table: sa.Table, at: int, **said: Any) -> None:
        kinds: dict[sa.Table, tuple[Kind, str]] = {
            survey_answers: ("survey", "answered_at"),
            reviews: ("review", "posted_at"),
            tickets: ("ticket", "opened_at"),
        }
        kind, moment = kinds[table]
        world.fact(table, kind, customer_id=ada, **{moment: NOON - at * DAY}, **said)

    says(survey_answers, 0, survey="csat", score=1, comment="kargo gecikti")
    says(survey_answers, 0, survey="nps", score=10, comment="hızlı kargo")
    says(reviews, 8, rating=2, text="Geç geldi, paketi yırtıktı")
    says(tickets, 15, subject="Siparişim gecikiyor")
    says(tickets, 0, source="survey", subject="csat: 1/5 – kargo gecikti")
    says(reviews, 1, rating=5, text="bayıldım")
    says(reviews, 60, rating=1, text="çok geç")
    says(reviews, -1, rating=1, text="çok geç")

    found = counted(world)

    assert found.weeks == (date(2026, 2, 23), date(2026, 3, 2), date(2026, 3, 9))
    assert (found.texts, found.others) == (5, 1)
    first = found.themes[0]
    assert (first.theme, first.texts, first.unhappy, first.weeks) == ("delivery-time", 4, 3, (1, 1, 2))
    assert (first.answers, first.reviews, first.tickets) == (2, 1, 1)
    assert {row.theme: row.texts for row in found.themes[1:] if row.texts} == {"packaging": 1, "quality": 1}


def test_weeks_begin_on_monday_by_the_shops_clock() -> None:
    sunday_night = NOON.replace(day=8, hour=21, minute=30)  # half past midnight on Monday in Istanbul

    weeks = Weeks.back(2, ZONE, sunday_night)

    assert weeks.mondays == (date(2026, 3, 2), date(2026, 3, 9))
    assert (weeks.place(sunday_night), weeks.place(sunday_night - timedelta(hours=1))) == (1, 0)


def themes_of(root: Path, text: str) -> tuple[dict[str, Theme], list[str]]:
    (root / "themes.yaml").write_text(text, encoding="utf-8")
    source = read_file(root / "themes.yaml", root)
    return read_themes(source, ("tr", "en")), [f"{each.line}:{each.column} {each.message}" for each in source.problems]


def test_what_is_wrong_with_a_theme_is_told_with_its_place(tmp_path: Path) -> None:
    text = (
        "Size: {name: x, words: [a]}\nprice: {words: [12, pahalı], colour: red}\nsize: {name: Beden, words: [beden]}\n"
    )

    themes, told = themes_of(tmp_path, text)

    assert list(themes) == ["size"]
    assert sorted(told) == [
        '1:1 "Size" is no name for a theme',
        '2:1 "name" is missing',
        "2:17 12 is no word",
        '2:30 unknown key "colour"',
    ]
