"""Rules 7, 8 and 11: who enters, how often, and whom chance puts where."""

from __future__ import annotations

from collections import Counter
from datetime import date, time, timedelta

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, anywhere, email, istanbul, make_plan, wait
from vefa.crm.identity import PRIME, bucket, draw
from vefa.crm.tables import orders
from vefa.language.conditions import Ago, Compare, Contains, Duration
from vefa.plan.plans import Goal
from vefa.plan.steps import Enter, Split, SplitArm, Tag
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EventTrigger, EveryTrigger, Reentry, SegmentTrigger

ONCE, QUARTERLY = Reentry(once=True), Reentry(after=Duration(days=90))


@pytest.mark.rule(7)
def test_a_correction_changes_the_event_and_enters_nobody_again(world: World) -> None:
    world.deploy(make_plan(email()))
    order = world.order(world.customer(), NOON)
    world.tick(NOON + MINUTE)
    world.change(orders, "order", order, placed_at=NOON + HOUR, total=999)

    report = world.tick(NOON + 2 * HOUR)

    assert (report.entered, len(world.enrolments())) == (0, 1)


@pytest.mark.rule(7)
def test_a_corrected_event_enters_by_its_corrected_time_if_nobody_has_looked_yet(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", hours=5), email()))
    order = world.order(world.customer(), NOON)
    world.change(orders, "order", order, placed_at=NOON + HOUR)

    world.tick(NOON + 2 * HOUR)

    assert world.enrolment().entered_at == NOON + HOUR


@pytest.mark.rule(7)
def test_each_occurrence_of_a_free_form_event_enters_anew(world: World) -> None:
    world.deploy(make_plan(email(), trigger=EventTrigger("basket.left", None)))
    ada = world.customer()
    world.happen("basket.left", ada, NOON)
    world.happen("basket.left", ada, NOON)

    assert world.tick(NOON + MINUTE).entered == 2


@pytest.mark.rule(7)
def test_an_event_of_nobody_enters_nobody(world: World) -> None:
    world.deploy(make_plan(email(), trigger=EventTrigger("basket.left", None)))
    world.happen("basket.left", None, NOON)

    assert world.tick(NOON + MINUTE).entered == 0


@pytest.mark.rule(8)
def test_every_order_enters_where_nothing_is_said(world: World) -> None:
    world.deploy(make_plan(email()))
    ada = world.customer()
    world.order(ada, NOON)
    world.order(ada, NOON + MINUTE)

    assert world.tick(NOON + HOUR).entered == 2


@pytest.mark.rule(8)
@pytest.mark.parametrize("reentry", [ONCE, QUARTERLY])
def test_of_two_events_at_once_the_earliest_wins(world: World, reentry: Reentry) -> None:
    world.deploy(make_plan(email(), reentry=reentry))
    ada = world.customer()
    world.order(ada, NOON + MINUTE)
    world.order(ada, NOON)

    report = world.tick(NOON + HOUR)

    assert (report.entered, report.refused, world.enrolment().entered_at) == (1, {"re-entry": 1}, NOON)
    assert world.outcomes() == ["re-entry", "entered"]


@pytest.mark.rule(8)
def test_once_is_once_for_ever(world: World) -> None:
    world.deploy(make_plan(email(), reentry=ONCE), NOON - DAY)
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    world.order(ada, NOON + 900 * DAY)

    assert world.tick(NOON + 900 * DAY).refused == {"re-entry": 1}


@pytest.mark.rule(8)
@pytest.mark.parametrize(("later", "entered"), [(90 * DAY - MINUTE, 0), (90 * DAY, 1)])
def test_re_entry_after_a_time_counts_from_event_to_event(world: World, later: timedelta, entered: int) -> None:
    world.deploy(make_plan(email(), reentry=QUARTERLY))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON + 2 * HOUR)
    world.order(ada, NOON + later)

    assert world.tick(NOON + later + 2 * HOUR).entered == entered


