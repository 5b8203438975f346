"""A plan's flat steps, told as nested ways with their moments."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest

from vefa.foresight.deeds import deed, plain_words, share
from vefa.foresight.explain import cron_words, explain
from vefa.foresight.moments import arrivals, say
from vefa.foresight.timeline import timeline
from vefa.foresight.why import passed
from vefa.language.conditions import Compare, Duration, EventScope, InSegment
from vefa.language.wording import MONTHS
from vefa.plan.plans import Plan
from vefa.plan.policy import Cap, Policy, QuietHours, Rule, Withhold
from vefa.plan.steps import (
    Arm,
    Branch,
    Coupon,
    Enter,
    FieldMoment,
    Message,
    Split,
    SplitArm,
    Step,
    Stop,
    Tag,
    WaitFor,
    WaitUntilEvent,
    WaitUntilTime,
)
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EventTrigger, EveryTrigger, Reentry, SegmentTrigger, Trigger

DELIVERED = EventTrigger("order.delivered", "order")
TR = Compare("customer.country", "=", "TR")
DAY = Duration(days=1)


def plan(*steps: Step, trigger: Trigger = DELIVERED) -> Plan:
    return Plan("journey", "Journey", trigger, steps)


def mail(key: str, next_: str | None = None) -> Message:
    return Message(key, key, next_, "email", key, "commercial")


def told(journey: Plan) -> list[str]:
    """The timeline as indented lines."""
    return [f"{'  ' * line.depth}{line.what}" for line in timeline(journey)]


def test_a_branch_ends_where_its_ways_meet() -> None:
    journey = plan(
        Branch("if", "if", "c", (Arm(TR, "b"),)), Tag("b", "b", "d", "tr"), Tag("c", "c", "d", "abroad"), mail("d")
    )

    assert told(journey) == [
        "Choose a way",
        "  If their country is TR",
        "    Tag them “tr”",
        "  Else",
        "    Tag them “abroad”",
        "Send the e-mail “d”",
    ]


def test_a_way_that_has_no_steps_goes_straight_on() -> None:
    journey = plan(Branch("if", "if", "d", (Arm(TR, "b"),)), Tag("b", "b", "d", "tr"), mail("d"))

    assert told(journey)[3:] == ["  Else", "    Go straight on", "Send the e-mail “d”"]


def test_a_way_that_leaves_does_not_pull_the_rest_into_the_other() -> None:
    """`if … then: stop` meets where the others go on."""
    journey = plan(Branch("if", "if", "d", (Arm(TR, "b"),)), Stop("b", "b"), mail("d"))

    assert told(journey) == [
        "Choose a way",
        "  If their country is TR",
        "    Leave the journey",
        "  Else",
        "    Go straight on",
        "Send the e-mail “d”",
    ]


def test_ways_that_never_meet_are_told_to_their_ends() -> None:
    journey = plan(
        Split("s", "s", (SplitArm("a", 3334, "b"), SplitArm("rest", 6666, "c"))),
        Enter("b", "b", None, "other", leave=True),
        Stop("c", "c"),
    )

    assert told(journey) == [
        "Divide them by chance, each customer always the same way",
        "  33.34 % “a”",
        "    Put them into the journey “other” and end here",
        "  66.66 % “rest”",
        "    Leave the journey",
    ]


def test_every_step_is_told_once() -> None:
    steps: tuple[Step, ...] = (
        WaitUntilEvent("w", "w", "a", EventScope("review.posted"), DAY, "b"),
        Tag("a", "a", "m", "x"),
        Branch("b", "b", "m", (Arm(TR, "c"), Arm(InSegment("s", TR), "e"))),
        mail("c", "m"),
        Stop("e", "e"),
        mail("m"),
    )

    assert sorted(line.key for line in timeline(plan(*steps)) if line.key) == sorted(step.key for step in steps)


def when(journey: Plan, key: str) -> str:
    return say(arrivals(journey)[key])


def test_waits_add_up_from_the_trigger() -> None:
    journey = plan(
        WaitFor("w", "w", "m", DAY, time(10)),
        mail("m", "x"),
        WaitFor("x", "x", "y", Duration(days=7)),
        mail("y", "h"),
        WaitFor("h", "h", "z", Duration(seconds=7200)),
        mail("z"),
    )

    assert when(journey, "m") == "about 1 day after the delivery, at 10:00 on the customer's own clock"
    assert when(journey, "y") == "about 8 days after the delivery, at 10:00 on the customer's own clock"
    assert when(journey, "z") == "about 8 days and 2 hours after the delivery"


def test_a_message_without_a_wait_comes_right_after_the_trigger() -> None:
    assert when(plan(mail("m")), "m") == "right after the delivery"


def test_a_day_that_comes_every_year_is_told_with_its_hour() -> None:
    birthday = DateTrigger("customer.birth_date", 0, time(9))
    early = DateTrigger("customer.birth_date", -3, time(9))

    assert when(plan(mail("m"), trigger=birthday), "m") == "on their birthday, at 09:00 on the customer's own clock"
    assert (
        when(plan(mail("m"), trigger=early), "m")
        == "about 3 days before their birthday, at 09:00 on the customer's own clock"
    )


def test_after_an_event_it_counts_from_the_event_or_from_the_end_of_patience() -> None:
    journey = plan(
        WaitUntilEvent("w", "w", "m", EventScope("review.posted"), Duration(days=7), "m"), mail("m", "x"), mail("x")
    )

    assert when(journey, "m") == "right after the review or about 7 days after the delivery"


def test_a_field_s_moment_is_what_is_counted_from() -> None:
    until = FieldMoment("order.delivered_at", Duration(days=11))
    journey = plan(WaitUntilTime("w", "w", "m", until, "m", at=time(11)), mail("m"))

    assert when(journey, "m") == "about 11 days after the delivery, at 11:00 on the customer's own clock"


def test_weekdays_are_told() -> None:
    journey = plan(WaitFor("w", "w", "m", DAY, time(11), ("mon", "fri")), mail("m"))

    assert "on the next Monday or Friday, at 11:00" in when(journey, "m")
    assert deed(journey.steps[0]).what == "Wait 1 day, then until 11:00 on the next Monday or Friday"


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (EventTrigger("order.placed", "order", TR), "when an order is placed, if their country is TR"),
        (DateTrigger("customer.birth_date", 0, time(9)), "on their birthday, once a year, at 09:00"),
        (DateTrigger("customer.birth_date", -3, time(9)), "enters 3 days before their birthday"),
        (SegmentTrigger("lapsed", TR), "coming into the segment “lapsed”, that is, once their country is TR"),
        (EveryTrigger("0 10 * * 2", None), "The whole audience enters every Tuesday at 10:00"),
        (EnteredTrigger(), "when another journey sends them here"),
    ],
)
def test_every_kind_of_trigger_is_told(trigger: Trigger, words: str) -> None:
    assert words in " ".join(explain(plan(mail("m"), trigger=trigger), Policy()).enters)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 10 * * *", "every day at 10:00"),
        ("30 9 1 * *", "on day 1 of every month at 09:30"),
        ("0 10 * * 0", "every Sunday at 10:00"),
        ("0 10 * * MON,THU", "every Monday or Thursday at 10:00"),
        ("0 10 * * TUE#1", "on the first Tuesday of every month at 10:00"),
        ("0 10 * * 5L", "on the last Friday of every month at 10:00"),
        ("0 10 L * *", "on the last day of every month at 10:00"),
        ("*/5 * * * *", "at each time of “*/5 * * * *”"),
    ],
)
def test_usual_cron_lines_are_told_and_others_read_out(cron: str, words: str) -> None:
    assert cron_words(cron) == words


@pytest.mark.parametrize(
    ("reentry", "words"),
    [
        (None, "once for each object"),
        (Reentry(once=True), "Nobody enters twice, ever."),
        (Reentry(after=Duration(days=90)), "again 90 days later at the earliest"),
        (Reentry(), "They may enter every time."),
    ],
)
def test_reentry_is_told(reentry: Reentry | None, words: str) -> None:
    journey = Plan("journey", "Journey", DELIVERED, (mail("m"),), reentry=reentry)

    assert words in " ".join(explain(journey, Policy()).enters)


def test_policy_tells_only_what_concerns_the_journey() -> None:
    policy = Policy(
        rules=(Rule("commercial", "email", quiet=QuietHours(time(21), time(9))), Rule("commercial", "sms")),
        caps=(
            Cap("weekly", 2, Duration(days=7), "commercial"),
            Cap("texts", 1, DAY, medium="sms", withhold=Withhold("skip")),
        ),
        priority=("other", "journey"),
    )

    assert explain(plan(mail("m")), policy).policy == (
        "Commercial e-mail: only with consent; none from 21:00 to 09:00 on the customer's own clock "
        "(put off until it may go, dropped after 24 hours).",
        "While a complaint or question of theirs is open: no commercial message (put off, dropped after 3 days).",
        "At most 2 commercial messages to one customer in 7 days, over all journeys "
        "(put off until it may go, dropped after 24 hours).",
        "Where several journeys want to write at once, this one is number 2 of 2.",
    )


def test_a_coupon_is_told_with_its_terms() -> None:
    coupon = Coupon("c", "c", None, amount=Decimal(100), currency="TRY", minimum=Decimal(500), minimum_currency="TRY")

    assert deed(coupon).what == "Make a coupon of their own: 100 TRY off"
    assert deed(coupon).notes == ("from 500 TRY on", "good for one order")


def test_a_code_of_a_pool_is_told_with_its_pool() -> None:
    coupon = Coupon("c", "c", None, percent=Decimal(15), pool="spring", valid=Duration(days=14), ends=date(2026, 5, 31))

    assert deed(coupon).what == "Give a code of the pool “spring”: 15 % off"
    assert deed(coupon).notes == (
        "good for 14 days from its first message",
        "the checkout takes the pool's codes until 31 May 2026",
        "good for one order",
        "while the pool is empty they wait here, and get no message without a code",
    )


def test_a_subject_is_shown_without_its_machinery() -> None:
    subject = "Hi{% if customer.first_name %}, {{ customer.first_name | title }}{% endif %}!"

    assert plain_words(subject) == "Hi, ‹first name›!"


def test_shares_are_told_exactly() -> None:
    assert [share(5000), share(3334), share(50)] == ["50 %", "33.34 %", "0.5 %"]


def test_steps_that_must_have_been_passed_are_known() -> None:
    """A branch is behind whoever stands after it; which of its ways they took is not known."""
    journey = plan(
        mail("a", "if"),
        Branch("if", "if", "c", (Arm(TR, "b"),)),
        Tag("b", "b", "w", "tr"),
        Tag("c", "c", "w", "abroad"),
        WaitFor("w", "w", "z", DAY),
        mail("z"),
    )

    assert passed(journey, {"w"}, "active", "w") == ("a", "if")
    assert passed(journey, {"b", "w"}, "active", "w") == ("a", "if", "b")
    assert passed(journey, {"a", "z"}, "finished", None) == ("a", "if", "w", "z")
    assert passed(journey, set(), "holdout", None) == ()


def test_months_are_all_there() -> None:
    assert len(MONTHS) == 12
