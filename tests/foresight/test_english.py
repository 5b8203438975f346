"""Conditions, lengths and moments as people say them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vefa.language.conditions import (
    Ago,
    Anything,
    Before,
    Between,
    Compare,
    Comparison,
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
from vefa.language.english import duration, english, event_sentence, listed, moment
from vefa.language.wording import NAMES

REVIEW = EventScope("review.posted")
LAPSED = InSegment("lapsed", Compare("orders.count", ">=", 2))
TR = Compare("customer.country", "=", "TR")

GOLDEN: dict[str, Condition] = {
    "their country is TR": TR,
    "their country is not TR": Compare("customer.country", "!=", "TR"),
    "the order total is at least 250.50": Compare("order.total", ">=", Decimal("250.50")),
    "they have placed at least 2 orders": Compare("orders.count", ">=", 2),
    "they have placed fewer than 3 orders": Compare("orders.count", "<", 3),
    "they have placed 1 order": Compare("orders.count", "=", 1),
    "they have placed no orders": Compare("orders.count", "=", 0),
    "they have at least 1 open complaint": Compare("tickets.open", ">", 0),
    "they have no open complaints": Not(Compare("tickets.open", ">=", 1)),
    "this is their first order": Compare("order.is_first", "=", True),
    "this is not their first order": Compare("order.is_first", "=", False),
    "the coupon has been used": Compare("coupon.used", "=", True),
    "they have not agreed to commercial SMS": Compare("consent.sms", "!=", True),
    "they are tagged “staff”": Contains("customer.tags", "staff"),
    "they are not tagged “staff”": Not(Compare("customer.tags", "=", "staff")),
    "the review's text contains “late”": Contains("review.text", "late"),
    "the review's text does not contain “late”": Not(Contains("review.text", "late")),
    "the order holds something from “shoes” or “bags”": OneOf("order.categories", ("shoes", "bags")),
    "their city is İzmir or Ankara": OneOf("customer.city", ("İzmir", "Ankara")),
    "the rating is 1 to 3": Between("review.rating", 1, 3),
    "their birthday is known": Known("customer.birth_date", True),
    "the order has not been delivered": Known("order.delivered_at", False),
    "their last order was more than 90 days ago": Ago("orders.last_at", True, Duration(days=90)),
    "their last order was not less than 14 days ago": Not(Ago("orders.last_at", False, Duration(days=14))),
    "their last order is at least 2 of their usual gaps ago": Compare("orders.gaps_since_last", ">=", 2),
    "the coupon's last day is less than 3 days away": Within("coupon.valid_until", False, Duration(days=3)),
    "their birthday is today": Today("customer.birth_date"),
    "their sign-up was before 1 January 2026": Before("customer.created_at", date(2026, 1, 1)),
    "their sign-up was after 1 January 2026": Before("customer.created_at", date(2026, 1, 1), after=True),
    "a review was posted since they entered": Happened(REVIEW),
    "no review was posted since they entered": Not(Happened(REVIEW)),
    "an order was placed in the last 30 days": Happened(
        EventScope("order.placed", of_customer=True), within=Duration(days=30), since_entry=False
    ),
    "an order was placed at least 2 times at any time": Happened(
        EventScope("order.placed"), op=">=", times=2, since_entry=False
    ),
    "“cart.left” was reported since they entered": Happened(EventScope("cart.left")),
    "they have opened the message “thanks”": Reacted("thanks", "opened"),
    "they have not clicked the message “thanks”": Not(Reacted("thanks", "clicked")),
    "they are in the segment “lapsed”": LAPSED,
    "always": Everything(),
    "never": Not(Everything()),
    "their country is TR and they are in the segment “lapsed”": Everything((TR, LAPSED)),
    "their country is not TR or they are not in the segment “lapsed”": Not(Everything((TR, LAPSED))),
    "their country is TR or they are in the segment “lapsed”": Anything((TR, LAPSED)),
    "their country is not TR and they are not in the segment “lapsed”": Nothing((TR, LAPSED)),
    "their country is TR, they are not in the segment “lapsed” and they are not tagged “staff”": Everything(
        (TR, Nothing((LAPSED, Contains("customer.tags", "staff"))))
    ),
    "(their country is TR or they have opened the message “a”) and their birthday is today": Everything(
        (Anything((TR, Reacted("a", "opened"))), Today("customer.birth_date"))
    ),
}


@pytest.mark.parametrize(("words", "condition"), GOLDEN.items(), ids=list(GOLDEN))
def test_a_condition_reads_as_a_person_would_say_it(words: str, condition: Condition) -> None:
    assert english(condition) == words


def test_the_golden_list_has_every_kind_of_condition() -> None:
    kinds = set(get_args(get_args(Condition)[0]))

    assert {type(condition) for condition in GOLDEN.values()} == kinds


FIELD = st.sampled_from([*NAMES, "loyalty.points"])
LENGTH = st.builds(Duration, days=st.integers(0, 400), seconds=st.integers(0, 90_000))
VALUE = st.one_of(
    st.booleans(), st.integers(0, 9), st.decimals(0, 99, places=2), st.dates(), st.text("abcç", min_size=1)
)
ATOM = st.one_of(
    st.builds(Compare, FIELD, st.sampled_from(get_args(Comparison)), VALUE),
    st.builds(Between, FIELD, VALUE, VALUE),
    st.builds(OneOf, FIELD, st.lists(VALUE, min_size=1, max_size=3).map(tuple)),
    st.builds(Contains, FIELD, st.text("abcç", min_size=1)),
    st.builds(Known, FIELD, st.booleans()),
    st.builds(Ago, FIELD, st.booleans(), LENGTH),
    st.builds(Within, FIELD, st.booleans(), LENGTH),
    st.builds(Today, FIELD),
    st.builds(Before, FIELD, st.dates(), st.booleans()),
    st.builds(Happened, st.just(REVIEW), op=st.sampled_from(get_args(Comparison)), times=st.integers(0, 3)),
    st.builds(Reacted, st.just("thanks"), st.sampled_from(["opened", "clicked"])),
    st.just(LAPSED),
)
CONDITION: st.SearchStrategy[Condition] = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        *(st.builds(kind, st.lists(inner, max_size=3).map(tuple)) for kind in (Everything, Anything, Nothing)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(CONDITION)
def test_every_condition_becomes_one_clean_fragment(condition: Condition) -> None:
    """No class names, no machine's words, brackets in pairs, and a denial that says something else."""
    words = english(condition)

    assert words
    assert words == words.strip()
    assert "  " not in words
    assert words.count("(") == words.count(")")
    assert not any(sign in words for sign in ("Decimal", "Duration", "=", "#", "*", "None"))
    assert english(Not(condition)) != words
    assert english(Not(Not(condition))) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (Duration(days=1), "1 day"),
        (Duration(days=-3), "3 days"),
        (Duration(seconds=5400), "1 hour and 30 minutes"),
        (Duration(days=2, seconds=3661), "2 days, 1 hour, 1 minute and 1 second"),
        (Duration(), "no time"),
    ],
)
def test_a_length_of_time_reads_in_its_largest_units(length: Duration, words: str) -> None:
    assert duration(length) == words


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (Duration(), "the delivery"),
        (Duration(days=5), "5 days after the delivery"),
        (Duration(days=-3), "3 days before the delivery"),
        (Duration(seconds=-60), "1 minute before the delivery"),
    ],
)
def test_a_moment_is_told_from_what_it_hangs_on(offset: Duration, words: str) -> None:
    assert moment("the delivery", offset) == words


def test_an_event_is_a_sentence() -> None:
    assert event_sentence(EventScope("return.requested")) == "a return is asked for"
    assert event_sentence(EventScope("ticket.opened"), past=True) == "a complaint was opened"


def test_an_event_about_anything_of_theirs_says_so_where_it_could_be_mistaken() -> None:
    scope = EventScope("ticket.opened", of_customer=True)

    assert event_sentence(scope) == "a complaint is opened"
    assert event_sentence(scope, among_others=True) == "any complaint of theirs is opened"


def test_a_list_has_its_word_before_the_last() -> None:
    assert listed(["a", "b", "c"], "or") == "a, b or c"
