"""The nightly flow's work and its sentence, without Prefect."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from flows.recommendations import _make, summary
from vefa.crm.recommendations.making import Made
from vefa.settings import Settings


def test_the_night_s_work_is_told_in_a_sentence() -> None:
    made = Made(1, datetime(2026, 3, 10, tzinfo=UTC), 1_200, 30, 0)

    assert summary(made) == "1,200 orders read, 30 bought together"


def test_a_shop_without_orders_is_no_fault(settings: Settings, sqlite_engine: sa.Engine) -> None:
    assert summary(_make(settings)) == "nobody has ordered anything yet"
