"""Whatever stands in a cell, it is read as a value within bounds, or is a misfit with a reason; nothing raises."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vefa.crm.importers.addresses import ascii_email, e164
from vefa.crm.importers.cleaning import without_text_mark
from vefa.crm.importers.dates import NO_YEAR, parse_birthday
from vefa.crm.importers.maps import Column, Split
from vefa.crm.importers.numbers import parse_number
from vefa.crm.importers.readings import LARGEST_MONEY, LONGEST_TEXT, READERS, Habits, Misfit, reader
from vefa.crm.shops.update import amount, moment
from vefa.database import Money, from_micros, to_micros

HABITS = Habits(zone="Europe/Istanbul", time_of_day="12:00", country="TR")
DIGITS = st.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９"])
NUMBERS = st.one_of(
    st.sampled_from(["NaN", "sNaN", "-Infinity", "1E+1000000", "1e-1000000", "9" * 400, "1" + "0" * 5000, "1_000"]),
    st.builds("{}e{}{}".format, st.integers(-(10**9), 10**9), st.sampled_from("+-"), st.integers(0, 10**7)),
    st.builds(lambda digits, n: "".join(digits[int(d)] for d in str(n)), DIGITS, st.integers(0, 10**18)),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
)
DATES = st.one_of(
    st.builds(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}".format,
        st.sampled_from([0, 1, 1899, 1900, 2026, 2199, 2200, 9999]),
        st.integers(0, 13),
        st.integers(0, 32),
        st.integers(0, 25),
        st.integers(0, 61),
        st.integers(0, 61),
        st.sampled_from(["", "Z", "+99:00", "-99:99", "+14:00", "-23:59", "+24:00", " EST", "[Asia/Tokyo]", "+0300"]),
    ),
    st.integers(-(10**20), 10**20).map(str),
)
TEXTS = st.one_of(
    st.text(st.characters(categories=["L", "N", "P", "Z", "C", "S"]), max_size=40),
    st.sampled_from(["\ud800", "a\x00b", "x" * 150_000, "\u202e", "'=1+1", "1:2:3", "%", "{}", "+", "-", "."]),
)
FORMATS = st.sampled_from([None, "epoch", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%d %b %Y %H:%M %Z", "%m/%d/%y"])
COLUMNS = st.builds(
    Column,
    column=st.just("x"),
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from(["", ".", " "]),
    format=FORMATS,
    strip=st.sampled_from([None, "#'"]),
    split=st.sampled_from([None, Split(), Split(take="all but last"), Split(by="/", take=-2)]),
)
LARGEST = 10**16


@given(st.sampled_from(sorted(READERS)), COLUMNS, st.one_of(NUMBERS, DATES, TEXTS))
@example("money", Column(column="x"), "1E+1000000")
@example("text", Column(column="x"), "\ud800")
@example("time", Column(column="x", format="epoch"), "9" * 40)
def test_every_cell_is_a_value_in_bounds_or_a_misfit(kind: str, column: Column, text: str) -> None:
    value: Any = reader(kind, column, HABITS)(text)

    match value:
        case Misfit():
            assert value.reason
        case int():
            assert abs(value) <= LARGEST
        case str():
            assert len(value) <= LONGEST_TEXT and "\x00" not in value and value.encode()
        case date():
            assert value.year == NO_YEAR or 1900 <= value.year < 2200
    if kind == "time" and isinstance(value, int):
        assert 1899 <= from_micros(value).year <= 2200


@given(st.one_of(NUMBERS, DATES, TEXTS, st.floats(), st.integers(), st.none(), st.lists(st.none(), max_size=1)))
def test_what_a_shop_system_sends_is_an_amount_or_a_moment_or_says_nothing(given_: Any) -> None:
    paid, at = amount(given_), moment(given_)

    assert paid is None or abs(paid) < LARGEST_MONEY
    assert at is None or at.tzinfo is not None


@given(st.one_of(NUMBERS, TEXTS))
def test_no_address_and_no_number_is_too_strange_to_be_refused(text: str) -> None:
    email, phone = ascii_email(text), e164(text, "TR")

    assert email is None or email.isascii()
    assert phone is None or (phone[0] == "+" and phone[1:].isdigit())


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4), st.sampled_from([".,", ",.", ", ", ".'", ".\u202f"]))
def test_a_number_is_read_as_it_was_written_by_whatever_marks(value: Decimal, marks: str) -> None:
    decimal, thousands = marks
    text = f"{value:,.4f}".replace(",", "T").replace(".", decimal).replace("T", thousands)

    assert parse_number(text, decimal, thousands) == value


@pytest.mark.parametrize(
    ("text", "marks"), [("12.5", ",."), ("1.23", ",."), ("1,2,3", ".,"), (".500", ",."), ("1.5", ", "), ("1_000", ".")]
)
def test_a_mark_that_stands_elsewhere_is_no_mark_between_thousands(text: str, marks: str) -> None:
    assert parse_number(text, marks[0], marks[1:]) is None


SPELLINGS = {
    "%Y-%m-%d %H:%M:%S": ("Z", "+03:00", "+0300", " +0300", " -05", " UTC", " GMT+3", ""),
    "%Y-%m-%dT%H:%M:%SZ": ("Z", "+03:00"),
    "%Y-%m-%d %H:%M:%S %z": (" +0300", " +03:00", " Z", " -05", "+0300"),
    "%Y-%m-%d %H:%M:%S %Z": (" UTC", " GMT", " +0300"),
    "%Y-%m-%d %H:%M:%S UTC": (" UTC", " +0300"),
    None: ("Z", "+03:00", "+0300", " +0300", " UTC", "-05", ""),
}
OFFSETS = {"": 3, "Z": 0, "UTC": 0, "GMT": 0, "+03:00": 3, "+0300": 3, "GMT+3": 3, "-05": -5}


@pytest.mark.rule(6)
@pytest.mark.parametrize(("pattern", "spelt"), [(p, spelt) for p, all_ in SPELLINGS.items() for spelt in all_])
def test_an_offset_in_the_value_counts_whatever_the_format_says(pattern: str | None, spelt: str) -> None:
    mark = "T" if pattern is None or "dT" in pattern else " "
    text = f"2026-01-05{mark}10:00:00{spelt}"

    value = reader("time", Column(column="x", format=pattern), HABITS)(text)

    assert value == to_micros(datetime(2026, 1, 5, 10, tzinfo=UTC) - timedelta(hours=OFFSETS[spelt.strip()]))


@pytest.mark.parametrize("text", ["2026-01-05 10:00:00 EST", "2026-01-05 10:00:00 +99:00", "2026-01-05 10:00:00 TRT"])
@pytest.mark.parametrize("pattern", [None, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S %Z"])
def test_a_zone_that_cannot_be_known_is_no_local_time(text: str, pattern: str | None) -> None:
    assert reader("time", Column(column="x", format=pattern), HABITS)(text) == Misfit("impossible date", text)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("05/31", {"format": "%m/%d"}, date(NO_YEAR, 5, 31)),
        ("02/29", {"format": "%m/%d"}, date(NO_YEAR, 2, 29)),
        ("29.02.", {"format": ["%d.%m.%Y", "%d.%m."]}, date(NO_YEAR, 2, 29)),
        ("31.05.1990", {"format": ["%d.%m.", "%d.%m.%Y"]}, date(1990, 5, 31)),
        ("--05-31", {}, date(NO_YEAR, 5, 31)),
        ("02/30", {"format": "%m/%d"}, None),
        ("1990-05-31T00:00:00+03:00", {}, date(1990, 5, 31)),
        ("1990-05-30T21:00:00Z", {}, date(1990, 5, 31)),
    ],
)
def test_a_birthday_may_have_no_year(text: str, column: dict[str, Any], expected: date | None) -> None:
    value = reader("birthday", Column(column="x", **column), HABITS)(text)

    assert value == (expected or Misfit("impossible date", text))


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_a_date_of_birth_keeps_its_year(day: date) -> None:
    assert parse_birthday(day.isoformat(), ()) == day
    assert parse_birthday(day.strftime("%m/%d"), ("%m/%d",)) == day.replace(year=NO_YEAR)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("'7700000000001", "7700000000001"),
        ("'+90 532 111 00 61", "+90 532 111 00 61"),
        ("'-12.50", "-12.50"),
        ("'90s fan", "'90s fan"),
        ("'quoted'@ornek.example", "'quoted'@ornek.example"),
        ("12'", "12'"),
    ],
)
def test_the_apostrophe_before_digits_is_a_mark_and_no_letter(text: str, kept: str) -> None:
    assert without_text_mark(text) == kept


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"split": "first word"}, "Ayşe"),
        ({"split": "last word"}, "Kaya"),
        ({"split": "all but last word"}, "Ayşe Nur"),
        ({"split": {"by": "Nur", "take": 2}}, "Kaya"),
        ({"split": {"take": -2}}, "Nur"),
        ({"split": {"by": "/", "take": 2}}, None),
        ({"strip": "Aşy"}, "e Nur  Kaya"),
    ],
)
def test_a_column_takes_a_part_of_the_text(column: dict[str, Any], expected: str | None) -> None:
    assert reader("text", Column(column="x", **column), HABITS)(" Ayşe Nur  Kaya ") == expected


def test_money_keeps_its_four_places() -> None:
    assert reader("money", Column(column="x"), HABITS)("999999999999.9999") == int(LARGEST_MONEY) * Money.scale - 1
