"""E-mail addresses and phone numbers, brought to the one form in which they are stored."""

from __future__ import annotations

import re
from functools import lru_cache

#: Addresses of this plain shape need no closer look; all others go to the library.
_PLAIN = re.compile(
    r"[a-z0-9_%+-]+(?:\.[a-z0-9_%+-]+)*@"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!arpa$|invalid$|local$|onion$|test$)[a-z]{2,24}",
    re.IGNORECASE,
)
_LONGEST_LOCAL_PART, _LONGEST_ADDRESS = 64, 254


def ascii_email(text: str) -> str | None:
    """The address in ASCII, its domain lower-cased; None where no mail server could take it."""
    text = text.strip()
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


@lru_cache(maxsize=4096)
def e164(text: str, country: str) -> str | None:
    """The number as E.164, read as of `country` where it has no prefix; None where it can be nobody's."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