@pytest.mark.rule(8)
def test_a_refused_event_does_not_put_re_entry_off(world: World) -> None:
    world.deploy(make_plan(email(), reentry=QUARTERLY))
    ada = world.customer()
    for day in (0, 60, 91):
        world.order(ada, NOON + day * DAY)
        last = world.tick(NOON + day * DAY)

    assert last.entered == 1


@pytest.mark.rule(8)
def test_three_events_of_one_tick_far_apart_enter_as_if_they_had_come_one_by_one(world: World) -> None:
    world.deploy(make_plan(email(), reentry=QUARTERLY, backfill=Duration(days=200)))
    ada = world.customer()
    for day in (-95, -50, -3):
        world.order(ada, NOON + day * DAY)

    assert world.tick(NOON).entered == 2
    assert world.outcomes() == ["entered", "re-entry", "entered"]


@pytest.mark.rule(8)
def test_the_birthday_comes_once_a_year_though_ticks_come_often(world: World) -> None:
    world.deploy(make_plan(email(), trigger=DateTrigger("customer.birth_date", 0, time(9))), NOON - DAY)
    world.customer(birth_date=date(1990, 3, 10))

    entered = [world.tick(NOON + hours * HOUR).entered for hours in (-4, -3, -2, 0)]

    assert sum(entered) == 1
    assert world.enrolment().entered_at == istanbul(date(2026, 3, 10), "9:00")


@pytest.mark.rule(8)
def test_somebody_born_on_29_february_has_the_28th_in_other_years(world: World) -> None:
    world.deploy(make_plan(email(), trigger=DateTrigger("customer.birth_date", 0, time(9))), NOON - 20 * DAY)
    world.customer(birth_date=date(2000, 2, 29))

    world.tick(istanbul(date(2026, 2, 28), "10:00"))

    assert world.enrolment().trigger_date == date(2026, 2, 28)


@pytest.mark.rule(8)
def test_a_sign_up_near_midnight_has_its_anniversary_on_the_customers_own_date(world: World) -> None:
    plan = make_plan(email(), trigger=DateTrigger("customer.created_at", 0, time(9)))
    world.deploy(plan, istanbul(date(2026, 2, 27), "9:00"))
    world.customer(created_at=istanbul(date(2024, 3, 1), "1:00"))  # in UTC still 29 February

    world.tick(istanbul(date(2026, 3, 1), "10:00"))

    assert world.enrolment().trigger_date == date(2026, 3, 1)


@pytest.mark.rule(8)
def test_days_before_a_date_belong_to_the_year_of_the_date(world: World) -> None:
    plan = make_plan(email(), trigger=DateTrigger("customer.birth_date", -3, time(9)))
    world.deploy(plan, istanbul(date(2026, 12, 29), "9:00"))
    world.customer(birth_date=date(1990, 1, 1))

    world.tick(istanbul(date(2026, 12, 29), "10:00"))

    assert world.enrolment().trigger_date == date(2027, 1, 1)


@pytest.mark.rule(8)
def test_a_segment_takes_in_who_comes_into_it_not_who_is_there(world: World) -> None:
    lapsed = Ago("orders.last_at", more=True, length=Duration(days=90))
    long_gone, going = world.customer("Ada"), world.customer("Can")
    world.order(long_gone, NOON - 200 * DAY)
    world.order(going, NOON - 90 * DAY + HOUR)
    world.deploy(make_plan(email(), trigger=SegmentTrigger("lapsed", lapsed)))

    early, later, again = (world.tick(NOON + hours * HOUR).entered for hours in (0, 2, 3))

    assert (early, later, again) == (0, 1, 0)
    assert world.enrolment().customer_id == going


@pytest.mark.rule(8)
def test_who_leaves_a_segment_may_come_into_it_again(world: World) -> None:
    vip = Contains("customer.tags", "vip")
    world.deploy(make_plan(email(), trigger=SegmentTrigger("vip", vip)))
    world.deploy(make_plan(Tag("on", "on", None, "vip"), journey="mark", trigger=EventTrigger("a.on", None)))
    world.deploy(
        make_plan(Tag("off", "off", None, "vip", add=False), journey="off", trigger=EventTrigger("a.off", None))
    )
    ada = world.customer()
    world.tick(NOON)
    for day, name, journey in ((1, "a.on", "mark"), (2, "a.off", "off"), (3, "a.on", "mark")):
        world.happen(name, ada, NOON + day * DAY)
        world.tick(NOON + day * DAY, journey)
        world.tick(NOON + day * DAY)

    assert [row.entered_at for row in world.enrolments()] == [NOON + DAY, NOON + 3 * DAY]


