"""Who is sent into a journey that asks for scores is scored among all buyers, though the sender asks for none."""

from __future__ import annotations

from tests.laws.histories import DAY, STARTS, Doing, History, Moment, Person
from tests.laws.stage import Theatre, rows
from vefa.engine.tables import enrolments
from vefa.language.conditions import Compare, Duration
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy
from vefa.plan.steps import Enter, WaitFor
from vefa.plan.ways_in import EnteredTrigger, EveryTrigger


def test_who_is_sent_on_is_scored_by_the_journey_that_asks(theatre: Theatre) -> None:
    person = Person("Europe/Istanbul", None, STARTS[0].replace(year=2020), frozenset(), ())
    sender = Plan("main", "main", EveryTrigger("0 10 * * *", None), (Enter("send", "send", None, "second"),))
    often = Plan(
        "second",
        "second",
        EnteredTrigger(),
        (WaitFor("rest", "rest", None, Duration(1)),),
        audience=Compare("rfm.frequency", ">=", 4),
    )
    history = History(
        start=STARTS[0],
        people=(person,) * 5,
        doings=tuple(
            Doing("order", number, None, {"placed": Moment(-DAY)}) for number in range(5) for _ in range(number + 1)
        ),
        journeys=(sender, often),
        policy=Policy(),
        ticks=(),
    )
    stage = theatre.open(history)

    stage.tick(DAY)

    entered = {row.customer_id for row in rows(stage.database, enrolments) if row.journey_id == 2}
    assert entered == {4, 5}
