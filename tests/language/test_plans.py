"""Good files compile to exactly these plans."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.language.shops import compile_text, load_shop
from vefa.language.conditions import (
    Compare,
    Contains,
    Duration,
    EventScope,
    Everything,
    Happened,
    InSegment,
    Nothing,
    Reacted,
)
from vefa.plan import steps as plan
from vefa.plan.codec import dump, load
from vefa.plan.plans import Exits, Goal, Plan, Runs
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EventTrigger, EveryTrigger, Reentry, Trigger

DAY = Duration(days=1)

DELIVERY = """\
name: Delivery thank-you
description: Thank the customer.
owner: retention@ornek.example
status: paused
purpose: commercial
runs: every day at "09:00"
trigger:
  event: order.delivered
  where: {order.total: ">= 250"}
audience:
  customer.country: TR
  none: [{segment: open-complaint}, {customer.tags: {contains: staff}}]
reentry: after 90 days
backfill: 2 weeks
exit:
  on: [order.cancelled, return.requested, {event: order.placed, of: customer}]
  unless: {customer.country: TR}
  then: {enter: return-care}
goal: {event: order.placed, within: 30 days}
holdout: 12.5%
steps:
  - wait: {for: 1 day, at: "10:00", on: [friday, mon]}
  - email: delivery-thank-you
    id: thanks
    subject: {en: "Hello", tr: "Merhaba"}
    recommend: 3
    not_after: order.delivered_at + 5 days
  - wait: {until: review.posted, at_most: 7 days}
  - if: {happened: review.posted}
    then: [{tag: reviewer}]
    else:
      - message: review-reminder
        subject: {tr: "Merhaba", en: "Hello"}
        purpose: transactional
        unless: {clicked: thanks}
        not_after: same day
"""
OTHER = "name: Other\ntrigger: entered\nsteps:\n  - sms: other\n"


@pytest.fixture
def delivery(tmp_path: Path) -> Plan:
    """The example of the manual, with every key of a journey."""
    return compile_text(tmp_path, DELIVERY, **{"return-care": OTHER})


def test_a_journey_compiles_to_a_flat_plan_with_all_targets_resolved(delivery: Plan) -> None:
    """After the last step of a list comes what follows around it."""
    words = {"tr": "Merhaba", "en": "Hello"}

    assert delivery.steps == (
        plan.WaitFor("wait", "wait", "thanks", DAY, time(10), ("mon", "fri")),
        plan.Message(
            "thanks",
            "thanks",
            "wait-review-posted",
            "email",
            "delivery-thank-you",
            "commercial",
            words,
            recommend=3,
            not_after=plan.FieldMoment("order.delivered_at", Duration(days=5)),
        ),
        plan.WaitUntilEvent(
            "wait-review-posted",
            "wait-review-posted",
            "if",
            EventScope("review.posted"),
            Duration(days=7),
            "if",
        ),
        plan.Branch(
            "if",
            "if",
            "message-review-reminder",
            (plan.Arm(Happened(EventScope("review.posted")), "tag-reviewer"),),
        ),
        plan.Tag("tag-reviewer", "tag-reviewer", None, "reviewer"),
        plan.Message(
            "message-review-reminder",
            "message-review-reminder",
            None,
            None,
            "review-reminder",
            "transactional",
            words,
            not_after=plan.SameDay(),
            unless=Reacted("thanks", "clicked"),
        ),
    )


def test_everything_around_the_steps_is_in_the_plan_too(delivery: Plan) -> None:
    """Segments are inlined, scopes resolved, shares in hundredths of a per cent."""
    complaint = InSegment("open-complaint", Compare("tickets.open", ">", 0))

    assert delivery.trigger == EventTrigger("order.delivered", "order", Compare("order.total", ">=", 250))
    assert delivery.audience == Everything(
        (Compare("customer.country", "=", "TR"), Nothing((complaint, Contains("customer.tags", "staff"))))
    )
    assert delivery.runs == Runs(at=time(9))
    assert delivery.reentry == Reentry(after=Duration(days=90))
    assert delivery.backfill == Duration(days=14)
    assert delivery.holdout == 1250
    assert delivery.status == "paused"
    assert delivery.goal == Goal(EventScope("order.placed", of_customer=True), Duration(days=30))
    assert delivery.exits == Exits(
        (
            EventScope("order.cancelled"),
            EventScope("return.requested"),
            EventScope("order.placed", of_customer=True),
        ),
        Compare("customer.country", "=", "TR"),
        "return-care",
    )


def test_a_plan_survives_being_stored(delivery: Plan) -> None:
    """What deploy writes is what runs read."""
    assert load(dump(delivery)) == delivery


def test_what_is_not_said_gets_its_default(tmp_path: Path) -> None:
    """Every quarter of an hour, for everybody, live and commercial."""
    short = compile_text(tmp_path, "name: Short\ntrigger: {event: order.placed}\nsteps:\n  - sms: hello\n")

    assert short == Plan(
        "journey",
        "Short",
        EventTrigger("order.placed", "order"),
        (plan.Message("sms-hello", "sms-hello", None, "sms", "hello", "commercial"),),
    )


def _steps(tmp_path: Path, text: str, trigger: str = "{event: order.placed}") -> tuple[plan.Step, ...]:
    return compile_text(tmp_path, f"name: X\ntrigger: {trigger}\nsteps:\n{text}").steps


def test_otherwise_runs_first_and_then_the_journey_goes_on(tmp_path: Path) -> None:
    """Both ways meet at the next step."""
    wait, reminder, thanks = _steps(
        tmp_path,
        """\
  - wait:
      until: order.cancelled
      at_most: 2 hours
      otherwise: [{sms: reminder}]
  - sms: thanks
