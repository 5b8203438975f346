"""The judge: the providers' logs beside the ledger. What went over the wire is what counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from tests.chaos.shop import JOURNEYS
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.crm.tables import customers, events, orders
from vefa.database import reading
from vefa.engine.tables import considered, enrolments, journeys
from vefa.foresight.status import status
from vefa.foresight.why import why
from vefa.ledger.reports import Report
from vefa.ledger.tables import send_history, sends

ENDS = {"sent", "skipped", "failed", "unknown"}
#: Why an order may have entered nobody here: a clock that was three days ahead found it too old (rule 4).
REFUSALS = {"too old"}
#: Customers whose whole story is read at the end, at most.
STORIES = 20


@dataclass(frozen=True)
class Figures:
    """What came out, in numbers."""

    orders: int = 0
    refused: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    taken: int = 0
    second_attempts: int = 0
    twice: int = 0
    doubts: int = 0
    rounds: Mapping[str, int] = field(default_factory=Counter)
    doubts_by_blow: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Rows of the ledger, and what the providers took: refs of e-mails, order numbers and sids of SMS."""

    sends: tuple[Any, ...]
    history: tuple[Any, ...]
    enrolments: tuple[Any, ...]
    taken: tuple[str, ...]
    passed: tuple[str, ...]
    texts: tuple[str, ...]
    sids: tuple[str, ...]

    @classmethod
    def gather(cls, engine: sa.Engine, email: FakeSendGrid, texts: FakeTwilio, passed: Sequence[str]) -> Evidence:
        """The logs first: what is taken afterwards is none of this moment's."""
        taken, received = tuple(email.send_ids), tuple(texts.received)
        number = sa.select(orders.c.number).where(orders.c.id == enrolments.c.order_id).scalar_subquery()
        with reading(engine) as connection:
            rows = connection.execute(
                sa.select(sends, number.label("order_number"))
                .join(enrolments, enrolments.c.id == sends.c.enrolment_id)
                .order_by(sends.c.id)
            ).all()
            history = connection.execute(sa.select(send_history).order_by(send_history.c.id)).all()
            people = connection.execute(
                sa.select(enrolments, journeys.c.name.label("journey")).join(journeys).order_by(enrolments.c.id)
            ).all()
        said = tuple(sms.text.rpartition("order ")[2].rstrip(".") for sms in received)
        sids = tuple(sms.sid for sms in received)
        return cls(tuple(rows), tuple(history), tuple(people), taken, tuple(passed), said, sids)

    @property
    def doubts(self) -> int:
        """How often any attempt was in doubt."""
        return sum(row.doubts for row in self.sends)

    @property
    def in_doubt(self) -> int:
        """The same with what a dead process holds, which the next run will find in doubt."""
        return self.doubts + sum(row.state == "claimed" for row in self.sends)

    @cached_property
    def attempts(self) -> Mapping[int, list[int]]:
        """By message: the attempts that the e-mail provider took, in order."""
        found: dict[int, list[int]] = defaultdict(list)
        for ref in self.taken:
            number, _, attempt = ref.partition(".")
            found[int(number)].append(int(attempt))
        return found

    @cached_property
    def texted(self) -> Mapping[str, int]:
        """By order number: how often the SMS provider took its message."""
        return Counter(self.texts)

    def times_taken(self, row: Any) -> int:
        """How often the provider took this message."""
        return self.texted.get(row.order_number, 0) if row.medium == "sms" else len(self.attempts.get(row.id, ()))

    def late_reports(self, now: datetime) -> list[Report]:
        """What an honest provider tells of everything in doubt: delivered if it has it, else that it is lost."""
        told = []
        for row in self.sends:
            if row.state != "unknown":
                continue
            for attempt in range(1, row.attempt + 1):
                taken = self.times_taken(row) > 0 if row.medium == "sms" else attempt in self.attempts.get(row.id, ())
                told.append(Report(f"{row.id}.{attempt}", "delivered" if taken else "dropped", now, now))
        return told


def at_any_time(evidence: Evidence) -> None:
    """What holds at every moment, also right after a blow."""
    twice = {ref: n for ref, n in Counter(evidence.taken).items() if n > 1}
    assert not twice, f"attempts taken more than once: {twice}"
    assert set(evidence.taken) <= set(evidence.passed), "the provider took what never reached it whole"
    by_id = {row.id: row for row in evidence.sends}
    again = {
        line.send_id for line in evidence.history if line.what == "released" and line.detail.startswith("in doubt")
    }
    for number, attempts in evidence.attempts.items():
        row = by_id[number]
        most = 1 if row.purpose == "commercial" else 2
        assert len(attempts) <= most, f"{row.purpose} message {number} taken as attempts {attempts}"
        assert len(attempts) == 1 or number in again, f"message {number} went again without a doubt written down"
    texted = {row.order_number: row for row in evidence.sends if row.medium == "sms"}
    for order, times in evidence.texted.items():
        row = texted[order]
        assert times <= 2 and (times == 1 or row.id in again), f"the SMS of {order} was taken {times} times"


