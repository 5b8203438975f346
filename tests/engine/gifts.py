"""Coupon steps and pools, for tests of what is given and used."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.engine.worlds import NOON, World
from vefa.database import reading
from vefa.language.conditions import Duration
from vefa.plan.steps import Coupon
from vefa.rewards.pools import Brought, Stock, bring_in, stocks
from vefa.rewards.tables import coupons


def gift(next: str | None = "hello", **more: Any) -> Coupon:
    """Fifteen per cent for two weeks."""
    given: dict[str, Any] = {"percent": Decimal(15), "valid": Duration(days=14)}
    return Coupon("gift", "gift", next, **(given | more))


def pooled(next: str | None = "hello", **more: Any) -> Coupon:
    """The same, by a code of the pool `spring`."""
    return gift(next, **({"pool": "spring"} | more))


def fill(world: World, count: int, *, first: int = 1, pool: str = "spring", at: datetime = NOON) -> Brought:
    """Codes `SPRING-1`, `SPRING-2`, … brought into the pool."""
    path = Path(world.settings.root) / f"{pool}-{first}.csv"
    codes = (f"{pool.upper()}-{number:03}" for number in range(first, first + count))
    path.write_text("code\n" + "\n".join(codes) + "\n", encoding="utf-8")
    return bring_in(world.database, pool, path, at)


def codes(world: World) -> list[str]:
    """All codes that customers have, in the order in which they were given."""
    return [row.code for row in world.rows(coupons)]


def told(world: World) -> list[str]:
    """What customers were told, in order."""
    return [message.text.strip() for message in world.email.got if message.step != "pool"]


def letters(world: World) -> list[str]:
    """What owners were told."""
    return [message.text for message in world.email.got if message.step == "pool"]


def stock(world: World) -> list[Stock]:
    """What every pool has."""
    with reading(world.database) as connection:
        return list(stocks(connection))