""",
    )

    assert wait == plan.WaitUntilEvent(
        "wait-order-cancelled",
        "wait-order-cancelled",
        "sms-thanks",
        EventScope("order.cancelled"),
        Duration(seconds=7200),
        "sms-reminder",
    )
    assert isinstance(reminder, plan.Message)
    assert reminder.next == thanks.key == "sms-thanks"


def test_a_wait_for_a_field_that_may_be_empty_has_an_end(tmp_path: Path) -> None:
    """Rule 6."""
    wait = _steps(tmp_path, "  - wait: {until: order.shipped_at - 2 hours, at: 9:30, at_most: 3 days}\n  - sms: x\n")[0]

    assert wait == plan.WaitUntilTime(
        "wait-order-shipped-at",
        "wait-order-shipped-at",
        "sms-x",
        plan.FieldMoment("order.shipped_at", Duration(seconds=-7200)),
        "sms-x",
        time(9, 30),
        at_most=Duration(days=3),
    )


def test_a_field_that_the_trigger_fills_needs_no_end(tmp_path: Path) -> None:
    """After order.delivered there is an order.delivered_at."""
    text = "  - wait: {until: order.delivered_at + 11 days}\n  - sms: x\n"

    wait = _steps(tmp_path, text, "{event: order.delivered}")[0]

    assert isinstance(wait, plan.WaitUntilTime)
    assert wait.at_most is None


def test_branches_and_splits_meet_again(tmp_path: Path) -> None:
    """Each way ends at what follows the construct; where no way holds, it goes on there."""
    steps = _steps(
        tmp_path,
        """\
  - branch:
      - when: {orders.count: 1}
        steps: [{tag: a}]
      - otherwise:
          - split:
              - {name: one, share: 33.33%, steps: [{tag: b}]}
              - {name: two, share: 66.67%, steps: [stop]}
  - branch:
      - when: {orders.count: 2}
        steps: [{untag: a}]
  - sms: end
""",
    )

    assert steps == (
        plan.Branch("branch", "branch", "split", (plan.Arm(Compare("orders.count", "=", 1), "tag-a"),)),
        plan.Tag("tag-a", "tag-a", "branch-2", "a"),
        plan.Split("split", "split", (plan.SplitArm("one", 3333, "tag-b"), plan.SplitArm("two", 6667, "stop"))),
        plan.Tag("tag-b", "tag-b", "branch-2", "b"),
        plan.Stop("stop", "stop"),
        plan.Branch("branch-2", "branch-2", "sms-end", (plan.Arm(Compare("orders.count", "=", 2), "untag-a"),)),
        plan.Tag("untag-a", "untag-a", "sms-end", "a", add=False),
        plan.Message("sms-end", "sms-end", None, "sms", "end", "commercial"),
    )


def test_every_target_lies_further_down(delivery: Plan) -> None:
    """So that one walk through the steps moves everybody as far as they can go."""
    place = {step.key: index for index, step in enumerate(delivery.steps)}

    for step in delivery.steps:
        assert all(target is None or place[target] > place[step.key] for target in delivery.after(step))


def test_coupons_are_worth_what_they_say(tmp_path: Path) -> None:
    """Three kinds of worth, two of validity."""
    percent, amount, free, _ = _steps(
        tmp_path,
        """\
  - coupon: {percent: 12.5, valid: 2 weeks, prefix: DOGUM, minimum: 500 TRY}
  - coupon: {amount: 99.90 TRY, valid_until: trigger.date + 7 days}
  - coupon: {free_shipping: yes, valid: 36 hours}
  - sms: gift
