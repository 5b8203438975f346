"""Rows that cannot be used: where each stands, why, and which key of the map would mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vefa.crm.importers.addresses import ascii_email, parse_phone
from vefa.crm.importers.dates import EPOCH, parse_birthday, parse_moment
from vefa.crm.importers.maps import Column
from vefa.crm.importers.numbers import parse_number

#: Stands for the owner of a row of whom it cannot be said who it is: it may be anybody's.
ANYBODY = ""

#: Ways in which dates are written, the usual ones first.
_FORMATS = tuple(
    f"{day}{clock}"
    for day in (
        "%d.%m.%Y",
        "%d/%m/%Y",
        "%Y-%m-%d",
        "%m/%d/%Y",
        "%Y/%m/%d",
        "%d-%m-%Y",
        "%d.%m.%y",
        "%d %b %Y",
        "%Y%m%d",
    )
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
)
_BIRTHDAYS = ("%m/%d", "%d/%m", "%d.%m.", "%d.%m", "%m-%d")
_MARKS = ((",", "."), (",", " "), (",", ""), (".", ","), (".", "'"), (".", " "))
_AROUND_A_NUMBER = re.compile(r"[^\d+\-]*([+-]?\d.*\d|\d)[^\d]*")
_COUNTRIES = ("TR", "DE", "GB", "US", "FR", "NL", "AT", "BE", "IT", "ES")


@dataclass(frozen=True)
class Reject:
    """A row that could not be used. `field` is the target's column at fault, `hint` the key that would mend it."""

    place: str
    line: int
    reason: str
    detail: str
    target: str | None = None
    field: str | None = None
    hint: str | None = None


def reject_row(import_id: int, reject: Reject) -> dict[str, object]:
    """The reject as a row of `rejects`."""
    return {
        "import_id": import_id,
        "file": reject.place,
        "line": reject.line,
        "reason": reject.reason,
        "detail": reject.detail or None,
        "target": reject.target,
        "field": reject.field,
        "hint": reject.hint,
    }


def hint_of(kind: str, reason: str, text: str, column: Column | None, country: str) -> str | None:
    """The key of the map with which the value could be used; None where none is known. It repeats no value."""
    if reason == "wrong number":
        return _marks(text, column)
    if reason == "impossible date":
        return _format(text, kind)
    if reason == "broken phone":
        return _country(text, country)
    if reason == "broken e-mail":
        return _address(text)
    if reason.startswith("unknown ") and kind == "id":
        return _reference(text, reason.removeprefix("unknown "))
    if reason.startswith(("unknown ", "neither ")):
        return "write a map: with this word and what it means"
    if reason == "no order":
        return "write fill_down: where the order's id stands in its first row only"
    if reason.startswith("no "):
        return "write a default:, or where: with present: true"
    return None


def _marks(text: str, column: Column | None) -> str | None:
    said = (column.decimal, column.thousands) if column else (".", "")
    for decimal, thousands in _MARKS:
        if (decimal, thousands) != said and parse_number(text, decimal, thousands) is not None:
            keys = [f'decimal: "{decimal}"'] if decimal != said[0] else []
            keys += [f'thousands: "{thousands}"'] if thousands and thousands in text else []
            return f"write {', '.join(keys)}" if keys else None
    found = _AROUND_A_NUMBER.fullmatch(text)
    around = text.replace(found[1], "", 1) if found else ""
    if found and around and (inside := found[1]) != text:
        letters = "".join(dict.fromkeys(around))
        more = _marks(inside, column) if parse_number(inside, *said) is None else None
        return f'write strip: "{letters}"' + (f", {more.removeprefix('write ')}" if more else "")
    return None


def _format(text: str, kind: str) -> str | None:
    fitting = [pattern for pattern in _FORMATS if parse_moment(text, (pattern,)) is not None]
    if kind == "birthday":
        fitting += [pattern for pattern in _BIRTHDAYS if parse_birthday(text, (pattern,)) is not None]
    if not fitting and parse_moment(text, (EPOCH,)) is not None and len(text) >= len("1443651125"):
        fitting = [EPOCH]
    quoted = [f'"{pattern}"' if pattern != EPOCH else pattern for pattern in fitting[:2]]
    return f"write format: {' or '.join(quoted)}" if quoted else None


def _country(text: str, country: str) -> str | None:
    if any(other != country and parse_phone(text, other) for other in _COUNTRIES):
        return "write country: with the column that holds the number's country"
    return None


def _address(text: str) -> str | None:
    for mark in ";,/ ":
        if mark in text.strip() and any(ascii_email(part) for part in text.split(mark)):
            return f'write split: {{by: "{mark}", take: 1}}'
    return 'write strip: "<>"' if ascii_email(text.strip("<>\"'")) else None


def _reference(text: str, name: str) -> str | None:
    if re.fullmatch(r"[+-]?\d+\.0*", text):
        return "write id: true"
    if text[:1] in "'#":
        return f'write strip: "{text[0]}"'
    if name == "customer" and "@" in text:
        return "nobody has this address: import the customers first, or write guest: true"
    return f"import what it names first, into {name}s"
