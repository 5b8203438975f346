"""When things run: `runs`, `reentry`, and the days of a newsletter as a cron line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from vefa.language.durations import quoted, read_duration, read_time
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.values import LONG_WEEKDAYS, WEEKDAYS
from vefa.plan.plans import Runs
from vefa.plan.ways_in import Reentry

RUNS_BY_DEFAULT = Runs(minutes=15)
_ORDINALS = ("first", "second", "third", "fourth")
_EVERY = re.compile(r"every(?: (\d+))? (minute|hour)s?")
_DAILY = re.compile(r"""every day at ["']?([\d:]+)["']?""")
_RUNS_HINT = 'Write at once, every 15 minutes, or every day at "09:00".'


def read_runs(text: str | None) -> Runs:
    """`at once`, `every N minutes`, `every day at "09:00"`; every 15 minutes where nothing is said."""
    if text is None:
        return RUNS_BY_DEFAULT
    if text == "at once":
        return Runs(at_once=True)
    if found := _DAILY.fullmatch(text):
        at = read_time(found[1])
        refuse_the_lost_hour(at)
        return Runs(at=at)
    found = _EVERY.fullmatch(text)
    if found is None:
        raise Mistake(f"{quoted(text)} is no schedule", did_you_mean(text, ("at once",), _RUNS_HINT), "runs")
    minutes = int(found[1] or 1) * (60 if found[2] == "hour" else 1)
    if not 1 <= minutes <= 1440:
        raise Mistake("a journey runs at least once a day and at most every minute", _RUNS_HINT, "runs")
    return Runs(minutes=minutes)


def refuse_the_lost_hour(at: time) -> None:
    """Between 02:00 and 03:00 clocks are changed: that hour is lost in spring and comes twice in autumn."""
    if at.hour == 2:
        raise Mistake(
            "between 02:00 and 03:00 an hour is lost or doubled when clocks are changed",
            "Take a time before 02:00, or from 03:00 on.",
            "lost-hour",
        )


def read_reentry(text: str | None) -> Reentry | None:
    """`once`, `every time`, `after 90 days`; None is once per entry key."""
    if text in {None, "every time"}:
        return None
    if text == "once":
        return Reentry(once=True)
    if text and text.startswith("after "):
        return Reentry(after=read_duration(text.removeprefix("after ")))
    hint = did_you_mean(str(text), ("once", "every time"), "Write once, every time, or after 90 days.")
    raise Mistake(f"{quoted(text)} does not say how often one may enter", hint, "reentry")


def read_zone(name: str | None) -> str | None:
    """An IANA time zone."""
    if name is None or name in available_timezones():
        return name
    hint = did_you_mean(name, available_timezones(), "Write one such as Europe/Istanbul.")
    raise Mistake(f"{quoted(name)} is no time zone", hint, "zone")


def read_cron(line: str) -> str:
    """Five fields that come round some day, outside the lost hour."""
    five = len(line.split()) == 5
    try:
        if not five:
            raise CronSimError("Wrong number of fields")
        times = CronSim(line, datetime(2026, 1, 1, tzinfo=UTC))
        next(times)
    except (CronSimError, StopIteration) as error:
        why = str(error).replace("-", " ").lower() or "it never comes"
        raise Mistake(
            f"{quoted(line)} is no cron line: {why}",
            "Write minute, hour, day of the month, month, day of the week, such as 0 10 * * MON.",
            "cron",
        ) from None
    if line.split()[1] != "*" and 2 in times.hours:
        refuse_the_lost_hour(time(2))
    return line


@dataclass(frozen=True)
class Days:
    """Which days a newsletter goes on: the last three fields of a cron line."""

    of_month: str = "*"
    of_week: str = "*"

    def cron(self, at: time) -> str:
        return f"{at.minute} {at.hour} {self.of_month} * {self.of_week}"


def read_days(period: str, on: object) -> Days:
    """`on` of a day, a week or a month."""
    return {"day": _in_day, "week": _in_week, "month": _in_month}[period](on)


def _in_day(on: object) -> Days:
    if on is not None:
        raise Mistake('every day needs no "on"', "Write every: week with on: [mon, tue] for certain days.", "on")
    return Days()


def _in_week(on: object) -> Days:
    given = on if isinstance(on, list) else [on]
    if not given or given == [None]:
        raise Mistake('every week needs "on"', "Write the day, such as on: tuesday.", "on")
    numbers = sorted({_weekday(day) for day in given})
    return Days(of_week=",".join(WEEKDAYS[number].upper() for number in numbers))


def _in_month(on: object) -> Days:
    hint = "Write first tuesday, last friday, a day from 1 to 28, or last day."
    if isinstance(on, int) and not isinstance(on, bool):
        if 1 <= on <= 28:
            return Days(of_month=str(on))
        message = f"not every month has a day {on}" if 29 <= on <= 31 else f"no month has a day {on}"
        raise Mistake(message, "Write a day from 1 to 28, or last day.", "on")
    if on == "last day":
        return Days(of_month="L")
    words = on.split() if isinstance(on, str) else []
    if len(words) != 2:
        raise Mistake('every month needs "on"' if on is None else f"{quoted(on)} is no day of a month", hint, "on")
    number = _weekday(words[1])
    if words[0] == "last":
        return Days(of_week=f"{(number + 1) % 7}L")
    if words[0] not in _ORDINALS:
        near = did_you_mean(words[0], (*_ORDINALS, "last"), hint)
        raise Mistake(f'"{words[0]}" does not say which {words[1]}', near, "on")
    return Days(of_week=f"{WEEKDAYS[number].upper()}#{_ORDINALS.index(words[0]) + 1}")


def _weekday(word: object) -> int:
    for names in (WEEKDAYS, LONG_WEEKDAYS):
        if word in names:
            return names.index(str(word))
    hint = did_you_mean(str(word), LONG_WEEKDAYS, f"Days are {', '.join(LONG_WEEKDAYS)}.")
    raise Mistake(f"{quoted(word)} is no day of the week", hint, "weekday")
