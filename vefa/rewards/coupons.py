"""Coupons: one code per enrolment and step, the same however often asked (rule 18)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.values import MoneyAmount
from vefa.database import among, inserting
from vefa.plan.steps import Coupon
from vefa.rewards import pools
from vefa.rewards.tables import coupons

#: Letters and digits that cannot be taken for one another on a phone or aloud.
ALPHABET = "ACDEFGHJKMNPQRTUVWXY34679"
LENGTH = 8
#: What the checkout has heard of a code: nothing yet (or not all), all but its last moment, all.
UNTOLD, UNDATED, KNOWN_THERE = 0, 1, 2

c = coupons.c


@dataclass(frozen=True)
class Held:
    """A customer's coupon in an enrolment."""

    id: int
    enrolment_id: int
    code: str
    terms: Mapping[str, Any]
    valid_days: int | None
    valid_seconds: int | None
    valid_from: datetime | None
    valid_until: datetime | None


def make_code(secret: bytes, enrolment_id: int, step: str, prefix: str, attempt: int = 0) -> str:
    """A readable code that nobody can guess without the shop's secret; `attempt` gives another one."""
    text = f"coupon\x1f{enrolment_id}\x1f{step}\x1f{attempt}".encode()
    number = int.from_bytes(hmac.digest(secret, text, lambda: blake2b(digest_size=16)))
    letters = []
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    code = "".join(letters)
    return f"{prefix}-{code}" if prefix else code


def give(
    connection: Connection,
    step: Coupon,
    step_number: int,
    people: Sequence[tuple[int, int, datetime | None]],
    now: datetime,
    secret: bytes,
) -> None:
    """Write a coupon for each (enrolment, customer, fixed end) that has none for this step yet."""
    missing = list(people)
    for attempt in range(8):  # a code that somebody has already makes room for another one
        rows = [
            {
                "code": make_code(secret, enrolment_id, step.id, step.prefix, attempt),
                **_row(step, step_number, enrolment_id, customer_id, now, end),
            }
            for enrolment_id, customer_id, end in missing
        ]
        connection.execute(inserting(connection, coupons).on_conflict_do_nothing(), rows)
        have = set(_holders(connection, step_number, [person[0] for person in missing]))
        missing = [person for person in missing if person[0] not in have]
        if not missing:
            return
    raise RuntimeError(f"no free coupon codes with the prefix {step.prefix!r}")


def give_from_pool(
    connection: Connection,
    step: Coupon,
    pool: str,
    step_number: int,
    people: Sequence[tuple[int, int, datetime | None]],
    now: datetime,
) -> set[int]:
    """A code of the pool for each (enrolment, customer, fixed end) that has none for this step yet, as long as there
    are any. The enrolments that have one now."""
    have = set(_holders(connection, step_number, [person[0] for person in people]))
    missing = [person for person in people if person[0] not in have]
    taken = pools.take(connection, pool, len(missing), now) if missing else []
    rows = [
        {
            "code": code,
            "pool_code_id": pool_code_id,
            "exported": KNOWN_THERE,
            **_row(step, step_number, enrolment_id, customer_id, now, end),
        }
        for (pool_code_id, code), (enrolment_id, customer_id, end) in zip(taken, missing, strict=False)
    ]
    if rows:
        connection.execute(inserting(connection, coupons).on_conflict_do_nothing(), rows)
        pools.give_back(connection, [pool_code_id for pool_code_id, _ in taken])
    return have | set(_holders(connection, step_number, [person[0] for person in missing]))


def _row(
    step: Coupon, number: int, enrolment_id: int, customer_id: int, now: datetime, end: datetime | None
) -> dict[str, Any]:
    return {
        "enrolment_id": enrolment_id,
        "step": number,
        "customer_id": customer_id,
        "terms": terms(step),
        "made_at": now,
        "valid_days": step.valid.days if step.valid else None,
        "valid_seconds": step.valid.seconds if step.valid else None,
        "valid_until": end,
    }


def terms(step: Coupon) -> dict[str, Any]:
    """What a coupon is worth, as JSON."""
    return {
        "percent": None if step.percent is None else str(step.percent),
        "amount": None if step.amount is None else str(step.amount),
        "currency": step.currency,
        "free_shipping": step.free_shipping,
        "minimum": None if step.minimum is None else str(step.minimum),
        "minimum_currency": step.minimum_currency,
    }


def _holders(connection: Connection, step: int, enrolment_ids: Sequence[int]) -> Iterable[int]:
    return connection.scalars(sa.select(c.enrolment_id).where(c.step == step, among(c.enrolment_id, enrolment_ids)))


def latest(connection: Connection, enrolment_ids: Sequence[int]) -> dict[int, Held]:
    """The last coupon of each enrolment that has one."""
    columns = [c[name] for name in Held.__dataclass_fields__]
    rows = connection.execute(sa.select(*columns).where(among(c.enrolment_id, enrolment_ids)).order_by(c.id))
    return {row.enrolment_id: Held(*row) for row in rows}


def start_validity(connection: Connection, ends: Mapping[int, datetime | None], now: datetime) -> None:
    """Validity counts from the claim of the first message that tells the code: set once per coupon id."""
    for coupon_id, end in ends.items():
        values: dict[str, Any] = {"valid_from": now} | ({} if end is None else {"valid_until": end})
        values["exported"] = sa.case((c.exported == UNDATED, UNTOLD), else_=c.exported)
        connection.execute(sa.update(coupons).where(c.id == coupon_id, c.valid_from.is_(None)).values(values))


def words(held: Held, valid_until: datetime | None) -> dict[str, Any]:
    """What templates may say of a coupon."""
    worth = held.terms
    return {
        "code": held.code,
        "valid_until": valid_until,
        "percent": None if worth["percent"] is None else _plain(Decimal(worth["percent"])),
        "amount": _money(worth["amount"], worth["currency"]),
        "free_shipping": bool(worth["free_shipping"]),
        "minimum": _money(worth["minimum"], worth["minimum_currency"]),
        "used": False,
    }


def _plain(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


def _money(amount: str | None, currency: str | None) -> MoneyAmount | None:
    return None if amount is None or currency is None else MoneyAmount(Decimal(amount), currency)
