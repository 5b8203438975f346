"""Shopify's customers: who they are, what they agreed to, their tags, and which two of them are one.

Until API 2025-01 consent and tags stood in the customer's body; since then they come by topics of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from vefa.crm.arrivals import Arrival, Person
from vefa.crm.shops.update import (
    ConsentChange,
    Merge,
    MomentReport,
    TagReport,
    Unreadable,
    Update,
    inside,
    moment,
    needed,
    person,
    text,
)
from vefa.crm.tags import tag_names

#: What each state of a marketing consent says: yes, no, or that a consent, if there was one, has ended.
_STATES: dict[str, Literal["yes", "no", "ended"]] = {
    "subscribed": "yes",
    "unsubscribed": "no",
    "redacted": "no",
    "invalid": "no",
    "not_subscribed": "ended",
}


def parse_customer(given: Mapping[str, Any], received: datetime, *, opened: bool) -> Update:
    """A customer as `customers/*` shows them. Who has no account (`disabled`, `invited`) has not signed up."""
    number, home = needed(given, "id"), inside(given, "default_address")
    own = {part: text(given.get(part)) for part in ("first_name", "last_name")}
    theirs = all(
        not name or not text(home.get(part)) or name.casefold() == text(home.get(part)).casefold()
        for part, name in own.items()
    )
    who = person(
        number,
        given.get("email"),
        text(given.get("phone")) or (home.get("phone") if theirs else None),
        first_name=own["first_name"],
        last_name=own["last_name"],
        city=home.get("city") if theirs else None,
        country=home.get("country_code") if theirs else None,
    )
    changed = moment(given.get("updated_at")) or moment(given.get("created_at")) or received
    created = moment(given.get("created_at")) or received
    has_account = opened or text(given.get("state")).lower() not in ("disabled", "invited", "declined")
    snapshot = Arrival(number, "customer.created", who, created, {})
    return Update(
        "customer",
        number,
        changed,
        snapshot,
        (MomentReport("created", (changed if opened else created) if has_account else None),),
        rank=1 if has_account else 0,
        person=who,
        consents=consents_of(given, changed),
        all_tags=tag_names(given["tags"]) if isinstance(given.get("tags"), str) else None,
    )


def consents_of(given: Mapping[str, Any], changed: datetime) -> tuple[ConsentChange, ...]:
    """What a customer's own body says of both channels, in an order's customer too."""
    return tuple(change for channel in ("email", "sms") for change in _consent(given, channel, changed))


def _consent(given: Mapping[str, Any], channel: str, changed: datetime) -> Iterator[ConsentChange]:
    """Who was never asked has said nothing, nor has who has not confirmed (`pending`)."""
    found = inside(given, f"{channel}_marketing_consent")
    state = text(found.get("state")).lower()
    meaning = _STATES.get(state)
    if meaning is None:
        return
    dated = moment(found.get("consent_updated_at"))
    if meaning == "ended" and dated is None:  # was never asked, which ends nothing
        return
    how = text(found.get("opt_in_level")) or text(found.get("consent_collected_from")) or "no word how"
    at = dated or changed
    medium: Literal["email", "sms"] = "email" if channel == "email" else "sms"
    yield ConsentChange(medium, meaning == "yes", f"{state}, {how}", at, meaning == "ended")


def parse_consent(given: Mapping[str, Any], received: datetime) -> Update:
    """`customers_email_marketing_consent/update` and `customers_marketing_consent/update` (SMS)."""
    number = text(given.get("customer_id")) or text(given.get("id"))
    if not number:
        raise Unreadable("no customer")
    who = person(number, given.get("email_address") or given.get("email"), given.get("phone"))
    changes = consents_of(given, received)
    at = max((change.occurred_at for change in changes), default=received)
    return Update("customer", number, at, None, person=who, consents=changes)


def parse_tags(given: Mapping[str, Any], added: bool, received: datetime) -> Update:
    """`customer.tags_added` and `customer.tags_removed`."""
    number = _plain_id(given.get("customerId") or given.get("customer_id"))
    at = moment(given.get("occurredAt") or given.get("occurred_at")) or received
    tags = given.get("tags")
    names = [text(tag) for tag in tags if text(tag)] if isinstance(tags, list) else []
    reports = tuple(TagReport(name, added, at) for name in names)
    return Update("customer", number, at, None, person=Person(number), tags=reports)


def parse_merge(given: Mapping[str, Any], received: datetime) -> list[Update]:
    """`customers/merge`: two customers have become one. A merge that failed, or is not done yet, says nothing."""
    if text(given.get("status")).lower() in ("failed", "in_progress", "requested") or given.get("errors"):
        return []
    kept, gone = (_merged(given, role) for role in ("kept", "deleted"))
    return [Update("customer", kept, received, None, merge=Merge(kept, gone))]


def _merged(given: Mapping[str, Any], role: str) -> str:
    """One of the two customers; the reference and messages in the wild spell the keys differently."""
    keys = (f"admin_graphql_api_customer_{role}_id", f"admin_graphql_api_id_customer_{role}", f"customer_{role}_id")
    return _plain_id(next((given[key] for key in keys if given.get(key)), None))


def _plain_id(given: Any) -> str:
    number = text(given).rpartition("/")[2]
    if not number:
        raise Unreadable("no customer")
    return number
