"""Coupons that a batch of messages tells of: their words, and the validity that begins with the claim (rule 18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from vefa.engine.timing import end_of_day, move
from vefa.language.conditions import Duration
from vefa.rewards import coupons


@dataclass(frozen=True)
class Gifts:
    """The latest coupon of each enrolment that has one, as of the claim, and when it ends if it begins now."""

    held: dict[int, coupons.Held] = field(default_factory=dict)
    ends: dict[int, datetime | None] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, enrolment_ids: Sequence[int], zones: Sequence[str], now: datetime) -> Gifts:
        """The coupons of these enrolments."""
        held = coupons.latest(connection, enrolment_ids)
        clocks = zip(enrolment_ids, zones, strict=True)
        return cls(held, {i: _end(held[i], now, zone) for i, zone in clocks if i in held})

    def words(self, enrolment_id: int, otherwise: Any) -> Any:
        """What words may say of the enrolment's coupon."""
        held = self.held.get(enrolment_id)
        return otherwise if held is None else coupons.words(held, self.ends[enrolment_id])

    def begin(self, connection: Connection, enrolment_ids: Sequence[int], now: datetime) -> None:
        """The validity of those that are told of for the first time begins."""
        fresh = [i for i in enrolment_ids if i in self.held and self.held[i].valid_from is None]
        coupons.start_validity(connection, {self.held[i].id: self.ends[i] for i in fresh}, now)


def _end(coupon: coupons.Held, now: datetime, zone: str) -> datetime | None:
    """The last moment a coupon is good for, if its validity begins now: the end of that day on the customer's clock."""
    if coupon.valid_from is not None or coupon.valid_days is None:
        return coupon.valid_until
    end = end_of_day(move(now, Duration(coupon.valid_days, coupon.valid_seconds or 0), zone), zone)
    # What was fixed beforehand is the last day that the checkout takes a pool's codes.
    return end if coupon.valid_until is None else min(end, coupon.valid_until)