def not_too_many(in_doubt: int, in_flight: int) -> None:
    """No blow leaves more in doubt than there was in flight."""
    assert in_doubt <= in_flight, f"{in_doubt} are in doubt, and only {in_flight} were in flight"


def after_a_run_made_good(evidence: Evidence, now: datetime) -> None:
    """Nothing is left half-way, and nothing that could go has not gone."""
    held = [row.id for row in evidence.sends if row.state in ("reserved", "claimed")]
    assert not held, f"messages left in a dead worker's hands: {held}"
    due = [row.id for row in evidence.sends if row.state == "queued" and row.not_before <= now]
    assert not due, f"messages that could have gone and did not: {due}"
    active = [row for row in evidence.enrolments if row.state == "active"]
    late = [row.id for row in active if row.due_at is not None and row.due_at <= now]
    assert not late, f"customers who could have gone on and did not: {late}"
    waiting = {row.enrolment_id for row in evidence.sends if row.state == "queued"}
    stuck = [row.id for row in active if row.due_at is None and row.id not in waiting]
    assert not stuck, f"customers who wait for nothing: {stuck}"


def at_the_end(evidence: Evidence, engine: sa.Engine, now: datetime) -> Figures:
    """Nobody is lost, the ledger and the providers agree, and what is in doubt is told of."""
    refused = _every_order_was_looked_at(engine)
    _every_message_ended(evidence)
    _the_books_agree(evidence)
    doubtful = [row for row in evidence.sends if row.state == "unknown"]
    _every_doubt_is_told(engine, doubtful, now)
    times = Counter(evidence.times_taken(row) for row in evidence.sends)
    return Figures(
        orders=len({row.order_id for row in evidence.enrolments}),
        refused=refused,
        states=dict(Counter(row.state for row in evidence.sends)),
        taken=len(evidence.taken) + len(evidence.texts),
        second_attempts=sum(row.doubts > 0 and row.attempt > 1 for row in evidence.sends),
        twice=times[2],
        doubts=evidence.doubts,
    )


def after_late_reports(evidence: Evidence) -> None:
    """Nothing is in doubt any more, and sent is exactly what was taken."""
    assert not [row.id for row in evidence.sends if row.state == "unknown"]
    taken = {row.id for row in evidence.sends if evidence.times_taken(row)}
    assert {row.id for row in evidence.sends if row.state == "sent"} == taken


def _every_order_was_looked_at(engine: sa.Engine) -> int:
    """By each journey: it entered, or the reason is written down. How many did not enter."""
    with reading(engine) as connection:
        placed = set(connection.scalars(sa.select(events.c.id).where(events.c.type == "order.placed")))
        rows = connection.execute(sa.select(considered.c.event_id, considered.c.outcome)).all()
    for count in Counter(row.event_id for row in rows).values():
        assert count == len(JOURNEYS)
    assert {row.event_id for row in rows} == placed, "orders that no journey ever looked at"
    refused = [row for row in rows if row.outcome != "entered"]
    assert {row.outcome for row in refused} <= REFUSALS
    return len(refused)


def _every_message_ended(evidence: Evidence) -> None:
    assert {row.state for row in evidence.enrolments} <= {"finished", "left"}
    by_enrolment: dict[int, list[Any]] = defaultdict(list)
    for row in evidence.sends:
        by_enrolment[row.enrolment_id].append(row)
    for enrolment in evidence.enrolments:
        purposes = tuple(row.purpose for row in by_enrolment[enrolment.id])
        assert purposes == JOURNEYS[enrolment.journey], f"enrolment {enrolment.id} lost a message: {purposes}"
    for row in evidence.sends:
        assert row.state in ENDS and (row.reason or row.state == "sent"), f"message {row.id}: {row.state}, no reason"


def _the_books_agree(evidence: Evidence) -> None:
    for row in evidence.sends:
        if row.state == "sent":
            assert evidence.times_taken(row), f"message {row.id} is called sent and was never taken"
        elif row.state != "unknown":
            assert not evidence.times_taken(row), f"message {row.id} was taken and is called {row.state}"
    sids = [row.provider_id for row in evidence.sends if row.medium == "sms" and row.provider_id]
    assert len(set(sids)) == len(sids) and set(sids) <= set(evidence.sids)


def _every_doubt_is_told(engine: sa.Engine, doubtful: Sequence[Any], now: datetime) -> None:
    """`vefa status` counts it, and `vefa why` tells it of the customer."""
    with reading(engine) as connection:
        assert status(connection, now, now).unknown_in_all == len(doubtful)
        for row in doubtful[:STORIES]:
            who = connection.scalar(sa.select(customers.c.outside_id).where(customers.c.id == row.customer_id))
            told = [
                one
                for journey in why(connection, who or "").journeys
                for story in journey.stories
                for one in story.sendings
                if one.send == row.id
            ]
            assert [one.state for one in told] == ["unknown"] and told[0].because
