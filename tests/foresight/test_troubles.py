"""What is late or wrong, in words with what to do; on both databases."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from tests.foresight.conftest import NOW, Rows
from vefa.crm.tables import imports, stale_facts
from vefa.database import writing
from vefa.engine.tables import incidents, journeys, run_failures
from vefa.foresight.status import status
from vefa.foresight.troubles import Trouble
from vefa.inbox import inbox
from vefa.ledger.tables import batches, breakers

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def found(rows: Rows) -> tuple[Trouble, ...]:
    with rows.engine.connect() as connection:
        return status(connection, NOW, NOW).troubles


def kinds(rows: Rows) -> list[str]:
    return [each.kind for each in found(rows)]


def change_journey(rows: Rows, **values: object) -> None:
    with writing(rows.engine) as connection:
        connection.execute(sa.update(journeys).values(**values))


def test_a_shop_where_all_is_well_has_none(rows: Rows) -> None:
    change_journey(rows, last_tick_at=NOW - 29 * MINUTE)

    assert found(rows) == ()


def test_a_journey_that_nobody_walks_is_told(rows: Rows) -> None:
    change_journey(rows, last_tick_at=NOW - 3 * HOUR)

    (trouble,) = found(rows)

    assert (trouble.kind, trouble.journey) == ("not walked", "thanks")
    assert trouble.says == "thanks was last walked 3 hours ago"


def test_a_paused_journey_may_stand_still(rows: Rows) -> None:
    change_journey(rows, last_tick_at=NOW - 3 * HOUR, state="paused")
    rows.enrolment(rows.customer("A"), due_at=NOW - DAY)

    assert found(rows) == ()


def test_who_waits_too_long_is_told(rows: Rows) -> None:
    rows.enrolment(rows.customer("A"), due_at=NOW - HOUR)

    assert found(rows)[0].says == "1 in thanks wait for something that was due 30 minutes ago or earlier"


def test_an_incident_is_told_until_the_journey_runs_again(rows: Rows) -> None:
    rows.insert(incidents, journey_id=1, kind="bounces", at=NOW, bad=30, of=300)
    change_journey(rows, state="paused")
    (told,) = found(rows)
    change_journey(rows, state="live")

    assert told.says.endswith("10.00 % of its messages (30 of 300) came back as undeliverable")
    assert "vefa resume thanks" in told.do
    assert found(rows) == ()


def test_a_shut_channel_a_failed_run_and_messages_in_doubt_are_told(rows: Rows) -> None:
    rows.insert(breakers, channel="sendgrid", open_until=NOW + HOUR, reason="401")
    rows.insert(run_failures, journey_id=1, times=1, last_at=NOW)
    customer = rows.customer("A")
    rows.send(rows.enrolment(customer), customer, state="unknown", medium="email", claimed_at=NOW - HOUR)

    assert kinds(rows) == ["breaker", "failed run", "unknown"]


def test_leases_that_nobody_took_back_are_told(rows: Rows) -> None:
    for number, ago in (("A", 31), ("B", 29)):
        customer = rows.customer(number)
        held = {"journey_id": 1, "plan_id": 1, "step": 1, "size": 1, "owner": "gone"}
        batch = rows.insert(batches, lease_until=NOW - ago * MINUTE, **held)
        rows.send(rows.enrolment(customer), customer, state="claimed", batch_id=batch)

    assert [each.says for each in found(rows)] == ["1 messages are still held by a worker that died"]


def test_stale_roll_ups_are_told_when_no_run_makes_them_anew(rows: Rows) -> None:
    rows.insert(stale_facts, customer_id=rows.customer("A"))
    change_journey(rows, last_tick_at=NOW - HOUR)
    fresh = kinds(rows)
    change_journey(rows, last_tick_at=NOW - 30 * HOUR)

    assert ("roll-ups" in fresh, "roll-ups" in kinds(rows)) == (False, True)


def test_an_import_is_late_by_its_own_usual_gap(rows: Rows) -> None:
    for day in range(6):
        rows.insert(imports, name="shop", path="x", started_at=NOW - (day + 2) * DAY, finished_at=NOW - (day + 2) * DAY)
    right = kinds(rows)
    with writing(rows.engine) as connection:
        connection.execute(sa.update(imports).values(started_at=imports.c.started_at - 2 * 86_400_000_000))

    assert (right, kinds(rows)) == ([], ["import"])


def test_an_import_that_was_not_finished_is_told(rows: Rows) -> None:
    rows.insert(imports, name="shop", path="x", started_at=NOW - DAY)

    (trouble,) = found(rows)

    assert trouble.says == "the import shop began 24 hours ago and was not finished"
    assert "vefa import shop" in trouble.do


def test_what_came_in_and_is_not_taken_is_told(rows: Rows) -> None:
    change_journey(rows, last_tick_at=NOW)
    given = {"about": {}, "body": b"", "received_at": NOW - HOUR}
    rows.insert(inbox, kind="sendgrid", taken_at=NOW - HOUR, **given)
    assert found(rows) == ()

    rows.insert(inbox, kind="sendgrid", taken_at=NOW - HOUR, problem="ValueError", **given)
    rows.insert(inbox, kind="shopify", **given)

    waiting, broken = found(rows)
    assert waiting.says == "what providers and shops sent has waited for 60 minutes"
    assert broken.says == "1 messages of sendgrid in 2 days could not be taken in; one of them: ValueError"
