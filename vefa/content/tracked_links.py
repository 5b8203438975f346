"""The two signed words of a tracked link: which letter it stands in, and where it leads.

A link is `/c/<letter>/<target>`, the picture that tells of opening `/o/<letter>.gif`. The target stands in the link
itself, so that following it needs no database; and since it is signed, nobody can make us lead anywhere else. The
letter's word is all that differs between recipients.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable

from vefa.content.links import TokenRefused

_VERSION = 1
_LETTER, _TARGET = 1, 2
_MAC_LENGTH = 16
#: A letter's number in the ledger, and the attempt.
_REF = struct.Struct(">QH")
CLICK_PATH, OPEN_PATH = "/c", "/o"


class TrackedLinks:
    """Makes and proves the tracked links of one shop."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._key = hmac.new(hmac.digest(secret, b"vefa tracking", hashlib.sha256), digestmod=hashlib.sha256)
        self.public_url = public_url.rstrip("/")

    def letters(self, refs: Iterable[str]) -> list[str]:
        """The words of many letters, each named by what goes over the wire with it: `<ledger id>.<attempt>`."""
        return [self._token(_LETTER, _claim(ref)) for ref in refs]

    def target(self, url: str) -> str:
        """The word of a target."""
        return self._token(_TARGET, url.encode())

    def read_letter(self, token: str) -> str:
        """The ref of a letter's word, if we made it; else TokenRefused."""
        number, attempt = _REF.unpack(self._read(_LETTER, token))
        return f"{number}.{attempt}"

    def read_target(self, token: str) -> str:
        """Where a link leads, if we made it; else TokenRefused."""
        return self._read(_TARGET, token).decode()

    def _token(self, kind: int, claim: bytes) -> str:
        told = bytes((_VERSION, kind)) + claim
        return urlsafe_b64encode(self._mac(told) + told).rstrip(b"=").decode()

    def _read(self, kind: int, token: str) -> bytes:
        """What was told in it. One claim has one word only, so it is written anew and compared to the last letter."""
        try:
            told = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))[_MAC_LENGTH:]
        except ValueError:  # not ASCII, or no base64
            told = b""
        ours = told[:2] == bytes((_VERSION, kind))
        if not ours or not hmac.compare_digest(self._token(kind, told[2:]).encode(), token.encode()):
            raise TokenRefused("this link is damaged, or not one of ours")
        return told[2:]

    def _mac(self, told: bytes) -> bytes:
        keyed = self._key.copy()
        keyed.update(told)
        return keyed.digest()[:_MAC_LENGTH]


def _claim(ref: str) -> bytes:
    number, _, attempt = ref.partition(".")
    return _REF.pack(int(number), int(attempt))
