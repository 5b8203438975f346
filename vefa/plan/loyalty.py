"""The loyalty programme (`config/loyalty.yaml`) as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo

from vefa.language.conditions import Duration


@dataclass(frozen=True)
class Earning:
    """`points` for each whole `per` (in the shop's currency) of an order, and what goes on top."""

    points: int
    per: Decimal
    on: Literal["placed", "delivered"] = "placed"
    categories: Mapping[str, Decimal] = field(default_factory=dict)
    first_order: int = 0


@dataclass(frozen=True)
class Expiry:
    """A lot runs out at the end of the day, or month, that lies `after` its earning; `tell` so long before."""

    after: Duration
    at_end_of: Literal["day", "month"] = "day"
    tell: Duration | None = None


@dataclass(frozen=True)
class Level:
    """A tier: from so many points earned lately on. `words` by language, for customers."""

    name: str
    start: int
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Programme:
    """What earns, what it is worth, when it runs out. Without a file nothing earns and nothing runs out.

    `rests`: the file holds mistakes, so nobody can tell; nothing is posted, and nothing is given, until it is mended.
    """

    starts: date | None = None
    earn: Earning | None = None
    expire: Expiry | None = None
    worth: Decimal | None = None
    rules: Mapping[str, int] = field(default_factory=dict)
    within: Duration = Duration(365)
    levels: tuple[Level, ...] = ()
    rests: bool = False

    @property
    def runs(self) -> bool:
        """Whether the shop has one at all."""
        return self.starts is not None

    @property
    def stamp(self) -> str:
        """Changes when anything changes by which points are posted."""
        said = repr((self.starts, self.earn, self.expire, self.within, self.levels))
        return blake2b(said.encode(), digest_size=8).hexdigest()

    def runs_out(self, earned: datetime, zone: str) -> datetime | None:
        """The last moment at which points earned then can be spent; None: they stay."""
        if self.expire is None:
            return None
        moment = earned + timedelta(seconds=self.expire.after.seconds)
        day = moment.astimezone(ZoneInfo(zone)).date() + timedelta(days=self.expire.after.days)
        if self.expire.at_end_of == "month":
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        else:
            day += timedelta(days=1)
        return datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(earned.tzinfo) - timedelta(microseconds=1)

    def told_from(self, end: datetime) -> datetime | None:
        """When customers are told that a lot runs out at `end`."""
        if self.expire is None or self.expire.tell is None:
            return None
        return end - span(self.expire.tell)

    def level(self, points: int) -> Level | None:
        """The tier of who has earned so many lately."""
        return next((level for level in reversed(self.levels) if points >= level.start), None)

    def words(self, tier: str | None, locale: str) -> str | None:
        """What customers of that language call the tier."""
        found = next((level for level in self.levels if level.name == tier), None)
        return tier if found is None else found.words.get(locale, found.name)


#: A shop without a file.
NO_PROGRAMME = Programme()
#: A shop whose file holds mistakes.
RESTING = Programme(rests=True)


def span(length: Duration) -> timedelta:
    """The length as elapsed time."""
    return timedelta(days=length.days, seconds=length.seconds)
