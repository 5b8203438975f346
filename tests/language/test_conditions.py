"""What each way of asking means, as the closed union that SQL and English are made from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.language.shops import compile_text
from vefa.language.conditions import (
    Ago,
    Anything,
    Before,
    Between,
    Compare,
    Condition,
    Contains,
    Duration,
    EventScope,
    Everything,
    Happened,
    InSegment,
    Known,
    Not,
    Nothing,
    OneOf,
    Reacted,
    Today,
    Within,
)
from vefa.language.durations import read_duration, read_moment, read_percent, read_sum, read_time
from vefa.language.problems import Mistake
from vefa.plan.steps import Branch, Message

LAPSED = InSegment(
    "lapsed",
    Everything((Compare("orders.count", ">=", 2), Ago("orders.last_at", True, Duration(days=90)))),
)
MEANT: list[tuple[str, Condition]] = [
    ("{customer.country: TR}", Compare("customer.country", "=", "TR")),
    ("{customer.country: NO}", Compare("customer.country", "=", "NO")),
    ("{customer.city: on}", Compare("customer.city", "=", "on")),
    ('{customer.country: "!= TR"}', Compare("customer.country", "!=", "TR")),
    ('{customer.country: "= TR"}', Compare("customer.country", "=", "TR")),
    ("{customer.city: [Ankara, Konya]}", OneOf("customer.city", ("Ankara", "Konya"))),
    ("{customer.city: {in: [Ankara]}}", OneOf("customer.city", ("Ankara",))),
    ("{customer.city: {contains: ara}}", Contains("customer.city", "ara")),
    ("{customer.city: 3 to 10}", Compare("customer.city", "=", "3 to 10")),
    ("{customer.city: is empty}", Known("customer.city", False)),
    ("{customer.city: is set}", Known("customer.city", True)),
    ("{customer.tags: vip}", Compare("customer.tags", "=", "vip")),
    ("{customer.tags: {contains: vip}}", Contains("customer.tags", "vip")),
    ("{orders.count: 3}", Compare("orders.count", "=", 3)),
    ('{orders.count: "< 3"}', Compare("orders.count", "<", 3)),
    ('{orders.count: "<= 3"}', Compare("orders.count", "<=", 3)),
    ('{orders.count: ">3"}', Compare("orders.count", ">", 3)),
    ('{orders.revenue: ">= 249.90"}', Compare("orders.revenue", ">=", Decimal("249.90"))),
    ("{orders.count: 3 to 10}", Between("orders.count", 3, 10)),
    ("{orders.count: [1, 2]}", OneOf("orders.count", (1, 2))),
    ("{consent.email: yes}", Compare("consent.email", "=", True)),
    ("{consent.email: no}", Compare("consent.email", "=", False)),
    ("{consent.email: false}", Compare("consent.email", "=", False)),
    ("{orders.last_at: more than 90 days ago}", Ago("orders.last_at", True, Duration(days=90))),
    ("{orders.last_at: less than 2 hours ago}", Ago("orders.last_at", False, Duration(seconds=7200))),
    ("{coupon.valid_until: in less than 3 days}", Within("coupon.valid_until", False, Duration(days=3))),
    ("{coupon.valid_until: in more than 3 days}", Within("coupon.valid_until", True, Duration(days=3))),
    ("{customer.created_at: is today}", Today("customer.created_at")),
    ("{customer.created_at: before 2026-01-31}", Before("customer.created_at", date(2026, 1, 31))),
    ("{customer.created_at: after 2026-01-31}", Before("customer.created_at", date(2026, 1, 31), after=True)),
    ("{customer.birth_date: 1990-01-31}", Compare("customer.birth_date", "=", date(1990, 1, 31))),
    (
        "{customer.birth_date: 1990-01-01 to 1999-12-31}",
        Between("customer.birth_date", date(1990, 1, 1), date(1999, 12, 31)),
    ),
    (
        "{any: [{customer.age: 5}, {customer.age: 6, customer.city: A}]}",
        Anything(
            (
                Compare("customer.age", "=", 5),
                Everything((Compare("customer.age", "=", 6), Compare("customer.city", "=", "A"))),
            )
        ),
    ),
    ("{none: [{customer.age: 5}]}", Nothing((Compare("customer.age", "=", 5),))),
    ("{not: {customer.age: 5}}", Not(Compare("customer.age", "=", 5))),
    ("{segment: lapsed}", LAPSED),
    ("{happened: order.placed}", Happened(EventScope("order.placed"))),
    ("{happened: ticket.opened}", Happened(EventScope("ticket.opened"))),
    (
        '{happened: {event: order.placed, within: 1 year, of: customer, times: ">= 2"}}',
        Happened(EventScope("order.placed", True), Duration(days=365), ">=", 2, since_entry=False),
    ),
    ("{happened: {event: order.placed, times: 2}}", Happened(EventScope("order.placed"), None, "=", 2)),
    ("{opened: thanks}", Reacted("thanks", "opened")),
    ("{clicked: thanks}", Reacted("thanks", "clicked")),
    ("{trigger.at: less than 1 day ago}", Ago("trigger.at", False, Duration(days=1))),
    ("{delivery.carrier: is set}", Known("delivery.carrier", True)),
]
JOURNEY = """\
name: X
trigger: {event: order.placed}
steps:
  - email: a
    id: thanks
    subject: {tr: "a", en: "b"}
  - coupon: {percent: 5, valid: 3 days}
  - if: %s
    then: [{tag: a}]
