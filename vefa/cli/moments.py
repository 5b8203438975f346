"""Moments as the terminal shows them: on one clock, the same in every locale."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def shown(moment: datetime | None, zone: ZoneInfo) -> str:
    """`Tue 3 Mar 2026 10:00` on that clock; nothing for no moment."""
    if moment is None:
        return ""
    here = moment.astimezone(zone)
    return f"{WEEKDAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]} {here.year} {here:%H:%M}"


def zone_of(name: str, otherwise: ZoneInfo) -> ZoneInfo:
    """The zone of that name, or the other where the machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return otherwise
