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
        tags=tuple(_tags(given, changed)),
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
    how = text(found.get("opt_in_level")) or text(found.get("consent_collected_from")) or "no word how"
    at = moment(found.get("consent_updated_at")) or changed
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


def _tags(given: Mapping[str, Any], changed: datetime) -> Iterator[TagReport]:
    """Tags of an older body, `"vip, toptan"`: those that are there."""
    for tag in text(given.get("tags")).split(","):
        if tag.strip():
            yield TagReport(tag.strip(), True, changed)


def parse_merge(given: Mapping[str, Any], received: datetime) -> Update:
    """`customers/merge`: two customers have become one."""
    kept = _plain_id(given.get("admin_graphql_api_id_customer_kept") or given.get("customer_kept_id"))
    gone = _plain_id(given.get("admin_graphql_api_id_customer_deleted") or given.get("customer_deleted_id"))
    return Update("customer", kept, received, None, merge=Merge(kept, gone))


def _plain_id(given: Any) -> str:
    number = text(given).rpartition("/")[2]
    if not number:
        raise Unreadable("no customer")
    return number
