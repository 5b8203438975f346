"""From a source's text to the value that is stored: one reader a type, each a plain function of one text.

A reader gives the value (instants as microseconds, money as ten-thousandths, as the database holds them), None for an
empty text, or a Misfit that says what is wrong. It never raises, so that one bad cell stops nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from vefa.crm.coupon_uses import codes_of
from vefa.crm.importers import places
from vefa.crm.importers.cleaning import clean_text
from vefa.crm.importers.dates import parse_birthday, parse_moment
from vefa.crm.importers.maps import Column
from vefa.crm.importers.numbers import parse_number
from vefa.crm.personal_names import read_name
from vefa.crm.tags import tag_names
from vefa.database import Money, Quantity, to_micros
from vefa.text import clean_line, web_address

Value = str | int | bool | date | None


@dataclass(frozen=True)
class Misfit:
    """Why a text cannot be read as what it should be. A mild one leaves the column empty and is counted."""

    reason: str
    detail: str = ""
    mild: bool = False


Reading = Value | Misfit
Reader = Callable[[str], Reading]


@dataclass(frozen=True)
class Habits:
    """How a source writes what a column does not say itself."""

    zone: str
    time_of_day: str
    country: str


#: Amounts are as large as anybody's; the sum of many still fits into what databases count with.
LARGEST_MONEY = Decimal(10**12)
#: Letters of a cell with discount codes.
LONGEST_CODES = 2_000
_LARGEST_WHOLE = 2**31 - 1
#: Letters in an id, which an index holds, and in any other text.
LONGEST_ID, LONGEST_TEXT, LONGEST_STATE = 200, 100_000, 80
_TRUE = frozenset({"1", "1.0", "true", "t", "yes", "y", "evet", "e", "on", "x"})
_FALSE = frozenset({"0", "0.0", "false", "f", "no", "n", "hayır", "hayir", "h", "off"})
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z0-9]{2,8}))*")
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")


def reader(kind: str, column: Column, habits: Habits, table: Mapping[str, str] | None = None) -> Reader:
    """Reads the text of `column` as `kind`: the column's steps first (`table` is what it looks up), then the type."""
    read = READERS[kind](column, habits)
    prepare = clean_text(column, table)
    mild = column.on_error == "empty"
    strict = column.on_error == "reject"

    def read_one(text: str) -> Reading:
        prepared = prepare(text)
        if prepared == "":
            return None
        value = Misfit("not in the other file", text.strip()) if prepared is None else read(prepared)
        if isinstance(value, Misfit) and (mild or strict):
            return Misfit(value.reason, value.detail, mild=mild)
        return value

    return read_one


def slug(text: str) -> str:
    """ASCII letters and digits only, lower-case: what may stand in an address."""
    turkish = text.replace("ı", "i").replace("İ", "i").replace("ß", "ss").replace("ø", "o").replace("Ø", "o")
    plain = unicodedata.normalize("NFKD", turkish).encode("ascii", "ignore").decode()
    return _NOT_IN_A_SLUG.sub("", plain.lower())


def number(text: str, column: Column) -> Decimal | None:
    """A number written with the column's marks; None where it is none."""
    return parse_number(text, column.decimal, column.thousands)


def _text(longest: int, shape: Callable[[str], str] = str) -> Callable[[Column, Habits], Reader]:
    def make(column: Column, habits: Habits) -> Reader:
        def read(text: str) -> Reading:
            if len(text) > longest:
                return Misfit("too long", f"{len(text):,} letters, not {longest:,} at most")
            if not _is_unicode(text):
                return Misfit("broken text")
            return shape(text)

        return read

    return make


def _name(column: Column, habits: Habits) -> Reader:
    """A person's name. What is no name leaves the column empty, so that nobody is called by it."""
    as_line = _text(LONGEST_TEXT, clean_line)(column, habits)

    def read(text: str) -> Reading:
        line = as_line(text)
        return line if isinstance(line, Misfit) else read_name(text) or Misfit("no name of a person", text, mild=True)

    return read


