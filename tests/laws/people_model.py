"""Who is one with whom, as a plain model: everything that was ever seen, and no order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sighting:
    """Somebody as one message names them. `record`: the customer's own record, else an order of that number."""

    id: str | None = None
    email: str | None = None
    sms: str | None = None
    order: str | None = None

    @property
    def record(self) -> bool:
        return self.order is None


def owners(seen: Sequence[Sighting], merges: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By order the customer: `id:…`, or `email:…` or `sms:…` for who is known by that alone."""
    kept = {gone: kept for kept, gone in merges}

    def final(number: str) -> str:
        while number in kept:
            number = kept[number]
        return number

    def addresses(number: str, channel: str) -> set[str]:
        mine = [one for one in seen if one.id is not None and final(one.id) == number]
        found = {(one.record, at) for one in mine if (at := fold(getattr(one, channel)))}
        own = {at for record, at in found if record}
        return own or {at for _, at in found}

    accounts = {final(one.id) for one in seen if one.id is not None}

    def by_email(at: str) -> str:
        named = [number for number in accounts if at in addresses(number, "email")]
        return f"id:{named[0]}" if len(named) == 1 else f"email:{at}"

    def by_phone(at: str) -> str:
        named = {f"id:{number}" for number in accounts if at in addresses(number, "sms")}
        named |= {by_email(fold(one.email)) for one in seen if one.id is None and one.email and one.sms == at}
        return named.pop() if len(named) == 1 else f"sms:{at}"

    def owner(one: Sighting) -> str:
        if one.id is not None:
            return f"id:{final(one.id)}"
        return by_email(fold(one.email)) if one.email else by_phone(one.sms or "")

    return {one.order: owner(one) for one in seen if one.order is not None}


def fold(address: str | None) -> str:
    return (address or "").lower()
