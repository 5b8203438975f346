"""Identity resolution without a database: which customer somebody is who gave an address and no id of the shop's.

The rule looks at everything that was ever seen together, as a set. So neither the order in which it came, nor how it
was cut into batches, nor that some came twice, can change what follows (rule 26).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Channel = Literal["email", "sms"]
#: A customer's row, or the name of one that is still to be made.
Holder = int | str

PREFIX = "guest:"


@dataclass(frozen=True)
class Identifier:
    """One address that a name was seen with; `own`: in the customer's own record, not only in an order."""

    name: str
    channel: str
    address_key: str
    own: bool


def key_of(guest: str) -> str:
    """The key of the address that a guest is named after."""
    return guest.removeprefix(PREFIX)


def resolve_guests(
    guests: Mapping[str, str],
    seen: Iterable[Identifier],
    accounts: Mapping[str, Holder],
    attached: Mapping[str, Holder],
) -> dict[str, Holder]:
    """Find for each guest (with its address's channel) its customer; its own name where it stands alone.

    `accounts`: the customers of the shop's ids among `seen`; `attached`: those of e-mail guests who are not asked for.
    """
    at = _names_at(seen)
    found: dict[str, Holder] = {}
    for guest in (name for name, channel in guests.items() if channel == "email"):
        named = {accounts[name] for name in at["email", key_of(guest)] if name in accounts}
        found[guest] = _only(named, guest)
    for guest in (name for name, channel in guests.items() if channel == "sms"):
        others = at["sms", key_of(guest)]
        holders = {**attached, **found, **accounts}
        found[guest] = _only({holders[name] for name in others if name in holders}, guest)
    return found


def _only(candidates: set[Holder], guest: str) -> Holder:
    """An address that several customers have names none of them."""
    return next(iter(candidates)) if len(candidates) == 1 else guest


def _names_at(seen: Iterable[Identifier]) -> Mapping[tuple[str, str], set[str]]:
    """The names that have each address. What an order says counts where the customer's own record says nothing."""
    rows = list(seen)
    own: set[Hashable] = {(row.name, row.channel) for row in rows if row.own}
    at: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.own or (row.name, row.channel) not in own:
            at[row.channel, row.address_key].add(row.name)
    return at
