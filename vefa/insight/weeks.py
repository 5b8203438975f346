"""The weeks that a report looks back over, on the shop's own clock: from Monday to Monday, the last one unfinished."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Weeks:
    """Their Mondays, the oldest first; all is seen as of `now`."""

    mondays: tuple[date, ...]
    zone: ZoneInfo
    now: datetime

    @classmethod
    def back(cls, count: int, zone: ZoneInfo, now: datetime) -> Weeks:
        """The last `count` weeks, the one of `now` among them."""
        today = now.astimezone(zone).date()
        last = today - timedelta(days=today.weekday())
        return cls(tuple(last - timedelta(weeks=back) for back in range(count - 1, -1, -1)), zone, now)

    @property
    def bounds(self) -> tuple[datetime, ...]:
        """Where each week begins, and where the last one ends."""
        days = (*self.mondays, self.mondays[-1] + timedelta(weeks=1))
        return tuple(datetime.combine(day, time(0), self.zone) for day in days)

    @property
    def start(self) -> datetime:
        """The first moment that is looked at."""
        return self.bounds[0]

    def place(self, moment: datetime) -> int:
        """Which of the weeks the moment lies in."""
        return (moment.astimezone(self.zone).date() - self.mondays[0]).days // 7