@pytest.mark.rule(8)
def test_a_newsletter_takes_in_everybody_at_each_occurrence_by_the_shops_clock(world: World) -> None:
    world.deploy(make_plan(email(), trigger=EveryTrigger("0 10 * * WED", None)))
    world.customer("Ada")
    world.customer("Can")

    world.tick(istanbul(date(2026, 3, 11), "10:05"))
    world.tick(istanbul(date(2026, 3, 11), "10:20"))
    world.tick(istanbul(date(2026, 3, 18), "10:05"))

    moments = Counter(row.entered_at for row in world.enrolments())
    assert moments == {istanbul(date(2026, 3, 11), "10:00"): 2, istanbul(date(2026, 3, 18), "10:00"): 2}


@pytest.mark.rule(8)
def test_who_is_sent_on_enters_the_other_journey_once_with_their_order(world: World) -> None:
    world.deploy(make_plan(email("there"), journey="there", trigger=EnteredTrigger()))
    world.deploy(make_plan(Enter("on", "on", None, "there")))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.tick(NOON + MINUTE)

    row = world.enrolment("there")
    assert (row.object_kind, row.object_id, row.order_id) == ("order", order, order)


@pytest.mark.rule(4)
def test_who_is_sent_on_is_not_too_old_though_the_sender_ticks_late(world: World) -> None:
    world.deploy(make_plan(wait("rest", "on", hours=1), Enter("on", "on", None, "there")))
    world.deploy(make_plan(email(), journey="there", trigger=EnteredTrigger()), NOON + 2 * HOUR)
    world.order(world.customer(), NOON)
    world.tick(NOON)

    world.tick(NOON + 5 * DAY)

    assert world.enrolment("there").entered_at == NOON + HOUR


@pytest.mark.rule(8)
def test_an_object_of_another_kind_is_never_taken_for_one_of_the_journeys_own(world: World) -> None:
    """A return and an order may bear the same number; the return's reason is not the other customer's business."""
    asked = EventTrigger("return.requested", "return")
    world.deploy(make_plan(email("there"), journey="there", trigger=asked))
    world.deploy(make_plan(Enter("on", "on", None, "there")))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)

    row = world.enrolment("there")
    assert (row.object_id, row.order_id) == (None, order)


@pytest.mark.rule(11)
def test_the_bucket_of_a_customer_never_changes() -> None:
    assert (bucket("C-1001"), draw(bucket("C-1001"), "split", "thanks", "which")) == (420527075, 831727924)


