"""What a text of a source means."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from vefa.crm.importers.addresses import ascii_email, e164
from vefa.crm.importers.cleaning import without_fraction
from vefa.crm.importers.filters import test_of as question_of
from vefa.crm.importers.maps import Column, Condition
from vefa.crm.importers.readings import Habits, Misfit, reader, slug
from vefa.database import to_micros

HABITS = Habits(zone="Europe/Istanbul", time_of_day="12:00", country="TR")


def read(kind: str, text: str, **column: Any) -> Any:
    return reader(kind, Column(column="x", **column), HABITS)(text)


def instant(*parts: int) -> int:
    return to_micros(datetime(*parts, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("2026-01-05", {}, instant(2026, 1, 5, 9)),
        ("2026-01-05", {"time_of_day": "8:30"}, instant(2026, 1, 5, 5, 30)),
        ("2026-01-05 10:00:00", {}, instant(2026, 1, 5, 7)),
        ("2026-01-05T10:00:00Z", {}, instant(2026, 1, 5, 10)),
        ("2026-01-05T10:00:00.000001+01:00", {}, instant(2026, 1, 5, 9, 0, 0, 1)),
        ("05.01.2026", {"format": "%d.%m.%Y"}, instant(2026, 1, 5, 9)),
        ("05.01.2026 10:00", {"format": ["%d.%m.%Y", "%d.%m.%Y %H:%M"]}, instant(2026, 1, 5, 7)),
        # The clocks of New York went forward at two: the first moment that there was.
        ("2026-03-08 02:30:00", {"zone": "America/New_York"}, instant(2026, 3, 8, 7, 30)),
        # And back again: the earlier of the two.
        ("2026-11-01 01:30:00", {"zone": "America/New_York"}, instant(2026, 11, 1, 5, 30)),
        ("", {}, None),
    ],
)
@pytest.mark.rule(6)
def test_a_moment_is_read_on_its_own_clock(text, column, expected):
    assert read("time", text, **column) == expected


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("1234.5", {}, 12_345_000),
        ("1.234,50", {"decimal": ",", "thousands": "."}, 12_345_000),
        ("1 234,5", {"decimal": ",", "thousands": " "}, 12_345_000),
        ("-0.0001", {}, -1),
        ("1e400", {}, Misfit("wrong number", "1e400")),
        ("12 TL", {}, Misfit("wrong number", "12 TL")),
    ],
)
def test_money_is_read_exactly(text, column, expected):
    assert read("money", text, **column) == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("whole", "6.0", 6),
        ("whole", "6.5", Misfit("wrong number", "6.5")),
        ("stars", "6", Misfit("wrong number", "6")),
        ("score", "0", 0),
        ("boolean", "Evet", True),
        ("boolean", "0", False),
        ("boolean", "perhaps", Misfit("neither yes nor no", "perhaps")),
        ("birthday", "1992-07-30", date(1992, 7, 30)),
        ("country", "tr", "TR"),
        ("country", "Türkiye", Misfit("unknown country", "Türkiye", mild=True)),
        ("language", "tr_TR", "tr"),
        ("currency", "try", "TRY"),
        ("gender", "Female", "female"),
    ],
)
def test_a_value_is_read_as_its_type(kind, text, expected):
    assert read(kind, text) == expected


def test_the_map_of_values_comes_before_the_type_and_the_default_after_the_map():
    column = {"case": "lower", "map": {"kadın": "female", "-": None}, "otherwise": "other", "default": "male"}

    assert [read("gender", text, **column) for text in ("Kadın", "?", "-", "")] == [
        "female",
        "other",
        "male",
        "male",
    ]


def test_a_countrys_zone_and_language_are_the_most_probable_ones():
    derived = [(read("zone", c, derive="zone"), read("language", c, derive="language")) for c in ("TR", "us")]

    assert derived == [("Europe/Istanbul", "tr"), ("America/New_York", "en")]


def test_floats_that_are_ids_lose_their_fraction_and_nothing_else():
    assert [without_fraction(text) for text in ("233000.0", "007", "1.50", "A.0")] == [
        "233000",
        "007",
        "1.50",
        "A.0",
    ]


def test_a_slug_is_plain_ascii():
    assert [slug(text) for text in ("Işıl", "İĞÜŞÖÇ", "O'Brien Núñez", "Maß")] == [
        "isil",
        "igusoc",
        "obriennunez",
        "mass",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ali.Veli+x@Ornek.EXAMPLE", "Ali.Veli+x@ornek.example"),
        ("ali@müller.example", "ali@xn--mller-kva.example"),
        ("'quoted'@ornek.example", "'quoted'@ornek.example"),
        ("işıl@ornek.example", None),
        ("a@b", None),
        ("a@server.local", None),
        ("a@-ornek.example", None),
        (".a@ornek.example", None),
        ("x" * 65 + "@ornek.example", None),
    ],
)
def test_an_address_is_brought_to_ascii_or_refused(text, expected):
    assert ascii_email(text) == expected


def test_a_phone_number_is_read_as_of_its_country():
    assert e164("0532 123 45 67", "TR") == e164("+90 532 123 4567", "DE") == "+905321234567"
    assert e164("0532 123 45 67 89 10", "TR") is None


@pytest.mark.parametrize(
    ("condition", "text", "holds"),
    [
        ({"equals": 5}, "5", True),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"not_one_of": ["a"]}, "b", True),
        ({"starts_with": "C"}, "C1", True),
        ({"not_starts_with": ["C", "A"]}, "A1", False),
        ({"matches": r"\d{3}"}, "1234", False),
        ({"present": False}, " ", True),
        ({"above": 0}, "0.0", False),
        ({"above": 0}, "x", False),
        ({"above": 0, "below": 2}, "1.0", True),
    ],
)
def test_a_condition_asks_a_cells_text(condition, text, holds):
    assert question_of(Condition(**condition))(text) is holds
