"""A journey's topic is one of the shop's, and of messages that customers may refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from vefa.plan.codec import dump, load, plan_hash
from vefa.plan.project import Project, load_project, shop_topics
from vefa.settings import Settings

JOURNEY = """name: Gift
status: live
{line}
trigger: {{event: order.delivered}}
steps:
  - email: gift
    subject: {{tr: "Hediye", en: "Gift"}}
"""
TOPICS = 'offers: {tr: "Fırsatlar", en: "Offers"}\n'


def project(root: Path, settings: Settings, line: str, topics: str = TOPICS) -> Project:
    (root / "journeys" / "gift.yaml").write_text(JOURNEY.format(line=line), encoding="utf-8")
    (root / "config" / "topics.yaml").write_text(topics, encoding="utf-8")
    return load_project(root, settings)


def test_the_plan_bears_the_topic(shop_root: Path, settings: Settings) -> None:
    found = project(shop_root, settings, "topic: offers")

    plan = found.plans["gift"]
    assert (found.problems, plan.topic, load(dump(plan))) == ((), "offers", plan)
    assert shop_topics(shop_root, settings) == {"offers": {"tr": "Fırsatlar", "en": "Offers"}}


def test_without_a_topic_a_plan_says_what_it_said_before(shop_root: Path, settings: Settings) -> None:
    with_topic = project(shop_root, settings, "topic: offers").plans["gift"]
    without = project(shop_root, settings, "").plans["gift"]

    assert "topic" not in dump(without)
    assert plan_hash(with_topic) != plan_hash(without)


@pytest.mark.parametrize(
    ("line", "topics", "says", "hint"),
    [
        ("topic: offer", TOPICS, 'there is no topic "offer"', 'Did you mean "offers"?'),
        ("topic: offers", "", 'there is no topic "offers"', "Topics stand in config/topics.yaml."),
        ("topic: offers\npurpose: transactional", TOPICS, "a transactional journey has no topic", "Take it out."),
        ("", 'offers: {tr: "Fırsatlar"}\n', "the topic has no words in en", "each of the shop's languages"),
        ("", "offers: Offers\n", "is not how customers read a topic", "each of the shop's languages"),
        ("", 'My offers: {tr: "a", en: "b"}\n', '"My offers" is no name for a topic', "small letters"),
    ],
)
def test_a_wrong_topic_is_told_with_its_place(
    shop_root: Path, settings: Settings, line: str, topics: str, says: str, hint: str
) -> None:
    (problem,) = project(shop_root, settings, line, topics).problems

    assert says in problem.message
    assert hint in problem.hint
    assert problem.line > 0
