"""SMS: how many segments a text takes (GSM 03.38), and what must not go to which country."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["GSM-7", "UCS-2"]

#: Twilio takes no more characters in one message (error 21617)
LONGEST = 1600

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: two units each: an escape and the character
GSM_EXTENSION = frozenset("^{}\\[~]|€\f")

#: one segment alone, and each of several (a header takes the difference)
_CAPACITY: Mapping[Encoding, tuple[int, int]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

#: what Turkish and typographic texts have that GSM-7 has not, and its plain likeness
PLAIN_LETTERS = str.maketrans(
    {
        **dict(zip("şŞğĞıİçâÂîÎûÛ", "sSgGiIcaAiIuU", strict=True)),
        **dict.fromkeys("‘’‚′", "'"),
        **dict.fromkeys("“”„″«»", '"'),
        **dict.fromkeys("–—−‐‑", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
        "…": "...",
        "•": "-",
        "₺": "TL",
    }
)

_URL = re.compile(
    r"https?://|\bwww\.\w|\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
    r"(?:com|net|org|info|biz|app|shop|store|online|site|xyz|link|click|example|io|co|ly|me|gl|tc|tr|eu|uk|de)\b(?![.\w])",
    re.I,
)


@dataclass(frozen=True)
class SmsSize:
    """What a text costs: `units` are septets in GSM-7 and 16-bit words in UCS-2, the suffix among them."""

    encoding: Encoding
    units: int
    segments: int


def sms_size(text: str, suffix_chars: int = 0) -> SmsSize:
    """The size of a text to which the operator appends `suffix_chars` plain characters."""
    septets = _septets(text)
    if septets is not None:
        return _sized("GSM-7", septets + [1] * suffix_chars)
    return _sized("UCS-2", [2 if ord(letter) > 0xFFFF else 1 for letter in text] + [1] * suffix_chars)


def transliterate(text: str) -> str:
    """Turkish letters and typographic marks that GSM-7 lacks, in their plain likeness."""
    return text.translate(PLAIN_LETTERS)


def has_url(text: str) -> bool:
    """Whether a reader (or an operator's filter) would see a link in it."""
    return _URL.search(text) is not None


def url_refusal(text: str, phone: str) -> str | None:
    """Why a text must not go from abroad to this number (E.164), or None.

    Since April 2026 Turkish operators drop what comes from abroad with a link in it.
    """
    if phone.startswith("+90") and has_url(text):
        return "Turkish operators block SMS from abroad that hold a link; leave the link out"
    return None


def _septets(text: str) -> list[int] | None:
    sizes = []
    for letter in text:
        if letter in GSM_BASIC:
            sizes.append(1)
        elif letter in GSM_EXTENSION:
            sizes.append(2)
        else:
            return None
    return sizes


def _sized(encoding: Encoding, sizes: list[int]) -> SmsSize:
    single, each = _CAPACITY[encoding]
    units = sum(sizes)
    if units <= single:
        return SmsSize(encoding, units, 1 if units else 0)
    segments, room = 1, each
    for size in sizes:
        if size > room:  # neither an escape nor a surrogate pair is torn apart
            segments, room = segments + 1, each
        room -= size
    return SmsSize(encoding, units, segments)