@pytest.mark.rule(11)
def test_the_database_draws_the_same_arms_as_the_code(world: World) -> None:
    world.deploy(
        make_plan(Split("which", "which", (SplitArm("a", 3000, "a"), SplitArm("b", 7000, "b"))), *tags("a", "b"))
    )
    people = {world.customer(outside_id=f"C-{n}"): f"C-{n}" for n in range(60)}
    for number in people:
        world.order(number, NOON)

    world.tick(NOON + MINUTE)

    drawn = {number: draw(bucket(name), "split", "thanks", "which") for number, name in people.items()}
    expected = {number: "a" if here < PRIME * 3000 // 10_000 else "b" for number, here in drawn.items()}
    assert tagged(world) == expected
    assert set(expected.values()) == {"a", "b"}


@pytest.mark.rule(11)
def test_an_arm_does_not_depend_on_who_else_is_there(world: World) -> None:
    arms = tuple(SplitArm(name, share, name) for name, share in (("a", 3333), ("b", 3333), ("c", 3334)))
    world.deploy(make_plan(Split("which", "which", arms), *tags("a", "b", "c")))
    world.order(world.customer(outside_id="C-7"), NOON)
    world.tick(NOON)
    alone = next(iter(tagged(world).values()))
    for n in range(20):
        world.order(world.customer(outside_id=f"C-{100 + n}"), NOON + MINUTE)
    again = world.order(1, NOON + MINUTE)
    world.tick(NOON + HOUR)

    assert again
    assert tagged(world)[1] == alone


@pytest.mark.rule(11)
def test_holdouts_count_for_the_goal_and_get_no_message(world: World) -> None:
    bought = Goal(anywhere("order.placed"), Duration(days=30))
    world.deploy(make_plan(email(), trigger=EventTrigger("basket.left", None), holdout=5000, goal=bought))
    people = [world.customer(outside_id=f"C-{n}") for n in range(30)]
    for number in people:
        world.happen("basket.left", number, NOON)
    report = world.tick(NOON)
    for number in people:
        world.order(number, NOON + DAY)
    world.tick(NOON + DAY)

    held = {row.customer_id for row in world.enrolments() if row.state == "holdout"}
    assert 0 < len(held) == report.holdout < 30
    assert {row.goal_at for row in world.enrolments()} == {NOON + DAY}
    assert {row.customer_id for row in world.sends()} == set(people) - held


@pytest.mark.rule(11)
def test_a_goal_counts_from_entry_and_only_as_long_as_it_says(world: World) -> None:
    bought = Goal(anywhere("order.placed"), Duration(days=30))
    world.deploy(make_plan(email(), trigger=EventTrigger("basket.left", None), goal=bought), NOON - 9 * DAY)
    before, within, after = (world.customer(name) for name in ("Ada", "Can", "Ece"))
    for number in (before, within, after):
        world.happen("basket.left", number, NOON)
    world.order(before, NOON - DAY)
    world.tick(NOON)
    world.order(within, NOON + 30 * DAY)
    world.order(after, NOON + 30 * DAY + MINUTE)
    world.tick(NOON + 31 * DAY)

    reached = {row.customer_id: row.goal_at for row in world.enrolments()}
    assert reached == {before: None, within: NOON + 30 * DAY, after: None}


@pytest.mark.rule(11)
def test_a_deploy_does_not_end_the_counting_for_those_who_were_in_the_older_plan(world: World) -> None:
    bought = Goal(anywhere("order.placed"), Duration(days=30))
    world.deploy(make_plan(email(), trigger=EventTrigger("basket.left", None), holdout=5000, goal=bought))
    people = [world.customer(outside_id=f"C-{n}") for n in range(12)]
    for number in people:
        world.happen("basket.left", number, NOON)
    world.tick(NOON)
    changed = email(subject={"tr": "Yine merhaba"})
    world.deploy(make_plan(changed, trigger=EventTrigger("basket.left", None), holdout=5000, goal=bought), NOON + HOUR)
    for number in people:
        world.order(number, NOON + DAY)

    world.tick(NOON + DAY)

    assert {row.goal_at for row in world.enrolments()} == {NOON + DAY}
    assert {row.state for row in world.enrolments()} == {"finished", "holdout"}


@pytest.mark.rule(11)
def test_a_holdout_uses_up_its_entry_key_and_its_re_entry(world: World) -> None:
    world.deploy(make_plan(email(), reentry=ONCE, holdout=9999))
    ada = world.customer()
    world.order(ada, NOON)
    world.order(ada, NOON + MINUTE)

    report = world.tick(NOON + HOUR)

    assert (report.holdout, report.refused) == (1, {"re-entry": 1})


@pytest.mark.rule(8)
def test_the_audience_is_asked_as_of_the_tick(world: World) -> None:
    world.deploy(make_plan(email(), audience=Compare("orders.count", ">=", 2)))
    ada = world.customer()
    world.order(ada, NOON)
    world.order(ada, NOON + MINUTE)

    assert world.tick(NOON + HOUR).entered == 2


def tags(*names: str) -> tuple[Tag, ...]:
    return tuple(Tag(name, name, None, name) for name in names)


def tagged(world: World) -> dict[int, str]:
    from vefa.crm.tables import tags as table

    return {row.customer_id: row.tag for row in world.rows(table)}
