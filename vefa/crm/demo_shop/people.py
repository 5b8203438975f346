"""The demo shop's customers: who they are, how they can be reached, and what they have allowed."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from vefa.crm.demo_shop.draws import Draws, Flags, Ints
from vefa.crm.demo_shop.lives import Span
from vefa.crm.demo_shop.loading import Columns
from vefa.crm.demo_shop.places import COUNTRIES, Country
from vefa.crm.demo_shop.spelling import ascii_letters
from vefa.crm.identity import address_key, bucket
from vefa.database import HOUR, from_micros

#: RFC 2606 keeps .example out of the Internet: nothing sent there ever arrives.
DOMAINS = ("posta.example", "mektup.example", "eposta.example", "kutu.example")
_US_AREAS = (
    *(201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231),
    *(234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307),
)
_OTHER_LOCALE = 0.03
#: Groups of customers begin where a row does.
ROW = 50


@dataclass(frozen=True)
class People:
    """A group of customers, with what the other tables need to know of them."""

    numbers: Ints
    created: Ints
    country: Ints
    offset: Ints
    languages: list[str]
    customers: Columns
    contacts: Columns
    consents: Columns


def draw_people(draws: Draws, numbers: Ints, created: Ints, span: Span) -> People:
    """The customers with these numbers, who signed up at these moments."""
    count = len(numbers)
    country = draws.kinds([place.share for place in COUNTRIES], count)
    places = [COUNTRIES[index] for index in country.tolist()]
    languages = [
        "en" if other and place.code == "TR" else place.language
        for place, other in zip(places, draws.happens(_OTHER_LOCALE, count).tolist(), strict=True)
    ]
    gender = draws.kinds((0.57, 0.39, 0.01, 0.03), count)
    names = _names(draws, places, gender)
    emails = _emails(draws, numbers, names)
    phones = _phones(draws, numbers, places)
    customers = _customers(draws, numbers, created, span, places, gender, names)
    customers["language"] = languages
    customers["preferred_channel"] = _preferred(draws, emails, phones)
    return People(
        numbers=numbers,
        created=created,
        country=country,
        offset=np.array([place.hours_from_utc for place in COUNTRIES], dtype=np.int64)[country] * HOUR,
        languages=languages,
        customers=customers,
        contacts=_contacts(numbers, emails, phones),
        consents=_consents(draws, numbers, created, emails, phones, span),
    )


def _names(draws: Draws, places: list[Country], gender: Ints) -> list[tuple[str, str]]:
    count = len(places)
    chosen = draws.source.random((count, 2)).tolist()
    coin = draws.happens(0.5, count)
    female = ((gender == 0) | ((gender > 1) & coin)).tolist()
    names = []
    for place, is_female, (one, two) in zip(places, female, chosen, strict=True):
        first = place.female if is_female else place.male
        names.append((first[int(one * len(first))], place.last[int(two * len(place.last))]))
    return names


def _customers(
    draws: Draws,
    numbers: Ints,
    created: Ints,
    span: Span,
    places: list[Country],
    gender: Ints,
    names: list[tuple[str, str]],
) -> dict[str, list[object]]:
    outside = [f"C{number:07}" for number in numbers.tolist()]
    cities = _cities(draws, places)
    return {
        "id": numbers.tolist(),
        "outside_id": list(outside),
        "first_name": [first for first, _ in names],
        "last_name": [last for _, last in names],
        "gender": [("female", "male", "other", None)[kind] for kind in gender.tolist()],
        "birth_date": _birth_dates(draws, numbers, span),
        "country": [place.code for place in places],
        "city": [city for city, _ in cities],
        "zone": [zone for _, zone in cities],
        "created_at": created.tolist(),
        "known_at": created.tolist(),
        "bucket": [bucket(name) for name in outside],
    }


def _cities(draws: Draws, places: list[Country]) -> list[tuple[str, str]]:
    chosen: list[tuple[str, str]] = [("", "")] * len(places)
    codes = np.array([place.code for place in places])
    for place in COUNTRIES:
        rows = np.flatnonzero(codes == place.code)
        kinds = draws.kinds([weight for _, _, weight in place.cities], len(rows))
        for row, kind in zip(rows.tolist(), kinds.tolist(), strict=True):
            chosen[row] = place.cities[kind][:2]
    return chosen


def _birth_dates(draws: Draws, numbers: Ints, span: Span) -> list[object]:
    """Grown-ups of all ages; every 20th has a birthday in the last two weeks, some on 29 February."""
    count = len(numbers)
    today = from_micros(span.end).date()
    age = np.clip(draws.source.normal(37, 12, count), 18.1, 84)
    born = np.datetime64(today) - (age * 365.2425).astype("timedelta64[D]")
    near = [str(today - timedelta(days=back)) for back in range(14)]
    dates: list[object] = []
    told = draws.happens(0.88, count).tolist()
    backs = draws.source.integers(0, 14, count).tolist()
    leaps = (1964 + 4 * draws.source.integers(0, 10, count)).tolist()
    for number, date, said, back, leap in zip(
        numbers.tolist(), np.datetime_as_string(born).tolist(), told, backs, leaps, strict=True
    ):
        if number % 365 == 59:
            dates.append(f"{leap}-02-29")
        elif number % 20 == 3:
            dates.append(_in_year(date[:4], near[back]))
        else:
            dates.append(date if said else None)
    return dates


def _in_year(year: str, day: str) -> str:
    """That day in the year before, so that an adult stays one; 29 February only where there is one."""
    before = int(year) - 1
    return f"{before}-02-28" if day[5:] == "02-29" and not isleap(before) else f"{before}{day[4:]}"


def _emails(draws: Draws, numbers: Ints, names: list[tuple[str, str]]) -> list[str | None]:
    """Nine in ten have one; no two the same."""
    count = len(numbers)
    has = draws.happens(0.93, count).tolist()
    domains = draws.pick(DOMAINS, count)
    return [
        f"{ascii_letters(first)}.{ascii_letters(last)}{number}@{domain}".replace("-", "") if there else None
        for number, (first, last), domain, there in zip(numbers.tolist(), names, domains, has, strict=True)
    ]


def _phones(draws: Draws, numbers: Ints, places: list[Country]) -> list[str | None]:
    """Numbers that look right and belong to nobody, no two the same: the unused Turkish code 500, and 555-01XX in
    the United States, where one customer in a row of fifty gets one.

    Other countries keep no such mobile numbers that pass for valid, so their customers have none here.
    """
    has = draws.happens(0.86, len(numbers)).tolist()
    phones: list[str | None] = []
    american = -1
    for number, place, there in zip(numbers.tolist(), places, has, strict=True):
        phone = _turkish_phone(number) if place.code == "TR" and there else None
        if place.code == "US" and there and american < (number - 1) // ROW:
            american = (number - 1) // ROW
            phone = _american_phone(american)
        phones.append(phone)
    return phones


def _turkish_phone(number: int) -> str | None:
    # A factor without a two or a five in it: below ten million no two numbers meet.
    return f"+90500{number * 7_368_787 % 10_000_000:07}" if number < 10_000_000 else None


def _american_phone(row: int) -> str | None:
    area, place = divmod(row, 100)
    return f"+1{_US_AREAS[area]}55501{place:02}" if area < len(_US_AREAS) else None


def _preferred(draws: Draws, emails: list[str | None], phones: list[str | None]) -> list[object]:
    wish = draws.kinds((0.45, 0.25, 0.3), len(emails)).tolist()
    chosen: list[object] = []
    for email, phone, kind in zip(emails, phones, wish, strict=True):
        options = ("email" if email else None, "sms" if phone else None, None)
        chosen.append(options[kind] or ("sms" if phone and not email else None))
    return chosen


def _contacts(numbers: Ints, emails: list[str | None], phones: list[str | None]) -> Columns:
    rows = [
        (number, channel, address, address_key(address))
        for number, email, phone in zip(numbers.tolist(), emails, phones, strict=True)
        for channel, address in (("email", email), ("sms", phone))
        if address
    ]
    names = ("customer_id", "channel", "address", "address_key")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _consents(
    draws: Draws,
    numbers: Ints,
    created: Ints,
    emails: list[str | None],
    phones: list[str | None],
    span: Span,
) -> Columns:
    """What was said at the sign-up, and for some a later no: the log keeps both."""
    said: dict[str, list[object]] = {
        name: [] for name in ("customer_id", "channel", "granted", "source", "occurred_at")
    }
    for channel, addresses, yes in (("email", emails, 0.7), ("sms", phones, 0.55)):
        has = np.array([address is not None for address in addresses])
        answer = draws.source.random(len(numbers))
        granted, refused = has & (answer < yes), has & (answer > 0.9)
        taken_back = created + draws.days(5, 400, len(numbers))
        revoked = granted & draws.happens(0.12, len(numbers)) & (taken_back <= span.end)
        _say(said, numbers, channel, granted, True, "HS_WEB", created)
        _say(said, numbers, channel, refused, False, "HS_WEB", created)
        _say(said, numbers, channel, revoked, False, "HS_MESAJ" if channel == "sms" else "HS_EPOSTA", taken_back)
    count = len(said["granted"])
    return {
        **said,
        "purpose": ["commercial"] * count,
        "evidence": ["demo shop"] * count,
        "known_at": said["occurred_at"],
    }


def _say(
    said: dict[str, list[object]],
    numbers: Ints,
    channel: str,
    who: Flags,
    granted: bool,
    source: str,
    moments: Ints,
) -> None:
    count = int(who.sum())
    said["customer_id"] += numbers[who].tolist()
    said["channel"] += [channel] * count
    said["granted"] += [granted] * count
    said["source"] += [source] * count
    said["occurred_at"] += moments[who].tolist()
