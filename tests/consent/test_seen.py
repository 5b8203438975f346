"""What people see of İYS: in `vefa status`, `vefa why` and the round's own words."""

from __future__ import annotations

import pytest

from tests.consent.registers import LONG_AGO, Kept
from tests.engine.worlds import DAY, HOUR, NOON, email, make_plan
from vefa.consent.sync import sync
from vefa.crm.permissions import Word, record
from vefa.crm.tables import consents
from vefa.database import reading, writing
from vefa.foresight.status import status
from vefa.foresight.why import why


def troubles(kept: Kept, *, iys: bool = True) -> list[tuple[str, str]]:
    with reading(kept.database) as connection:
        found = status(connection, kept.hands.now(), kept.hands.now(), iys=iys).troubles
    return [(each.kind, each.says) for each in found if each.kind.startswith("iys")]


def test_status_says_that_iys_is_stale_and_how_many_wait(kept: Kept) -> None:
    kept.deploy(make_plan(email()))
    ada = kept.customer()
    sync(kept.database, kept.register, kept.hands.now)
    kept.hands.move(2 * DAY)
    kept.order(ada, kept.hands.now())
    kept.walk_now()

    assert troubles(kept)[0] == (
        "iys stale",
        "İYS is stale: it was not heard for 2 days, so nothing commercial goes to recipients in Türkiye; "
        "1 messages wait",
    )
    assert troubles(kept, iys=False) == []


def test_all_is_well_after_a_round(kept: Kept) -> None:
    assert troubles(kept)[0][0] == "iys stale"
    sync(kept.database, kept.register, kept.hands.now)

    assert troubles(kept) == []


def test_words_that_iys_does_not_have_are_told(kept: Kept) -> None:
    kept.consent(kept.customer(), at=NOON - HOUR)
    kept.iys.waits = 10_000
    sync(kept.database, kept.register, kept.hands.now)
    assert [kind for kind, _ in troubles(kept)] == ["iys late"]
    kept.hands.move(3 * DAY)

    sync(kept.database, kept.register, kept.hands.now)

    assert [kind for kind, _ in troubles(kept)] == ["iys due"], "İYS has a newer yes than the one that was too old"


def test_why_tells_that_it_waits_for_iys(kept: Kept) -> None:
    kept.deploy(make_plan(email()))
    kept.order(kept.customer(outside_id="C-1"), NOON)
    kept.walk_now()

    with reading(kept.database) as connection:
        (story,) = why(connection, "C-1").journeys[0].stories

    assert story.sendings[0].because == "İYS has not been heard for a day"


def test_a_word_is_added_with_its_proof_and_once(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    word = Word(
        granted=True,
        channel="email",
        signal="staff",
        source="HS_CAGRI_MERKEZI",
        occurred_at=LONG_AGO,
        known_at=NOON,
        customer_ids=(ada,),
        evidence="call 4711",
        text_version="v3",
    )

    with writing(kept.database) as connection:
        assert record(connection, [word]) == 1
        assert record(connection, [word]) == 0

    (row,) = kept.rows(consents)
    assert (row.text_version, row.evidence, row.occurred_at, row.known_at) == ("v3", "call 4711", LONG_AGO, NOON)


@pytest.mark.parametrize("log_name", ["vefa.consent"])
def test_no_line_of_a_log_holds_an_address(kept: Kept, caplog: pytest.LogCaptureFixture, log_name: str) -> None:
    caplog.set_level("DEBUG")
    kept.iys.say("ada-1@ornek.example", "ONAY", LONG_AGO)
    kept.consent(kept.customer(consent=False, sms=True), at=NOON - HOUR)
    sync(kept.database, kept.register, kept.hands.now)

    assert any(record.name == log_name for record in caplog.records)
    assert not [record for record in caplog.records if record.name.startswith("vefa") and "@" in record.getMessage()]
