"""What somebody outside tells of: an event about a customer and perhaps an object, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from vefa.settings import Settings


@dataclass(frozen=True)
class Person:
    """A customer as a sender names them: by their own number, else by an address in its stored form."""

    outside_id: str | None = None
    email: str | None = None
    sms: str | None = None
    details: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Arrival:
    """One event as it came, its form proved."""

    id: str
    type: str
    person: Person | None
    occurred_at: datetime | None
    data: Mapping[str, Any]
    object_kind: str | None = None
    object_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    state: Literal["new", "known", "refused"]
    problem: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What holds for all that came in one request."""

    source: str
    now: datetime
    creates: bool
    settings: Settings
    #: A moment that is told again later than it was is no correction.
    earliest: bool = False
    #: An order is delivered with its last parcel, as far as parcels are known.
    parcels_deliver: bool = True
    #: People who were erased, and whom a later order or sign-up makes customers anew.
    back: frozenset[Person] = frozenset()


NEW, KNOWN = Outcome("new"), Outcome("known")


def refused(problem: str) -> Outcome:
    """It was not taken, and the sentence says why."""
    return Outcome("refused", problem)
