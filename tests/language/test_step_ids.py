"""Rule 21: an id comes from kind and target, so that editing words, options or places moves nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language.shops import compile_text

OTHERS = dict.fromkeys(("return-care", "win-back"), "name: O\ntrigger: entered\nsteps:\n  - sms: o\n")


def _names(root: Path, steps: str) -> list[tuple[str, str]]:
    root.mkdir(exist_ok=True)
    text = f"name: X\ntrigger: {{event: order.delivered}}\nsteps:\n{steps}"
    return [(step.id, step.key) for step in compile_text(root, text, **OTHERS).steps]


ALL = """\
  - email: delivery-thank-you
    subject: {tr: "a", en: "b"}
  - sms: hello_you
  - message: both
    subject: {tr: "a", en: "b"}
  - wait: 3 days
  - wait: {for: 1 day}
  - wait: {until: review.posted, at_most: 7 days}
  - wait: {until: order.delivered_at + 11 days}
  - if: {orders.count: 1}
    then: [{tag: vip}]
  - branch: [{when: {orders.count: 2}, steps: [{untag: vip}]}]
  - coupon: {percent: 5, valid: 3 days}
  - split: [{name: all, share: 100%, steps: [{enter: return-care}]}]
  - sms: hello_you
  - if: {orders.count: 1}
    then: [stop]
  - go_to: win-back
"""
IDS = [
    "email-delivery-thank-you",
    "sms-hello-you",
    "message-both",
    "wait",
    "wait-2",
    "wait-review-posted",
    "wait-order-delivered-at",
    "if",
    "tag-vip",
    "branch",
    "untag-vip",
    "coupon",
    "split",
    "enter-return-care",
    "sms-hello-you-2",
    "if-2",
    "stop",
    "go-to-win-back",
]


@pytest.mark.rule(21)
def test_ids_come_from_kind_and_target(tmp_path: Path) -> None:
    """With an ordinal among equals."""
    assert _names(tmp_path, ALL) == [(name, name) for name in IDS]


@pytest.mark.rule(21)
def test_words_options_and_places_do_not_change_ids(tmp_path: Path) -> None:
    """Another subject, another length, another place among steps of other kinds."""
    before = _names(tmp_path / "one", "  - wait: 3 days\n  - sms: a\n  - coupon: {percent: 5, valid: 3 days}\n")
    after = _names(
        tmp_path / "two",
        "  - coupon: {amount: 5 TRY, valid: 9 days}\n  - tag: new\n"
        "  - sms: a\n    not_after: same day\n  - wait: {for: 9 days, at: 10:00}\n",
    )

    assert set(before) < set(after)


@pytest.mark.rule(21)
def test_an_id_that_is_written_stands_and_takes_no_ordinal_from_others(tmp_path: Path) -> None:
    """Naming one step leaves its equals as they were."""
    steps = "  - wait: 1 day\n  - wait: 2 days\n    id: pause\n  - wait: 3 days\n  - sms: a\n"

    assert [name for name, _ in _names(tmp_path, steps)] == ["wait", "pause", "wait-2", "sms-a"]


@pytest.mark.rule(21)
def test_arms_of_a_split_may_share_an_id_and_differ_in_their_keys(tmp_path: Path) -> None:
    """Reports then speak of one message; where a customer stands is still told apart."""
    steps = """\
  - split:
      - {name: short, share: 50%, steps: [{sms: a, id: offer}, {wait: 1 day}]}
      - {name: long, share: 50%, steps: [{sms: b, id: offer}]}
  - sms: end
"""

    assert _names(tmp_path, steps) == [
        ("split", "split"),
        ("offer", "short/offer"),
        ("wait", "wait"),
        ("offer", "long/offer"),
        ("sms-end", "sms-end"),
    ]
