"""Links that answer a survey: each names one customer, one message that asked, the survey, an answer and an end.

They are short, because SMS are: 12 bytes of a keyed BLAKE2b over a claim of some 12 bytes, of which every bit is
signed. A link opens a page on which its answer is chosen already; nothing counts before the button on it is pressed.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from vefa.content.links import TokenRefused

PATH = "/s/"
_VERSION, _MAC_LENGTH, _NO_SCORE = 1, 12, 15
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Ask:
    """What a link proves: this customer was asked this survey in that message. `score` None: no answer is chosen."""

    customer_id: int
    send_id: int
    survey: str
    score: int | None = None


class SurveyLinks:
    """Makes and proves the survey links of one shop."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._key = hmac.digest(secret, b"vefa surveys", hashlib.sha256)
        self._start = public_url.rstrip("/") + PATH

    def url(self, ask: Ask, until: datetime) -> str:
        """The link of one customer."""
        (found,) = self.urls([ask.customer_id], [ask.send_id], ask.survey, ask.score, until)
        return found

    def urls(
        self, customers: Sequence[int], sends: Sequence[int], survey: str, score: int | None, until: datetime
    ) -> list[str]:
        """The links of many, in their order; good through the day of `until`."""
        head = bytes([_VERSION << 4 | (_NO_SCORE if score is None else score)])
        tail = (until.date() - _EPOCH).days.to_bytes(2, "big") + survey.encode("ascii")
        pairs = zip(customers, sends, strict=True)
        return [self._start + self._token(head + _packed(customer) + _packed(send) + tail) for customer, send in pairs]

    def read(self, token: str, now: datetime) -> Ask:
        """What a token claims, if we made it and it has not ended; else TokenRefused."""
        claim = _claim_in(token)
        if not hmac.compare_digest(self._token(claim).encode(), token.encode("utf-8", "replace")):
            raise TokenRefused("this link is damaged, or not one of ours")
        if claim[0] >> 4 != _VERSION:
            raise TokenRefused("this link was made for something else")
        score = claim[0] & 15
        customer, rest = _unpacked(claim[1:])
        send, rest = _unpacked(rest)
        if now.date() > _EPOCH + timedelta(days=int.from_bytes(rest[:2], "big")):
            raise TokenRefused("this link is too old")
        return Ask(customer, send, rest[2:].decode(), None if score == _NO_SCORE else score)

    def _token(self, claim: bytes) -> str:
        mac = hashlib.blake2b(claim, key=self._key, digest_size=_MAC_LENGTH).digest()
        return urlsafe_b64encode(mac + claim).rstrip(b"=").decode()


def _claim_in(token: str) -> bytes:
    try:
        claim = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))[_MAC_LENGTH:]
    except ValueError:  # not ASCII, or no base64
        claim = b""
    if not claim:
        raise TokenRefused("this link is damaged, or not one of ours")
    return claim


def _packed(number: int) -> bytes:
    """Seven bits a byte, the last one marked by its high bit: where a number ends is part of what is signed."""
    if number < 0:
        raise ValueError(f"{number} is no row's number")
    parts = [number & 127 | 128]
    while number := number >> 7:
        parts.append(number & 127)
    return bytes(reversed(parts))


def _unpacked(raw: bytes) -> tuple[int, bytes]:
    number = 0
    for place, part in enumerate(raw, 1):
        number = number << 7 | part & 127
        if part & 128:
            return number, raw[place:]
    return number, b""
