"""The judge finds what is wrong: each kind of wrong is put into books that were right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from tests.chaos.__main__ import new_database
from tests.chaos.driver import Chaos, shop_in_chaos
from tests.chaos.judge import Evidence, after_a_run_made_good, after_late_reports, at_any_time, at_the_end, not_too_many
from vefa.database import writing
from vefa.engine.tables import considered
from vefa.ledger.tables import sends

s = sends.c


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    """A shop that nothing has befallen."""
    root: Path = tmp_path_factory.mktemp("calm")
    with new_database("sqlite", root, None) as database, shop_in_chaos(root, database, 1, Random(1), 12, 6) as calm:
        calm.finish()
        yield calm


def number_of(evidence: Evidence, purpose: str, medium: str = "email") -> int:
    return next(row.id for row in evidence.sends if row.purpose == purpose and row.medium == medium)


def first(purpose: str, attempt: int) -> Callable[[Evidence], Evidence]:
    """The first message of that purpose, taken once more under that attempt."""

    def change(evidence: Evidence) -> Evidence:
        ref = f"{number_of(evidence, purpose)}.{attempt}"
        return replace(evidence, taken=(*evidence.taken, ref), passed=(*evidence.passed, ref))

    return change


WRONG = {
    "an attempt twice": first("commercial", 1),
    "a commercial message again": first("commercial", 2),
    "a transactional one again without a doubt": first("transactional", 2),
    "taken without having come": lambda evidence: replace(evidence, passed=evidence.passed[1:]),
    "an SMS again without a doubt": lambda evidence: replace(evidence, texts=(*evidence.texts, evidence.texts[0])),
}


def test_books_that_are_right_are_found_right(chaos):
    evidence = chaos.evidence()

    at_any_time(evidence)
    after_a_run_made_good(evidence, chaos.now)
    after_late_reports(evidence)
    assert at_the_end(evidence, chaos.engine, chaos.now).orders == 18


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_the_judge_sees_what_went_over_the_wire_too_often(chaos, change):
    with pytest.raises(AssertionError):
        at_any_time(change(chaos.evidence()))


def test_the_judge_sees_more_doubts_than_messages_in_flight():
    with pytest.raises(AssertionError):
        not_too_many(11, in_flight=10)


@pytest.mark.parametrize(
    ("values", "of"),
    [
        ({"state": "queued"}, s.id == 1),
        ({"state": "claimed"}, s.id == 1),
        ({"state": "failed", "reason": "made up"}, s.id == 1),
        ({"state": "skipped", "reason": None}, s.id == 1),
        ({"state": "unknown", "reason": None}, s.id == 1),
    ],
    ids=lambda value: value.get("state") if isinstance(value, dict) else "",
)
def test_the_judge_sees_a_ledger_that_says_something_else_than_the_provider(chaos, values, of):
    before = next(row for row in chaos.evidence().sends if row.id == 1)
    with writing(chaos.engine) as connection:
        connection.execute(sa.update(sends).where(of).values(values))

    with pytest.raises(AssertionError):
        at_the_end(chaos.evidence(), chaos.engine, chaos.now)

    with writing(chaos.engine) as connection:
        connection.execute(sa.update(sends).where(of).values(state=before.state, reason=before.reason))


def test_the_judge_sees_a_message_that_is_called_sent_and_was_never_taken(chaos):
    evidence = chaos.evidence()
    lost = evidence.taken[0]
    fewer = replace(evidence, taken=tuple(ref for ref in evidence.taken if ref != lost))

    with pytest.raises(AssertionError):
        at_the_end(fewer, chaos.engine, chaos.now)


def test_the_judge_sees_a_message_that_is_missing(chaos):
    evidence = chaos.evidence()

    with pytest.raises(AssertionError):
        at_the_end(replace(evidence, sends=evidence.sends[1:]), chaos.engine, chaos.now)


def test_the_judge_sees_an_order_that_nobody_looked_at(chaos):
    with writing(chaos.engine) as connection:
        rows = list(connection.execute(sa.select(considered).where(considered.c.event_id == 1)).mappings())
        connection.execute(sa.delete(considered).where(considered.c.event_id == 1))

    with pytest.raises(AssertionError):
        at_the_end(chaos.evidence(), chaos.engine, chaos.now)

    with writing(chaos.engine) as connection:
        connection.execute(sa.insert(considered), [dict(row) for row in rows])
