"""What lifts what: one table of the stops on an address and of what takes each of them away.

Everything that writes consents or suppressions asks this table, and `docs/consent.md` shows it. A no always adds.
What is not in a stop's row never lifts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Signal = Literal[
    "page",
    "reply",
    "provider",
    "shop",
    "register",
    "import",
    "undated import",
    "staff",
    "delivered",
    "order",
    "time",
    "hand",
]
Reason = Literal[
    "unsubscribed",
    "forgotten",
    "opted out",
    "complained",
    "bounced",
    "soft bounce",
    "blocked",
    "manual",
    "İYS refusal",
]

SIGNALS: tuple[Signal, ...] = get_args(Signal)
REASONS: tuple[Reason, ...] = get_args(Reason)

#: A yes of the customer's own that bears its own date.
DATED: frozenset[Signal] = frozenset({"page", "reply", "provider", "shop", "register", "import", "staff"})

#: What takes each stop away, where it came later than the stop. A refusal in İYS is no row of `suppressions`: it
#: stands in the mirror of the register, and only the register's own later yes lets messages go (`vefa.consent.gate`).
LIFTS: Mapping[Reason, frozenset[Signal]] = {
    "unsubscribed": DATED | {"hand"},
    "forgotten": frozenset({"page", "hand"}),
    "opted out": frozenset({"reply", "hand"}),
    "complained": frozenset({"hand"}),
    "bounced": frozenset({"hand"}),
    "soft bounce": frozenset({"delivered", "order", "time", "hand"}),
    "blocked": frozenset({"hand"}),
    "manual": frozenset({"hand"}),
    "İYS refusal": frozenset({"register"}),
}

UNSUBSCRIBED: Reason = "unsubscribed"
SOFT_BOUNCE: Reason = "soft bounce"
OPTED_OUT: Reason = "opted out"

#: Signals whose no stops the address as well. A no in a file is kept as a consent row alone: most files write "no" for
#: everybody who was never asked.
STOPPING: frozenset[Signal] = frozenset({"page", "reply", "provider", "shop", "staff"})


def lifts(signal: Signal, reason: str) -> bool:
    """Whether the signal takes that stop away; nothing takes away a stop that the table does not know."""
    return any(reason == known and signal in those for known, those in LIFTS.items())


def lifted_by(signal: Signal) -> tuple[Reason, ...]:
    """The stops that the signal takes away."""
    return tuple(reason for reason in REASONS if signal in LIFTS[reason])
