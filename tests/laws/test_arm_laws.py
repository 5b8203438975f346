"""Arms and holdouts are drawn from the customer alone: stable, unmoved by others, as large as asked (rule 11)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.histories import STARTS, History, Person
from tests.laws.stage import Theatre, names_of_steps, rows
from vefa.crm.identity import PRIME, bucket, draw
from vefa.engine.tables import enrolments
from vefa.language.conditions import Duration
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy
from vefa.plan.steps import Split, SplitArm, WaitFor
from vefa.plan.ways_in import EveryTrigger

CROWD = 60
LONG = Duration(30)


def plan_with(shares: tuple[int, int], holdout: int) -> Plan:
    first, second = shares
    arms = (SplitArm("a", first, "a"), SplitArm("b", second, "b"), SplitArm("c", 10_000 - first - second, "c"))
    waits = tuple(WaitFor(name, name, None, LONG) for name in "abc")
    return Plan("main", "main", EveryTrigger("0 10 * * *", None), (Split("way", "way", arms), *waits), holdout=holdout)


def crowd(size: int) -> tuple[Person, ...]:
    return (Person("Europe/Istanbul", None, STARTS[0].replace(year=2020), frozenset(), ()),) * size


def standing(theatre: Theatre, plan: Plan, size: int) -> dict[int, str]:
    """At which arm everybody stands after a day, or "holdout"."""
    stage = theatre.open(History(STARTS[0], crowd(size), (), (plan,), Policy(), ()))
    stage.tick(1_440)
    names = names_of_steps(stage.database)
    return {
        r.customer_id: "holdout" if r.state == "holdout" else names[r.step] for r in rows(stage.database, enrolments)
    }


shares = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)).map(lambda s: (s[0], min(s[1], 10_000 - s[0])))


@settings(max_examples=max(6, settings().max_examples // 50))
@given(shares, st.sampled_from((0, 1_000, 5_000)))
def test_the_database_draws_as_the_formula_says_whoever_else_is_there(
    theatre: Theatre, shares: tuple[int, int], holdout: int
) -> None:
    plan = plan_with(shares, holdout)

    together, fewer = standing(theatre, plan, CROWD), standing(theatre, plan, CROWD // 3)

    assert len(together) == CROWD
    assert fewer.items() <= together.items()
    for customer, where in together.items():
        number = bucket(f"c{customer}")
        drawn = draw(number, "split", "main", "way")
        upto = [PRIME * share // 10_000 for share in (shares[0], sum(shares))]
        arm = "a" if drawn < upto[0] else "b" if drawn < upto[1] else "c"
        held = draw(number, "holdout", "main") < holdout * PRIME // 10_000
        assert where == ("holdout" if held else arm)


@given(shares)
def test_arms_are_about_as_large_as_asked(shares: tuple[int, int]) -> None:
    people = 4_000
    drawn = [draw(bucket(f"customer {n}"), "split", "welcome", "way") for n in range(people)]

    share = sum(one < PRIME * shares[0] // 10_000 for one in drawn) / people

    assert abs(share - shares[0] / 10_000) < 0.03


@given(st.text(), st.text())
def test_two_draws_of_one_customer_have_nothing_to_do_with_each_other(one: str, other: str) -> None:
    people = [bucket(f"customer {n}") for n in range(400)]

    both = sum(draw(p, "split", one, "x") * 2 < PRIME and draw(p, "split", other, "y") * 2 < PRIME for p in people)

    assert 60 < both < 140
