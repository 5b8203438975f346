"""By what somebody can be known again in text that came from outside, and the search for it.

Webhooks, forms, e-mails and files write one address in many ways: in other letter case, with `\\u` escapes, percent
signs, quoted-printable or base64, a phone number with spaces. Every way is undone before anything is compared.
"""

from __future__ import annotations

import quopri
import re
import unicodedata
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Undecodable
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from urllib.parse import unquote_plus

import orjson

_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_FOLDED_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]*={0,2}")
_WORD = re.compile(r"[\w.@+#-]+")
_PHONE = re.compile(r"\+?\d[\d ().\-/]{6,22}\d")
#: Digits at the end of a phone number that stand for it, whatever is written before them.
_TAIL = 9
#: A number of so many letters is nobody else's, wherever it stands.
_LONG = 6
#: Layers of writing that may lie over each other, such as base64 in JSON in a form.
_DEPTH = 3


@dataclass(frozen=True)
class Traces:
    """Numbers of a customer and of what is theirs, addresses of now and before, and the whole name."""

    numbers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    _cache: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def __repr__(self) -> str:
        return f"<Traces of {len(self.numbers)} numbers and {len(self.addresses)} addresses>"

    @cached_property
    def _mails(self) -> frozenset[str]:
        return frozenset(fold(each) for each in self.addresses if "@" in each)

    @cached_property
    def _tails(self) -> frozenset[str]:
        phones = (re.sub(r"\D", "", each) for each in self.addresses if "@" not in each)
        return frozenset(each[-_TAIL:] for each in phones if len(each) >= _TAIL)

    @cached_property
    def _long(self) -> re.Pattern[str] | None:
        long = sorted(re.escape(fold(each)) for each in self.numbers if len(each) >= _LONG)
        return re.compile(rf"(?<!\w)(?:{'|'.join(long)})(?!\w)") if long else None

    @cached_property
    def _short(self) -> frozenset[str]:
        return frozenset(fold(each) for each in self.numbers)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(fold(each) for each in self.names)

    def names_surely(self, body: bytes) -> bool:
        """Whether an address, or a number that is nobody else's, stands in it."""
        return any(self._surely(text) for text in readings(body))

    def names_perhaps(self, body: bytes) -> bool:
        """The same, or the whole name, or a short number: for what nobody misses if it was somebody else's."""
        return any(self._surely(text) or self._perhaps(text) for text in readings(body))

    def _surely(self, text: str) -> bool:
        if any(mail in text for mail in self._mails):
            return True
        if self._tails and any(self._is_phone(each) for each in _PHONE.findall(text)):
            return True
        return self._long is not None and self._long.search(text) is not None

    def _is_phone(self, text: str) -> bool:
        return re.sub(r"\D", "", text)[-_TAIL:] in self._tails

    def _perhaps(self, text: str) -> bool:
        if any(name in text for name in self._names):
            return True
        return not self._short.isdisjoint(each.strip(".-") for each in _WORD.findall(text))


def fold(text: str) -> str:
    """Letters without their case, also where Turkish has two of an i."""
    plain = text.replace("İ", "i").replace("ı", "i").casefold().replace("\u0307", "")
    return unicodedata.normalize("NFC", plain)


def readings(body: bytes) -> Iterator[str]:
    """The text of a body, folded, in every way in which it may be meant."""
    seen: set[str] = set()
    layer = {body.decode("utf-8", "replace")}
    for _ in range(_DEPTH):
        layer -= seen
        seen |= layer
        yield from map(fold, layer)
        layer = {other for text in layer for other in _undone(text)}


def _undone(text: str) -> Iterator[str]:
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text).replace("\\/", "/")
    if "%" in text or "+" in text:
        yield unquote_plus(text)
    if "&" in text:
        yield unescape(text)
    if "=" in text:
        yield quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
        yield quopri.decodestring(text.encode("utf-8", "replace"), header=True).decode("utf-8", "replace")
    parts = [*_BASE64.findall(text), *_FOLDED_BASE64.findall(text)]
    if parts:
        yield "\n".join(filter(None, map(_decoded, parts)))


def _unescaped(found: re.Match[str]) -> str:
    try:
        said = orjson.loads(f'"{found[0]}"')
    except orjson.JSONDecodeError:
        return found[0]
    return str(said)


def _decoded(part: str) -> str:
    plain = re.sub(r"\s", "", part).rstrip("=")
    padded = plain + "=" * (-len(plain) % 4)
    try:
        raw = urlsafe_b64decode(padded) if "-" in padded or "_" in padded else b64decode(padded)
    except (ValueError, Undecodable):
        return ""
    text = raw.decode("utf-8", "ignore")
    return text if text.isprintable() or "\n" in text else ""


def whole_names(first: str | None, last: str | None) -> Collection[str]:
    """A name as it is written, either part first; none where one part is missing."""
    if not first or not last:
        return ()
    return (f"{first} {last}", f"{last} {first}", f"{last}, {first}")