"""


@pytest.mark.parametrize(("written", "meant"), MEANT, ids=[written for written, _ in MEANT])
def test_a_condition_means(written: str, meant: Condition, tmp_path: Path) -> None:
    """Inside a journey about an order."""
    branch = compile_text(tmp_path, JOURNEY % written).steps[2]

    assert isinstance(branch, Branch)
    assert branch.arms[0].when == meant


@pytest.mark.rule(9)
def test_happened_means_ever_in_an_audience_and_in_segments(tmp_path: Path) -> None:
    """And is about anything of the customer's."""
    text = """\
name: X
trigger: {event: order.placed}
audience: {happened: order.placed, segment: returners}
steps:
  - sms: a
    unless: {segment: returners}
"""
    returners = InSegment(
        "returners",
        Happened(EventScope("return.requested", True), Duration(days=7), since_entry=False),
    )

    made = compile_text(tmp_path, text, segments="returners: {happened: {event: return.requested, within: 1 week}}\n")

    ever = Happened(EventScope("order.placed", of_customer=True), since_entry=False)
    assert made.audience == Everything((ever, returners))
    message = made.steps[0]
    assert isinstance(message, Message)
    assert message.unless == returners


def test_segments_nest_in_any_order(tmp_path: Path) -> None:
    """The inner one is inlined."""
    text = "name: X\ntrigger: {segment: outer}\nsteps: [{sms: a}]\n"

    made = compile_text(tmp_path, text, segments="outer: {not: {segment: inner}}\ninner: {orders.count: 1}\n")

    inner = InSegment("inner", Compare("orders.count", "=", 1))
    assert made.trigger.condition == Not(inner)


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("1 minute", Duration(seconds=60)),
        ("90 minutes", Duration(seconds=5400)),
        ("2 hours", Duration(seconds=7200)),
        ("1 day", Duration(days=1)),
        ("3days", Duration(days=3)),
        ("2 weeks", Duration(days=14)),
        ("1 month", Duration(days=30)),
        ("2 years", Duration(days=730)),
    ],
)
def test_a_length_of_time_means(written: str, length: Duration) -> None:
    """A month has 30 days, a year 365."""
    assert read_duration(written) == length


@pytest.mark.parametrize(
    "written", ["", "3", "days", "-1 day", "0 days", "1.5 days", "1 day 2 hours", "99999 years", 3]
)
def test_what_is_no_length_of_time_is_refused(written: object) -> None:
    """With a sentence, never silently."""
    with pytest.raises(Mistake):
        read_duration(written)


def test_small_values_are_read_as_people_write_them() -> None:
    """Moments, times, shares and sums."""
    assert read_moment("order.delivered_at + 5 days").length == Duration(days=5)
    assert read_moment("order.delivered_at - 1 hour").length == Duration(seconds=-3600)
    assert read_moment("trigger.date").length == Duration()
    assert read_time("9:05").isoformat() == "09:05:00"
    assert read_percent("0.5%") == 50
    assert (read_sum("100.50 TRY").amount, read_sum("100.50 TRY").currency) == (Decimal("100.50"), "TRY")
