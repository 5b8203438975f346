"""When a journey's flow runs, from the journey's `runs:`; plain data that Prefect understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from vefa.plan.plans import Runs

#: What `runs: at once` means by schedule: the net beneath the instant path.
AT_ONCE = timedelta(minutes=1)
#: Intervals are counted from here, so that a deploy does not move them.
ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Every:
    """Each `interval`, counted from `anchor`."""

    interval: timedelta
    anchor: datetime
    slug: str = "every"

    def next(self, after: datetime) -> datetime:
        """The first time later than `after`."""
        return self.anchor + self.interval * ((after - self.anchor) // self.interval + 1)

    def as_yaml(self) -> dict[str, object]:
        """The words of `prefect.yaml`."""
        seconds = int(self.interval.total_seconds())
        return {"slug": self.slug, "interval": seconds, "anchor_date": self.anchor.isoformat()}


@dataclass(frozen=True)
class Daily:
    """Once a day at `at` on the shop's clock."""

    at: time
    zone: str
    slug: str = "daily"

    def next(self, after: datetime) -> datetime:
        """The first time later than `after`."""
        local = after.astimezone(ZoneInfo(self.zone))
        today = datetime.combine(local.date(), self.at, local.tzinfo)
        return (today if today > local else today + timedelta(days=1)).astimezone(UTC)

    @property
    def cron(self) -> str:
        """The cron line of that time."""
        return f"{self.at.minute} {self.at.hour} * * *"

    def as_yaml(self) -> dict[str, object]:
        """The words of `prefect.yaml`."""
        return {"slug": self.slug, "cron": self.cron, "timezone": self.zone}


Schedule = Every | Daily


def schedule(journey: str, runs: Runs, zone: str) -> Schedule:
    """The schedule of a journey.

    Journeys with the same interval start at different seconds of it, always the same for one journey: starting
    all of them at once would make each of them late.
    """
    if runs.at is not None:
        return Daily(runs.at, zone)
    interval = AT_ONCE if runs.at_once or not runs.minutes else timedelta(minutes=runs.minutes)
    return Every(interval, ANCHOR + _offset(journey, interval))


def _offset(journey: str, interval: timedelta) -> timedelta:
    number = int.from_bytes(blake2b(journey.encode(), digest_size=8).digest())
    return timedelta(seconds=number % int(interval.total_seconds()))
