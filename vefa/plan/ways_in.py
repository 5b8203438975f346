"""How customers come into a journey: what brings them, and whether they may come again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal

from pydantic import Field

from vefa.language.conditions import Condition, Duration, Everything


@dataclass(frozen=True)
class EventTrigger:
    """The customer of each event; the event's object is at hand in every step."""

    event: str
    object_kind: str | None
    where: Condition = Everything()
    kind: Literal["event"] = "event"


@dataclass(frozen=True)
class DateTrigger:
    """Once a year on the day of `field` moved by `offset` days, at `at` on the customer's own clock."""

    field: str
    offset: int
    at: time
    kind: Literal["date"] = "date"


@dataclass(frozen=True)
class SegmentTrigger:
    """Who has come into the segment since the last run."""

    name: str
    condition: Condition
    kind: Literal["segment"] = "segment"


@dataclass(frozen=True)
class EveryTrigger:
    """The whole audience at each occurrence of a cron line (5 fields) in `zone` (None: the shop's)."""

    cron: str
    zone: str | None
    kind: Literal["every"] = "every"


@dataclass(frozen=True)
class EnteredTrigger:
    """Only whom another journey sends here."""

    kind: Literal["entered"] = "entered"


Trigger = Annotated[
    EventTrigger | DateTrigger | SegmentTrigger | EveryTrigger | EnteredTrigger, Field(discriminator="kind")
]


@dataclass(frozen=True)
class Reentry:
    """`once` ever; or again only `after` that long. None on the plan: once per entry key."""

    once: bool = False
    after: Duration | None = None
