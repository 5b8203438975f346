"""How a tool knows that a request is ours, and that it has had it before.

The form is that of Standard Webhooks, for which there are libraries in most languages: three headers, and an
HMAC-SHA256 over the id, the moment and the body as they are.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from hashlib import blake2b, sha256

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
#: What a key begins with that is written in base64.
PREFIX = "whsec_"
#: Seconds by which the clocks may differ.
TOLERANCE = 300


def event_id(secret: bytes, *what: object) -> str:
    """The errand's name outside, made of all that makes it one of its own: the same at every try, and nobody can guess
    another one."""
    text = "\x1f".join(map(str, what))
    return "evt_" + blake2b(text.encode(), key=secret[:64], digest_size=12).hexdigest()


def signed(key: str, name: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """The three headers of one try at that moment (seconds since 1970)."""
    return {ID: name, TIMESTAMP: str(seconds), SIGNATURE: f"v1,{_signature(key, name, str(seconds), body)}"}


def verify(key: str, headers: Mapping[str, str], body: bytes, seconds: int) -> bool:
    """Whether the request was signed with the key, and lately."""
    name, moment = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not (moment.isascii() and moment.isdigit()) or abs(seconds - int(moment)) > TOLERANCE:
        return False
    ours = f"v1,{_signature(key, name, moment, body)}"
    return any(hmac.compare_digest(ours, each) for each in headers.get(SIGNATURE, "").split(" ") if each.isascii())


def _signature(key: str, name: str, moment: str, body: bytes) -> str:
    return b64encode(hmac.digest(_bytes(key), f"{name}.{moment}.".encode() + body, sha256)).decode()


def _bytes(key: str) -> bytes:
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        return b64decode(key.removeprefix(PREFIX), validate=True)
    except Error:
        return key.encode()
