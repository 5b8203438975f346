"""A Shopify Admin API on loopback: the two mutations of marketing consents, with the checks that the real one makes.

Set `web.shopify.shop` to its `url`, and VEFA_SHOPIFY_ACCESS_TOKEN to its token.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.server import FakeServer

_PATH = re.compile(r"/admin/api/20[0-9]{2}-(01|04|07|10)/graphql\.json")
_MUTATION = re.compile(r"\bcustomer(Email|Sms)MarketingConsentUpdate\(input: \$input\)")
_CUSTOMER = re.compile(r"gid://shopify/Customer/([1-9][0-9]*)")
_MOMENT = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True)
class KeptConsent:
    """What the shop knows of one customer and channel: subscribed | unsubscribed, and since when."""

    state: str
    updated_at: str


class FakeShopify(FakeServer):
    """Keeps consents by customer and channel; `calls` counts the mutations that it carried out.

    `customers`: which channels each customer has an address for, by Shopify's number.
    """

    def __init__(self, token: str, customers: Mapping[str, Collection[str]], port: int = 0) -> None:
        super().__init__(port)
        self._token, self._customers = token, customers
        self.kept: dict[tuple[str, str], KeptConsent] = {}
        self.calls: list[tuple[str, str, str]] = []

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        """200 with data or userErrors; 401, 404 and errors as the real one gives them."""
        if not _PATH.fullmatch(asked.path) or asked.method != "POST":
            return Answer(404, b'{"errors":"Not Found"}')
        if asked.headers.get("X-Shopify-Access-Token") != self._token:
            return Answer(401, b'{"errors":"[API] Invalid API key or access token"}')
        given = orjson.loads(asked.body)
        mutation = _MUTATION.search(given["query"])
        if mutation is None:
            return _errors("undefinedField", "Field doesn't exist on type 'Mutation'")
        return self._carry_out(mutation[1], given["variables"]["input"], keep=keep)

    def _carry_out(self, name: str, given: Mapping[str, Any], *, keep: bool) -> Answer:
        channel = name.lower()
        consent = given[f"{channel}MarketingConsent"]
        customer = _CUSTOMER.fullmatch(given["customerId"])
        if customer is None or not _MOMENT.fullmatch(consent["consentUpdatedAt"]):
            return _errors("INVALID_VARIABLE", "Variable $input was provided invalid value")
        state = consent["marketingState"]
        if state not in ("SUBSCRIBED", "UNSUBSCRIBED"):
            return _done(name, f"Cannot specify {state} as a marketing state input")
        number = customer[1]
        if number not in self._customers:
            return _done(name, "Customer does not exist")
        if channel not in self._customers[number]:
            noun = "an email address" if channel == "email" else "a phone number"
            return _done(name, f"The customer must have {noun}")
        if keep:
            self.calls.append((number, channel, state))
            self.kept[number, channel] = KeptConsent(state.lower(), consent["consentUpdatedAt"])
        return _done(name)


def throttled(asked: float = 10.0, available: float = 0.0, rate: float = 100.0) -> Answer:
    """200, and the call was not carried out: the bucket of the shop's app is empty."""
    bucket = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}
    cost = {"requestedQueryCost": asked, "actualQueryCost": None, "throttleStatus": bucket}
    fault = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    return Answer(200, orjson.dumps({"errors": [fault], "extensions": {"cost": cost}}))


def denied() -> Answer:
    """200, and the token lacks the scope."""
    return _errors("ACCESS_DENIED", "Access denied. Required access: `write_customers` access scope.")


def _errors(code: str, message: str) -> Answer:
    fault = {"message": message, "extensions": {"code": code}}
    return Answer(200, orjson.dumps({"errors": [fault]}))


def _done(name: str, fault: str | None = None) -> Answer:
    faults = [{"field": ["input"], "message": fault}] if fault else []
    return Answer(200, orjson.dumps({"data": {f"customer{name}MarketingConsentUpdate": {"userErrors": faults}}}))
