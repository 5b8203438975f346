"""A message that will not go takes no other's place under a cap."""

from __future__ import annotations

from tests.laws.histories import STARTS, History, Moment, Person
from tests.laws.histories import Doing as Happening
from tests.laws.stage import Theatre
from vefa.language.conditions import Compare, Duration
from vefa.plan.plans import Plan
from vefa.plan.policy import Cap, Policy, Withhold
from vefa.plan.steps import Message
from vefa.plan.ways_in import EventTrigger


def test_a_message_held_back_in_the_same_batch_takes_no_place_under_a_cap(theatre: Theatre) -> None:
    person = Person("Europe/Istanbul", None, STARTS[0].replace(year=2020), frozenset({"email"}), (("email", True, -9),))
    large, small = (Happening("order", 0, None, {"placed": Moment(at)}, total) for at, total in ((5, 500), (6, 50)))
    unless = Compare("order.total", ">", 100)
    note = Message("note", "note", None, "email", "hello", "commercial", {"tr": "Merhaba"}, unless=unless)
    cap = Cap("one a week", 1, Duration(7), withhold=Withhold("skip"))
    history = History(
        start=STARTS[0],
        people=(person,),
        doings=(large, small),
        journeys=(Plan("main", "main", EventTrigger("order.placed", "order"), (note,)),),
        policy=Policy(caps=(cap,)),
        ticks=(),
    )
    stage = theatre.open(history)
    stage.learn(10)

    stage.tick(10)

    assert [one.outcome for one in stage.got] == ["accepted"]