def _url(column: Column, habits: Habits) -> Reader:
    """A web address. What is none (`javascript:`, `data:`, a path alone) leaves the column empty."""

    def read(text: str) -> Reading:
        return web_address(text) or Misfit("no web address", text, mild=True)

    return read


def _is_unicode(text: str) -> bool:
    """Whether databases can keep it: halves of letters (lone surrogates) cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _codes(column: Column, habits: Habits) -> Reader:
    """All discount codes that a cell holds, a line each."""

    def read(text: str) -> Reading:
        if not _is_unicode(text):
            return Misfit("broken text")
        if len(text) > LONGEST_CODES:
            return Misfit("too long", f"{len(text):,} letters, not {LONGEST_CODES:,} at most")
        return "\n".join(codes_of(text)) or None

    return read


def _tags(column: Column, habits: Habits) -> Reader:
    """All tags that a cell holds, a line each; they may be quoted, as Mailchimp quotes them."""

    def read(text: str) -> Reading:
        if not _is_unicode(text):
            return Misfit("broken text")
        words = [clean_line(word).strip("\"' ") for word in text.split(column.separator)]
        return "\n".join(tag_names(words)) or None

    return read


def _money(column: Column, habits: Habits) -> Reader:
    def read(text: str) -> Reading:
        value = number(text, column)
        if value is None or abs(value) >= LARGEST_MONEY:
            return Misfit("wrong number", text)
        return int((value * Money.scale).to_integral_value())

    return read


def _quantity(column: Column, habits: Habits) -> Reader:
    """How much of something: pieces, kilograms, metres, to a ten-thousandth."""

    def read(text: str) -> Reading:
        value = number(text, column)
        if value is None or abs(value) > _LARGEST_WHOLE:
            return Misfit("wrong number", text)
        scaled = int((value * Quantity.scale).to_integral_value())
        return Misfit("wrong number", text) if value and not scaled else scaled

    return read


def _whole(lowest: int, highest: int) -> Callable[[Column, Habits], Reader]:
    def make(column: Column, habits: Habits) -> Reader:
        def read(text: str) -> Reading:
            value = number(text, column)
            if value is None or value != value.to_integral_value() or not lowest <= value <= highest:
                return Misfit("wrong number", text)
            return int(value)

        return read

    return make


def _boolean(column: Column, habits: Habits) -> Reader:
    def read(text: str) -> Reading:
        word = text.lower()
        return True if word in _TRUE else False if word in _FALSE else Misfit("neither yes nor no", text)

    return read


def _time(column: Column, habits: Habits) -> Reader:
    formats, zone = column.formats, ZoneInfo(column.zone or habits.zone)
    noon = time.fromisoformat((column.time_of_day or habits.time_of_day).zfill(5))

    def read(text: str) -> Reading:
        found = parse_moment(text, formats)
        if found is None:
            return Misfit("impossible date", text)
        moment = found.at if found.timed else datetime.combine(found.at, noon)
        # Without an offset the earlier of two equal clock times is meant (rule 5).
        return to_micros((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))

    return read


def _birthday(column: Column, habits: Habits) -> Reader:
    """A date of birth. A moment (a browser's midnight in UTC) is the day on the column's own clock."""
    formats, zone = column.formats, ZoneInfo(column.zone or habits.zone)

    def read(text: str) -> Reading:
        if (day := parse_birthday(text, formats)) is None:
            return Misfit("impossible date", text)
        moment = parse_moment(text, formats)
        if moment is None or moment.at.tzinfo is None or moment.at.time() == time():
            return day
        return moment.at.astimezone(zone).date()

    return read


def _currency(column: Column, habits: Habits) -> Reader:
    def read(text: str) -> Reading:
        code = text.upper()
        return code if code in places.CURRENCIES else Misfit("unknown currency", text)

    return read


def _country(column: Column, habits: Habits) -> Reader:
    def read(text: str) -> Reading:
        code = text.upper()
        return code if code in places.countries() else Misfit("unknown country", text, mild=True)

    return read


def _zone(column: Column, habits: Habits) -> Reader:
    zones = places.zones_of_countries()

    def read(text: str) -> Reading:
        if column.derive:
            return zones.get(text.upper()) or Misfit("unknown zone", text, mild=True)
        return text if places.is_zone(text) else Misfit("unknown zone", text, mild=True)

    return read


def _language(column: Column, habits: Habits) -> Reader:
    languages = places.languages_of_countries()

    def read(text: str) -> Reading:
        if column.derive:
            return languages.get(text.upper()) or Misfit("unknown language", text, mild=True)
        found = _LANGUAGE.fullmatch(text)
        return found[1].lower() if found else Misfit("unknown language", text, mild=True)

    return read


def _state(column: Column, habits: Habits) -> Reader:
    """How something stands, in the shop's own words: small letters, so that one word is one state."""

    def read(text: str) -> Reading:
        if not _is_unicode(text):
            return Misfit("broken text")
        state = clean_line(text).replace("İ", "i").lower()
        return state if len(state) <= LONGEST_STATE else Misfit("too long for a state")

    return read


def _one_of(what: str, *words: str, mild: bool) -> Callable[[Column, Habits], Reader]:
    def make(column: Column, habits: Habits) -> Reader:
        def read(text: str) -> Reading:
            word = text.lower()
            return word if word in words else Misfit(f"unknown {what}", text, mild=mild)

        return read

    return make


def _suppression(column: Column, habits: Habits) -> Reader:
    """Why an address is not to be written to, in the words of the usual providers."""

    def read(text: str) -> Reading:
        word = re.sub(r"[\s_-]+", " ", text).strip().lower()
        return _SUPPRESSIONS.get(word) or Misfit("unknown reason", text)

    return read


#: The reasons that `suppressions` has, and what providers call them.
_SUPPRESSIONS = {
    word: reason
    for reason, words in {
        "bounced": "bounced, bounce, bounces, hard bounce, hard bounced, cleaned, invalid email, invalid, hard",
        "complained": "complained, complaint, spam, spam complaint, spam report, spam reports, marked as spam, abuse",
        "unsubscribed": "unsubscribed, unsubscribe, unsub, opt out, opted out, global unsubscribe",
        "blocked": "blocked, block, blocks, provider suppressed",
        "manual": "manual, user suppressed, admin suppressed, manually suppressed, suppressed",
    }.items()
    for word in words.split(", ")
}

READERS: dict[str, Callable[[Column, Habits], Reader]] = {
    "text": _text(LONGEST_TEXT),
    "line": _text(LONGEST_TEXT, clean_line),
    "id": _text(LONGEST_ID, clean_line),
    "name": _name,
    "url": _url,
    "money": _money,
    "quantity": _quantity,
    "codes": _codes,
    "tags": _tags,
    "whole": _whole(-_LARGEST_WHOLE, _LARGEST_WHOLE),
    "stars": _whole(1, 5),
    "points": _whole(0, 1_000_000),
    "score": _whole(0, 10),
    "boolean": _boolean,
    "time": _time,
    "birthday": _birthday,
    "currency": _currency,
    "country": _country,
    "zone": _zone,
    "language": _language,
    "gender": _one_of("gender", "female", "male", "other", mild=True),
    "channel": _one_of("channel", "email", "sms", mild=False),
    "preference": _one_of("channel", "email", "sms", mild=True),
    "purpose": _one_of("purpose", "commercial", "transactional", mild=False),
    "state": _state,
    "suppression": _suppression,
    "author": _one_of("author", "customer", "agent", mild=False),
    "survey": _one_of("survey", "nps", "csat", mild=False),
}
