"""Links that name one customer and one purpose, signed so that nobody can make or alter one.

A token is url-safe text: version, kind, purpose, customer and a 128-bit HMAC-SHA256 over all of them. It holds no
address and no name. It does not expire: an unsubscribe link in an old mail must go on working.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vefa.errors import SettingsError, UserError

LinkKind = Literal["unsubscribe", "preferences"]

_VERSION = 1
_MAC_LENGTH = 16
_SHORTEST_SECRET = 16
_KINDS: Mapping[LinkKind, int] = {"unsubscribe": 1, "preferences": 2}
_KIND_NAMES = {code: kind for kind, code in _KINDS.items()}
_PATHS: Mapping[LinkKind, str] = {"unsubscribe": "/u/", "preferences": "/p/"}


class TokenRefused(UserError):  # named by what is the case
    """A link's token is not one of ours."""


@dataclass(frozen=True)
class UnsubscribeClaim:
    """What a token proves: this customer was given this kind of link in a message of this purpose."""

    customer_id: int
    purpose: str
    kind: LinkKind = "unsubscribe"


class LinkSigner:
    """Makes and proves the links of one shop."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise SettingsError(
                f"VEFA_SECRET_KEY must have at least {_SHORTEST_SECRET} characters; it signs the unsubscribe links"
            )
        # A key of its own, so that the same secret may sign other things elsewhere.
        self._key = hmac.digest(secret, b"vefa links", hashlib.sha256)
        self._public_url = public_url.rstrip("/")

    def unsubscribe_url(self, customer_id: int, purpose: str) -> str:
        """Where one click (a POST) ends messages of this purpose; a GET shows a page with a button."""
        return self._url("unsubscribe", customer_id, purpose)

    def preferences_url(self, customer_id: int, purpose: str = "commercial") -> str:
        """Where the customer sees and changes what they get."""
        return self._url("preferences", customer_id, purpose)

    def token(self, customer_id: int, purpose: str, kind: LinkKind = "unsubscribe") -> str:
        """The signed token of one customer, purpose and kind."""
        claim = bytes([_VERSION, _KINDS[kind]]) + _packed(customer_id) + purpose.encode()
        return urlsafe_b64encode(self._mac(claim) + claim).rstrip(b"=").decode()

    def verify(self, token: str, kind: LinkKind = "unsubscribe") -> UnsubscribeClaim:
        """What a token claims, if we made it for this kind of link; else TokenRefused."""
        raw = _decoded(token)
        mac, claim = raw[:_MAC_LENGTH], raw[_MAC_LENGTH:]
        if not claim or not hmac.compare_digest(mac, self._mac(claim)):
            raise TokenRefused("this link is damaged, or not one of ours")
        if claim[0] != _VERSION or _KIND_NAMES.get(claim[1]) != kind:
            raise TokenRefused("this link was made for something else")
        length = claim[2]
        return UnsubscribeClaim(int.from_bytes(claim[3 : 3 + length], "big"), claim[3 + length :].decode(), kind)

    def unsubscribe_headers(self, customer_id: int, purpose: str, mailto: str | None = None) -> dict[str, str]:
        """The headers of RFC 8058, with which a mail program shows its own unsubscribe button.

        `mailto` is the mailbox for refusals by mail; its subject bears the same token.
        """
        ways = [f"<{self.unsubscribe_url(customer_id, purpose)}>"]
        if mailto:
            ways.append(f"<mailto:{_header_safe(mailto)}?subject={self.token(customer_id, purpose)}>")
        return {
            "List-Unsubscribe": ", ".join(ways),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }

    def urls(self, kind: LinkKind, customer_ids: Sequence[int], purpose: str) -> list[str]:
        """The links of many customers, in their order."""
        return [self._url(kind, customer_id, purpose) for customer_id in customer_ids]

    def unsubscribe_columns(self, urls: Sequence[str]) -> dict[str, Sequence[str]]:
        """The headers of `unsubscribe_headers` for many, in columns."""
        return {
            "List-Unsubscribe": [f"<{url}>" for url in urls],
            "List-Unsubscribe-Post": ["List-Unsubscribe=One-Click"] * len(urls),
        }

    def _url(self, kind: LinkKind, customer_id: int, purpose: str) -> str:
        return f"{self._public_url}{_PATHS[kind]}{self.token(customer_id, purpose, kind)}"

    def _mac(self, claim: bytes) -> bytes:
        return hmac.digest(self._key, claim, hashlib.sha256)[:_MAC_LENGTH]


def _packed(number: int) -> bytes:
    """A length byte and the number, so that where it ends is part of what is signed."""
    if number < 0:
        raise ValueError(f"{number} is no customer's id")
    length = max(1, (number.bit_length() + 7) // 8)
    return bytes([length]) + number.to_bytes(length, "big")


def _decoded(token: str) -> bytes:
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (ValueError, UnicodeEncodeError):
        raise TokenRefused("this link is damaged, or not one of ours") from None
    # Stray characters are skipped by the decoder; one claim has one token only.
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise TokenRefused("this link is damaged, or not one of ours")
    return raw


def _header_safe(address: str) -> str:
    if any(letter in address for letter in "\r\n<>, ") or not address.isascii():
        raise SettingsError(f"{address!r} cannot stand in a List-Unsubscribe header")
    return address
