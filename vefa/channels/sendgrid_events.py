"""What SendGrid tells of e-mails afterwards: its Event Webhook, proved and read.

Order is not promised, the same event may come twice, and `sg_event_id` is reported to change when a request is tried
again. So nothing here goes by it: what counts is which message, what, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from vefa.channels.bounces import is_soft
from vefa.crm.lifting import SOFT_BOUNCE
from vefa.crm.suppressing import LISTED
from vefa.errors import SettingsError

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"

#: A request is tried again for 24 hours; clocks differ by no more than the second.
OLDEST, CLOCKS_APART = timedelta(hours=25), timedelta(minutes=5)

#: SendGrid's words and ours. A bounce of the kind "blocked" is refused as it came: that says little of the address.
KINDS: Mapping[str, str] = {
    "processed": "processed",
    "deferred": "deferred",
    "delivered": "delivered",
    "dropped": "dropped",
    "bounce": "bounced",
    "blocked": "blocked",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "resubscribed",
}
#: Why it dropped a message, where that says something of the address.
STOPS: Mapping[str, str] = {
    "bounced address": LISTED,
    "invalid": "bounced",
    "spam reporting address": "complained",
    "unsubscribed address": "unsubscribed",
}


@dataclass(frozen=True)
class MailEvent:
    """One thing that SendGrid tells of one e-mail. `ref` is the `send_id` that went with it."""

    ref: str
    kind: str
    at: datetime | None
    address: str | None = None
    stop: str | None = None


class EventKey:
    """The public key of the webhook, as Settings → Mail Settings → Event Webhook shows it."""

    def __init__(self, public_key: str) -> None:
        from sendgrid.helpers.eventwebhook import EventWebhook

        try:
            self._webhook = EventWebhook("".join(public_key.split()))
        except ValueError as error:
            raise SettingsError(
                "sendgrid_webhook_public_key is no public key; copy the verification key of SendGrid's Event Webhook"
            ) from error

    def problem(self, body: bytes, signature: str | None, timestamp: str | None, now: datetime) -> str | None:
        """Why this request is not to be believed; None where it is."""
        if not signature or not timestamp:
            return "It bears no signature; turn on Signed Event Webhook in SendGrid's settings."
        if not self._signed(body, signature, timestamp):
            return "Its signature does not fit; see that sendgrid_webhook_public_key is this webhook's key."
        at = _moment(timestamp)
        if at is None or not now - OLDEST <= at <= now + CLOCKS_APART:
            return "It was signed too long ago, or in the future; see that this machine's clock is right."
        return None

    def _signed(self, body: bytes, signature: str, timestamp: str) -> bool:
        try:
            return bool(self._webhook.verify_signature(body.decode(), signature, timestamp))
        except (ValueError, TypeError):  # no UTF-8, or no base64
            return False


def read_events(body: bytes) -> Iterator[MailEvent]:
    """The events of one request that are about messages of ours and that we know; ValueError if it holds no list."""
    told = orjson.loads(body)
    if not isinstance(told, list):
        raise ValueError("not a list of events")
    for one in told:
        if isinstance(one, dict) and (event := _event(one)) is not None:
            yield event


def _event(told: Mapping[str, Any]) -> MailEvent | None:
    ref, word, address = told.get("send_id"), told.get("event"), told.get("email")
    ours = isinstance(ref, str)
    address = address.strip() if isinstance(address, str) else ""
    if not isinstance(word, str) or not (ours or address):
        return None
    kind = KINDS.get("blocked" if word == "bounce" and told.get("type") == "blocked" else word)
    if kind is None:
        return None
    if kind == "opened" and told.get("sg_machine_open") is True:
        kind = "scanned"  # a program fetched the pictures, before anybody read
    return MailEvent(str(ref) if ours else "", kind, _moment(told.get("timestamp")), address or None, _stop(told, kind))


def _stop(told: Mapping[str, Any], kind: str) -> str | None:
    """The stop on the address where the event says more than its kind."""
    reason = str(told.get("reason") or "")
    if kind == "dropped":
        return STOPS.get(reason.lower())
    if kind == "blocked":
        return SOFT_BOUNCE
    if kind != "bounced":
        return None
    status, label = str(told.get("status") or ""), str(told.get("bounce_classification") or "")
    return SOFT_BOUNCE if is_soft(status, reason, label) else None


def _moment(value: object) -> datetime | None:
    """Seconds since 1970, as a number or in digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None
