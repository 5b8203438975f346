"""E-mail addresses and phone numbers, brought to the one form in which they are stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from vefa.text import clean_address, clean_line

#: Addresses of this plain shape need no closer look; all others go to the library.
_PLAIN = re.compile(
    r"[a-z0-9_%+-]+(?:\.[a-z0-9_%+-]+)*@"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!arpa$|invalid$|local$|onion$|test$)[a-z]{2,24}",
    # Without ASCII, [a-z] holds ı, İ and the sign of Kelvin where case is ignored.
    re.IGNORECASE | re.ASCII,
)
#: Why an address is refused that only SMTPUTF8 could carry. Mostly a keyboard put the Turkish ı or İ there.
LETTERS_BEFORE_AT = "e-mail with letters other than a to z before the @: write i for ı and İ"
_LONGEST_LOCAL_PART, _LONGEST_ADDRESS = 64, 254
#: A field of two numbers and a word between them.
_LONGEST_PHONE = 100
_EXTENSION = re.compile(
    r"\s*[,;(]?\s*(?:dahili|dah\.?|iç hat|extension|ext\.?|x|#)\s*[.:]?\s*\d{1,6}\)?$", re.IGNORECASE
)
_BETWEEN_NUMBERS = re.compile(r"\s*(?:[/;,|\n]|\s-\s|\b(?:or|and|veya|ve)\b)\s*", re.IGNORECASE)


def ascii_email(text: str) -> str | None:
    """The address in ASCII, its domain lower-cased; None where no mail server could take it.

    Letters beyond ASCII before the @ are taken by few servers and by no channel of ours: such an address is None.
    """
    text = clean_address(text)
    if _PLAIN.fullmatch(text):
        local, _, domain = text.partition("@")
        if len(local) <= _LONGEST_LOCAL_PART and len(text) <= _LONGEST_ADDRESS:
            return f"{local}@{domain.lower()}"
    return _closely_read(text)


def _closely_read(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False, strict=True).ascii_email
    except EmailNotValidError:
        return None


@dataclass(frozen=True)
class Phone:
    """The number that a text begins with, as E.164, and what of the text was left out."""

    number: str
    left_out: str | None = None


def e164(text: str, country: str) -> str | None:
    """The number as E.164, read as of `country` where it has no prefix; None where it can be nobody's."""
    found = parse_phone(text, country)
    return found.number if found else None


@lru_cache(maxsize=4096)
def parse_phone(text: str, country: str) -> Phone | None:
    """The first number of a text that may hold several, or an extension; None where there is none."""
    text = clean_line(text)
    if len(text) > _LONGEST_PHONE:
        return None
    plain = _EXTENSION.sub("", text.strip())
    if number := _e164(plain, country):
        return Phone(number, "extension" if plain != text.strip() else None)
    first, *others = (part.strip() for part in _BETWEEN_NUMBERS.split(plain))
    number = _e164(first, country) if others else None
    return Phone(number, "second number") if number else None


def _e164(text: str, country: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
