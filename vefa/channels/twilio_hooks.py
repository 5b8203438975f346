"""What Twilio posts to us: how far an SMS has come, and what people answer. Proved and read.

The signature is over the address that Twilio was given, not over the one that a proxy lets us see; so it is built from
the settings. Posts may be late, doubled and out of order, and bear no moment of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from vefa.channels.loopback import is_loopback

SIGNATURE = "X-Twilio-Signature"
STATUS_PATH, INBOUND_PATH = "/hooks/twilio/status", "/hooks/twilio/inbound"

#: Twilio's words and ours.
KINDS: Mapping[str, str] = {
    "accepted": "processed",
    "scheduled": "processed",
    "queued": "processed",
    "sending": "processed",
    "sent": "processed",
    "delivered": "delivered",
    "undelivered": "undelivered",
    "failed": "dropped",
    "canceled": "dropped",
}
#: Codes of a number that is none, or not a mobile: for good.
BAD_NUMBERS = frozenset({"21211", "21614", "30005", "30006"})
OPTED_OUT = "21610"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Form(dict[str, list[str]]):
    """A form as it was posted, with all values of a name; `getall` is what the SDK asks."""

    @classmethod
    def of(cls, body: bytes) -> Form:
        form = cls()
        for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
            form.setdefault(name, []).append(value)
        return form

    def getall(self, name: str) -> list[str]:
        """All values of a name."""
        return self[name]

    def first(self, name: str) -> str:
        """The value of a name, without control characters; empty where it is not there."""
        return _CONTROL.sub("", next(iter(self.get(name, ())), ""))


@dataclass(frozen=True)
class SmsStatus:
    """How far an SMS has come, in our words; `stop` where the number itself is at fault."""

    kind: str
    stop: str | None = None


@dataclass(frozen=True)
class InboundSms:
    """What somebody wrote. `opt_out` is what Twilio's Advanced Opt-Out made of it: STOP, START or HELP."""

    sid: str
    number: str
    text: str
    opt_out: str = ""


class HookKey:
    """Proves posts by the account's token."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        from twilio.request_validator import RequestValidator

        self._validator = RequestValidator(auth_token)
        self._public_url = public_url.rstrip("/")

    def proves(self, path: str, query: str, body: bytes, signature: str | None) -> bool:
        """Whether Twilio posted this body to our address with that path and query."""
        if not signature:
            return False
        url = f"{self._public_url}{path}" + (f"?{query}" if query else "")
        return bool(self._validator.validate(url, Form.of(body), signature))


def status_url(public_url: str) -> str | None:
    """Where Twilio reports how far an SMS has come; None where it could not reach us."""
    parts = urlsplit(public_url)
    if parts.scheme != "https" or is_loopback(parts.hostname or ""):
        return None
    return public_url.rstrip("/") + STATUS_PATH


def read_status(body: bytes) -> SmsStatus | None:
    """What a status post tells; None if its word is none that we know."""
    form = Form.of(body)
    kind, code = KINDS.get(form.first("MessageStatus").lower()), form.first("ErrorCode")
    if kind in ("undelivered", "dropped") and code in BAD_NUMBERS:
        return SmsStatus("bounced")
    if kind in ("undelivered", "dropped") and code == OPTED_OUT:
        return SmsStatus(kind, "opted out")
    return SmsStatus(kind) if kind else None


def read_inbound(body: bytes) -> InboundSms:
    """What somebody wrote; ValueError if it says neither who nor which message it is."""
    form = Form.of(body)
    sid, number = form.first("MessageSid"), form.first("From")
    if not sid or not number:
        raise ValueError("no MessageSid or no From")
    return InboundSms(sid, number, form.first("Body").strip(), form.first("OptOutType").upper())
