"""Three business days by Turkey's calendar of 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from vefa.consent.business_days import due_by, is_business_day

OFF = [
    date(2026, 1, 1),
    *(date(2026, 3, day) for day in (20, 21, 22)),  # Ramazan Bayramı
    date(2026, 4, 23),
    date(2026, 5, 1),
    date(2026, 5, 19),
    *(date(2026, 5, day) for day in (27, 28, 29, 30)),  # Kurban Bayramı
    date(2026, 7, 15),
    date(2026, 8, 30),
    date(2026, 10, 29),
]
#: The eves, half of which is off.
HALF = [date(2026, 3, 19), date(2026, 5, 26), date(2026, 10, 28)]


@pytest.mark.parametrize("day", OFF, ids=str)
def test_offices_are_shut_on_holidays(day: date) -> None:
    assert not is_business_day(day)


@pytest.mark.parametrize("day", HALF, ids=str)
def test_half_a_day_is_a_day_so_that_nothing_comes_too_late(day: date) -> None:
    assert is_business_day(day)


def test_in_2026_weekdays_are_business_days_but_for_the_holidays() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]

    assert [day for day in days if day.weekday() < 5 and not is_business_day(day)] == [
        day for day in OFF if day.weekday() < 5
    ]


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("2026-03-10 12:00", "2026-03-13"),  # Tuesday to Friday
        ("2026-03-12 12:00", "2026-03-17"),  # over a weekend
        ("2026-03-14 12:00", "2026-03-18"),  # on a Saturday
        ("2026-03-18 12:00", "2026-03-24"),  # 19 counts, Ramazan Bayramı and the weekend do not
        ("2026-04-22 12:00", "2026-04-28"),  # over 23 Nisan
        ("2026-05-25 12:00", "2026-06-02"),  # over Kurban Bayramı
        ("2026-05-18 12:00", "2026-05-22"),  # over 19 Mayıs
        ("2026-12-31 12:00", "2027-01-06"),  # over New Year and a weekend
        ("2026-03-10 21:30", "2026-03-16"),  # in Istanbul it is the 11th already
    ],
)
def test_three_business_days_end_when_the_third_does(said: str, last: str) -> None:
    moment = datetime.fromisoformat(said).replace(tzinfo=UTC)
    midnight = datetime.fromisoformat(last).replace(tzinfo=UTC) + timedelta(days=1) - timedelta(hours=3)

    assert due_by(moment) == midnight
