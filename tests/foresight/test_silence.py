"""A source that used to speak and has fallen silent is told of; one that is as quiet as ever is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.foresight.conftest import NOW, Rows
from vefa.crm.source_activity import note_activity, silent_sources
from vefa.database import writing
from vefa.foresight.status import status

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)


def spoke(engine: sa.Engine, source: str, *moments: datetime, count: int = 1) -> None:
    with writing(engine) as connection:
        for moment in moments:
            note_activity(connection, {source: count}, moment)


def silent(engine: sa.Engine, now: datetime) -> list[str]:
    with engine.connect() as connection:
        return [each.source for each in silent_sources(connection, now)]


def in_the_daytime(days: int) -> list[datetime]:
    """From nine in the morning to nine in the evening, each hour, on the days before `MIDNIGHT`."""
    return [MIDNIGHT - day * DAY + hour * HOUR for day in range(1, days + 1) for hour in range(9, 22)]


def test_a_busy_shop_may_be_quiet_at_night_and_not_for_a_day(engine: sa.Engine) -> None:
    spoke(engine, "shopify orders", *in_the_daytime(20))

    assert silent(engine, MIDNIGHT + 9 * HOUR) == []
    assert silent(engine, MIDNIGHT + 2 * DAY) == ["shopify orders"]


def test_a_source_of_once_a_week_is_given_two_weeks(engine: sa.Engine) -> None:
    spoke(engine, "mapped:survey", *(MIDNIGHT - week * 7 * DAY for week in range(6)), count=5)

    assert silent(engine, MIDNIGHT + 13 * DAY) == []
    assert silent(engine, MIDNIGHT + 15 * DAY) == ["mapped:survey"]


def test_one_burst_and_then_nothing_is_told_and_a_trial_or_a_given_up_source_is_not(engine: sa.Engine) -> None:
    spoke(engine, "woocommerce order", MIDNIGHT, MIDNIGHT + timedelta(minutes=40), count=15)
    spoke(engine, "woocommerce customer", MIDNIGHT, count=3)

    assert silent(engine, MIDNIGHT + DAY) == []
    assert silent(engine, MIDNIGHT + 25 * DAY) == ["woocommerce order"]
    assert silent(engine, MIDNIGHT + 61 * DAY) == []


def test_one_failure_before_does_not_make_silence_usual(engine: sa.Engine) -> None:
    before = [each - 5 * DAY for each in in_the_daytime(10)]
    spoke(engine, "shopify orders", *before, *in_the_daytime(2))

    assert silent(engine, MIDNIGHT + 2 * DAY) == ["shopify orders"]


def test_status_says_since_when_and_speaks_of_a_provider_only_where_something_was_sent(rows: Rows) -> None:
    spoke(rows.engine, "woocommerce order", NOW - 25 * DAY, count=30)
    spoke(rows.engine, "sendgrid", NOW - 25 * DAY, count=30)

    def says() -> list[str]:
        with rows.engine.connect() as connection:
            return [each.says for each in status(connection, NOW, NOW).troubles if each.kind == "silent"]

    assert says() == [
        "nothing has come from “woocommerce order” for 25 days, since 13 February 2026 12:00 UTC; "
        "before, it was never silent for much longer than 60 minutes"
    ]
    customer = rows.customer()
    for number in range(20):
        enrolment = rows.enrolment(customer, entry_key=str(number))
        rows.send(enrolment, customer, state="sent", medium="email", settled_at=NOW - DAY)
    assert len(says()) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_what_comes_late_does_not_take_the_last_moment_back(engine: sa.Engine, order: int) -> None:
    moments = [MIDNIGHT + timedelta(minutes=10), MIDNIGHT + timedelta(minutes=50)][::order]
    spoke(engine, "sendgrid", *moments, count=10)

    with engine.connect() as connection:
        (found,) = silent_sources(connection, MIDNIGHT + 10 * DAY)
    assert found.last_at == MIDNIGHT + timedelta(minutes=50)
