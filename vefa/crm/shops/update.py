"""What a shop system's message says, and how its words are read: whatever is not as expected says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

from vefa.crm.arrivals import Arrival, Person
from vefa.crm.importers.addresses import ascii_email, e164
from vefa.crm.importers.numbers import parse_number
from vefa.crm.importers.places import countries
from vefa.crm.importers.readings import LARGEST_MONEY
from vefa.crm.personal_names import read_name
from vefa.text import clean_line

_LONGEST = 500
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


class Unreadable(ValueError):
    """A message that lacks what every message of its kind has."""


@dataclass(frozen=True)
class ConsentChange:
    """What a customer has said about being written to.

    `only_after_yes`: nobody has asked them, as far as the shop knows; it ends a consent and says nothing else.
    """

    channel: Literal["email", "sms"]
    granted: bool
    evidence: str
    occurred_at: datetime
    only_after_yes: bool = False


@dataclass(frozen=True)
class TagReport:
    """One tag that a customer got or lost."""

    tag: str
    added: bool
    at: datetime


@dataclass(frozen=True)
class MomentReport:
    """When something happened, as a snapshot shows it; None: it has not happened."""

    moment: Literal["created", "placed", "shipped", "delivered", "cancelled"]
    at: datetime | None


@dataclass(frozen=True)
class RefundReport:
    """A payment back to the customer. `amount` is None while no money has gone back."""

    amount: Decimal | None
    currency: str | None
    reason: str | None
    goods_back: bool
    refunded_at: datetime


@dataclass(frozen=True)
class Merge:
    """Two customers of the shop are one: `gone` went into `kept`."""

    kept: str
    gone: str


#: Later than whatever a shop can send: nothing reverses what bears it.
FINAL = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Update:
    """One object as a message shows it.

    Of an object's snapshots the one with the latest (`updated_at`, `rank`) holds; `digest` makes that order total.
    `moments` are kept from every snapshot, whichever holds. `withdrawn` says why the object counts nowhere.
    `order` must be known before. `partial`: more parcels of the order are to come.
    """

    kind: Literal["customer", "order", "delivery", "refund"]
    key: str
    updated_at: datetime
    snapshot: Arrival | None
    moments: tuple[MomentReport, ...] = ()
    rank: int = 0
    withdrawn: str | None = None
    order: str | None = None
    partial: bool | None = None
    person: Person | None = None
    consents: tuple[ConsentChange, ...] = ()
    tags: tuple[TagReport, ...] = ()
    #: every tag that the customer bears at `updated_at`; None: not said
    all_tags: tuple[str, ...] | None = None
    refund: RefundReport | None = None
    merge: Merge | None = None

    @property
    def who(self) -> Person | None:
        """Whom it names."""
        return self.person or (self.snapshot.person if self.snapshot is not None else None)

    @cached_property
    def digest(self) -> str:
        """Tells two snapshots of one moment and rank apart, the same on every machine."""
        seen = (self.snapshot and _plain(self.snapshot), self.withdrawn, self.partial, self.refund)
        return blake2b(repr(seen).encode(), digest_size=16).hexdigest()

    @property
    def version(self) -> tuple[datetime, int, str]:
        """What decides among the snapshots of one object."""
        return self.updated_at, self.rank, self.digest


def _plain(given: Arrival) -> tuple[object, ...]:
    who = given.person
    named = who and (who.outside_id, who.email, who.sms, sorted(who.details.items()))
    return given.occurred_at, sorted(given.data.items(), key=lambda item: item[0]), named


def text(given: Any) -> str:
    """A word or number as text; empty where it is neither."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return ""
    return clean_line(str(given))[:_LONGEST]


def needed(given: Mapping[str, Any], name: str) -> str:
    """The text there. Raises Unreadable."""
    value = text(given.get(name))
    if not value or value == "0":
        raise Unreadable(f"no {name}")
    return value


def inside(given: Any, *path: str) -> Mapping[str, Any]:
    """The object at the end of the path; an empty one where there is none."""
    for name in path:
        given = given.get(name) if isinstance(given, dict) else None
    return given if isinstance(given, dict) else {}


def each(given: Any) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def moment(given: Any, zone: Any = UTC) -> datetime | None:
    """A moment in UTC; one without an offset is of `zone`."""
    try:
        found = datetime.fromisoformat(text(given))
        found = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _FIRST_YEAR < found.year < _LAST_YEAR else None


def amount(given: Any) -> Decimal | None:
    """A sum of money."""
    value = parse_number(text(given))
    return value if value is not None and abs(value) < LARGEST_MONEY else None


def person(number: str | None, email: Any, phone: Any, **details: Any) -> Person | None:
    """Somebody as a message names them; None where nobody could be found again by it."""
    country = text(details.get("country")).upper()
    address = ascii_email(text(email)) if text(email) else None
    sms = e164(text(phone), country or "TR") if text(phone) else None
    told = {name: said for name, value in details.items() if (said := text(value))}
    told |= {name: read_name(told[name]) or "" for name in ("first_name", "last_name") if name in told}
    told = {name: said for name, said in told.items() if said}
    told.pop("country", None)
    if country in countries():
        told["country"] = country
    if "language" in told:
        told["language"] = told["language"].replace("_", "-").partition("-")[0].lower()
    return Person(number, address, sms, told) if number or address or sms else None
