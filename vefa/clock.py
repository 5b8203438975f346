"""The one place that reads the machine's clock. Everything below a flow or a command gets its time as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def stopped_at(moment: datetime) -> Clock:
    """A clock that always says `moment`: replay, simulation, tests."""
    return lambda: moment
