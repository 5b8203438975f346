"""One call to Shopify's Admin API: a customer's marketing consent, and what its answer means.

The two mutations are those of https://shopify.dev/docs/api/admin-graphql (2026-07). The same call twice does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import SecretStr

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Outcome, Refused
from vefa.channels.http_answers import Answer, OddAnswerError
from vefa.channels.http_connection import Connection, NotSentError

#: What Shopify calls its mutations and their parts, by channel.
_NAMES: Mapping[str, str] = {"email": "Email", "sms": "Sms"}
_QUERY = (
    "mutation($input: Customer{0}MarketingConsentUpdateInput!) "
    "{{ customer{0}MarketingConsentUpdate(input: $input) {{ userErrors {{ field message }} }} }}"
)
#: Seconds to wait where Shopify does not say how long.
PAUSE, LONGEST = 60.0, 3_600.0
#: What begins the reason of a call after which no other may go until somebody has mended it.
STOPPED = "stopped: "
_STOPS: Mapping[int, str] = {
    401: "Shopify refuses the token (401)",
    402: "Shopify has frozen the shop (402)",
    403: "Shopify refuses the token (403); it needs the scope write_customers",
    404: "Shopify has no such shop or API version (404)",
    423: "Shopify has locked the shop (423)",
}
_CODES: Mapping[str, str] = {
    "ACCESS_DENIED": "the token lacks the scope write_customers",
    "SHOP_INACTIVE": "Shopify says that the shop is not active",
}


@dataclass(frozen=True)
class AdminAccess:
    """How to reach the Admin API: a base URL, a version such as 2026-07, and a time-out in seconds."""

    url: str
    version: str
    token: SecretStr
    timeout: float


def is_customer_number(outside_id: str) -> bool:
    """Whether it can be Shopify's own number of a customer."""
    return re.fullmatch(r"[1-9][0-9]{0,19}", outside_id) is not None


def write_body(outside_id: str, channel: str, granted: bool, occurred_at: datetime) -> str:
    """The request that sets the customer's consent to messages by this channel, as JSON."""
    name = _NAMES[channel]
    consent: dict[str, str] = {
        "marketingState": "SUBSCRIBED" if granted else "UNSUBSCRIBED",
        "consentUpdatedAt": occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if granted:
        consent["marketingOptInLevel"] = "SINGLE_OPT_IN"
    given = {"customerId": f"gid://shopify/Customer/{outside_id}", f"{channel}MarketingConsent": consent}
    return orjson.dumps({"query": _QUERY.format(name), "variables": {"input": given}}).decode()


def post(access: AdminAccess, body: bytes) -> Outcome:
    """Send it once; never raises for what Shopify does. Neither the token nor the customer is in the outcome."""
    connection = Connection(access.url, access.timeout)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "vefa",
        "Connection": "close",
        "X-Shopify-Access-Token": access.token.get_secret_value(),
    }
    try:
        return _meaning(connection.exchange("POST", f"/admin/api/{access.version}/graphql.json", body, headers))
    except NotSentError:
        return Busy("no connection to Shopify", 0.0)
    except TimeoutError:
        return Doubtful("no answer from Shopify in time")
    except OddAnswerError:
        return Doubtful("strange answer from Shopify")
    except OSError:
        return Doubtful("connection to Shopify lost")
    finally:
        connection.close()


def _meaning(answer: Answer) -> Outcome:
    status = answer.status
    if status == 200:
        return _of_graphql(answer.body)
    if status in (429, 430):
        return Busy(f"Shopify is throttling ({status})", _seconds(answer.headers.get("retry-after", "")))
    if status in _STOPS or 300 <= status < 400:
        return Denied(STOPPED + _STOPS.get(status, f"Shopify answered {status}, from another place"))
    return Doubtful(f"Shopify answered {status}") if status >= 500 else Refused(f"Shopify answered {status}")


def _of_graphql(body: bytes) -> Outcome:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Doubtful("strange answer from Shopify")
    if not isinstance(given, dict):
        return Doubtful("strange answer from Shopify")
    if given.get("errors"):
        return _of_errors(given)
    parts = [part for part in _dict(given.get("data")).values() if isinstance(part, dict)]
    if not parts:
        return Doubtful("strange answer from Shopify")
    faults = [fault for part in parts for fault in _dicts(part.get("userErrors"))]
    return Refused(f"Shopify: {_safe(faults[0])}") if faults else Accepted()


def _of_errors(given: Mapping[str, Any]) -> Outcome:
    codes = [str(_dict(fault.get("extensions")).get("code")) for fault in _dicts(given["errors"])]
    if "THROTTLED" in codes:
        return Busy("Shopify is throttling", _until_restored(given))
    for code in codes:
        if code in _CODES:
            return Denied(STOPPED + _CODES[code])
    if not codes or any(code.startswith("INTERNAL") for code in codes):
        return Doubtful("Shopify reports a fault of its own")
    return Refused("Shopify does not understand the call; see web.shopify.api_version")


def _until_restored(given: Mapping[str, Any]) -> float:
    """Seconds until what the call costs is there again."""
    cost = _dict(_dict(given.get("extensions")).get("cost"))
    bucket = _dict(cost.get("throttleStatus"))
    asked, there = cost.get("requestedQueryCost"), bucket.get("currentlyAvailable")
    rate = bucket.get("restoreRate")
    numbers = [one for one in (asked, there, rate) if isinstance(one, int | float)]
    if len(numbers) < 3 or numbers[2] <= 0:
        return PAUSE
    return min(max((numbers[0] - numbers[1]) / numbers[2], 1.0), LONGEST)


def _seconds(text: str) -> float:
    return min(float(text), LONGEST) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else PAUSE


def _safe(fault: Mapping[str, Any]) -> str:
    """Shopify's sentence, unless it could hold an address or a number of the customer's."""
    message = " ".join(str(fault.get("message") or "").split())
    if message and message.isprintable() and not re.search(r"@|[0-9]{4}", message):
        return message[:120]
    return "it does not take the consent"


def _dict(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _dicts(given: Any) -> Iterator[Mapping[str, Any]]:
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict):
            yield one