""",
        "{date: customer.birth_date}",
    )

    assert percent == plan.Coupon(
        "coupon",
        "coupon",
        "coupon-2",
        percent=Decimal("12.5"),
        minimum=Decimal(500),
        minimum_currency="TRY",
        prefix="DOGUM",
        valid=Duration(days=14),
    )
    assert amount == plan.Coupon(
        "coupon-2",
        "coupon-2",
        "coupon-3",
        amount=Decimal("99.90"),
        currency="TRY",
        valid_until=plan.FieldMoment("trigger.date", Duration(days=7)),
    )
    assert isinstance(free, plan.Coupon)
    assert (free.free_shipping, free.valid) == (True, Duration(seconds=129_600))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{event: ticket.opened}", EventTrigger("ticket.opened", "ticket")),
        ("{date: customer.birth_date}", DateTrigger("customer.birth_date", 0, time(9))),
        (
            '{date: orders.first_at, offset: -3 days, at: "08:15"}',
            DateTrigger("orders.first_at", -3, time(8, 15)),
        ),
        ('{every: day, at: "10:00"}', EveryTrigger("0 10 * * *", None)),
        ('{every: week, on: tuesday, at: "10:05"}', EveryTrigger("5 10 * * TUE", None)),
        ("{every: week, on: [thu, mon], at: 10:00}", EveryTrigger("0 10 * * MON,THU", None)),
        ("{every: month, on: first tuesday, at: 10:00}", EveryTrigger("0 10 * * TUE#1", None)),
        ("{every: month, on: last friday, at: 10:00}", EveryTrigger("0 10 * * 5L", None)),
        ("{every: month, on: last sunday, at: 10:00}", EveryTrigger("0 10 * * 0L", None)),
        ("{every: month, on: 15, at: 10:00}", EveryTrigger("0 10 15 * *", None)),
        ("{every: month, on: last day, at: 10:00}", EveryTrigger("0 10 L * *", None)),
        (
            '{cron: "0 10 * * 1-5", zone: Europe/Berlin}',
            EveryTrigger("0 10 * * 1-5", "Europe/Berlin"),
        ),
        ("entered", EnteredTrigger()),
        ("{entered: yes}", EnteredTrigger()),
    ],
)
def test_a_trigger_means(written: str, meant: Trigger, tmp_path: Path) -> None:
    """Each trigger of the manual."""
    assert compile_text(tmp_path, f"name: X\ntrigger: {written}\nsteps: [{{sms: x}}]\n").trigger == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("at once", Runs(at_once=True)),
        ("every 5 minutes", Runs(minutes=5)),
        ("every minute", Runs(minutes=1)),
        ("every 2 hours", Runs(minutes=120)),
        ('every day at "09:00"', Runs(at=time(9))),
        ("every day at 9:00", Runs(at=time(9))),
    ],
)
def test_a_schedule_means(written: str, meant: Runs, tmp_path: Path) -> None:
    """How often a journey works."""
    text = f"name: X\nruns: {written}\ntrigger: entered\nsteps: [{{sms: x}}]\n"

    assert compile_text(tmp_path, text).runs == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("once", Reentry(once=True)), ("every time", None), ("after 1 month", Reentry(after=Duration(30)))],
)
def test_reentry_means(written: str, meant: Reentry | None, tmp_path: Path) -> None:
    """How often one customer may enter."""
    text = f"name: X\nreentry: {written}\ntrigger: {{event: order.placed}}\nsteps: [{{sms: x}}]\n"

    assert compile_text(tmp_path, text).reentry == meant


def test_a_journey_that_is_entered_knows_the_object_that_its_senders_bring(tmp_path: Path) -> None:
    """The object travels along, also over two journeys; what only some senders bring is not at hand."""
    care = (
        "name: Care\ntrigger: entered\nsteps:\n  - if: {return.reason: broken}\n    then: [{enter: more}]\n  - sms: a\n"
    )
    more = "name: More\ntrigger: entered\nexit: {on: return.refunded}\nsteps:\n  - wait: 1 day\n  - sms: b\n"
    sender = "name: S\ntrigger: {event: return.requested}\nsteps: [{enter: care}]\n"
    lapsed = "name: L\ntrigger: {segment: lapsed}\nsteps: [{enter: care}]\n"
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    good = load_shop(tmp_path / "one", {"care": care, "more": more, "sender": sender})
    mixed = load_shop(tmp_path / "two", {"care": care, "more": more, "sender": sender, "lapsed": lapsed})

    assert good.problems == ()
    assert good.plans["more"].exits.on == (EventScope("return.refunded"),)
    assert [problem.code for problem in mixed.problems] == ["wrong-home"]
    assert mixed.plans["more"].exits.on == (EventScope("return.refunded", of_customer=True),)


def test_a_journey_that_uses_a_segment_with_mistakes_has_no_plan_and_no_problem_of_its_own(tmp_path: Path) -> None:
    """The mistake is told of where it stands, once."""
    journey = "name: X\ntrigger: {segment: lapsed}\nsteps: [{sms: x}]\n"

    project = load_shop(tmp_path, {"journey": journey, "segments": "lapsed: {orders.cuont: 3}\n"})

    assert project.broken == {"journey"}
    assert [problem.file for problem in project.problems] == ["config/segments.yaml"]


def test_the_shops_own_events_can_start_a_journey(tmp_path: Path) -> None:
    """Named in config/events.yaml, about the customer."""
    text = "name: X\ntrigger: {event: loyalty.joined}\nsteps: [{sms: x}]\n"

    made = compile_text(tmp_path, text, events="loyalty.joined: somebody joined\n")

    assert made.trigger == EventTrigger("loyalty.joined", None)
