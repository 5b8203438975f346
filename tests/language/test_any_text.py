"""Whatever a file holds, there is a plan or there are problems; never a crash, and never neither."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from vefa.language.conditions import Compare, Condition
from vefa.language.loader import LABELS, draft_journey
from vefa.language.problems import render
from vefa.language.source import read_text
from vefa.plan.codec import dump, load
from vefa.plan.compiler import compile_journey
from vefa.plan.rulebook import read_events, read_policy, read_segments
from vefa.plan.surroundings import Neighbours

HERE = Path(__file__).parent
TEXTS = [path.read_text(encoding="utf-8") for path in sorted((HERE / "golden").glob("*/*.yaml"))]
TEXTS += [path.read_text(encoding="utf-8") for path in sorted((HERE.parents[1] / "config").glob("*.yaml"))]
PIECE = re.compile(r'([\w.:%]+|[\[\]{},"-])')
WORDS = sorted({piece for text in TEXTS for piece in PIECE.findall(text)})
STRANGE = ("null", "[]", "{}", "5", "true", '""', "[a]", "{a: b}", "-3 days", "stop", "~", "{{ x }}")
LAPSED: dict[str, Condition | None] = {"lapsed": Compare("orders.count", "=", 1)}
AROUND = Neighbours(("tr", "en"), segments=LAPSED, journeys=frozenset({"other"}))


def _spoilt(chance: random.Random) -> str:
    pieces = PIECE.split(chance.choice(TEXTS))
    for _ in range(chance.randint(1, 4)):
        new = chance.choice(("", chance.choice(WORDS), chance.choice(STRANGE), chance.choice(pieces)))
        pieces[chance.randrange(len(pieces))] = new
    return "".join(pieces)


@pytest.mark.parametrize("seed", range(10))
def test_any_text_gives_a_plan_or_problems(seed: int) -> None:
    """Files with a few words replaced by others."""
    chance = random.Random(seed)
    for text in (_spoilt(chance) for _ in range(120)):
        source = read_text(text, "x.yaml", LABELS)
        draft = draft_journey(source, "x")
        plan = compile_journey(draft, AROUND) if draft else None
        assert bool(plan) != bool(source.problems), text
        assert plan is None or load(dump(plan)) == plan
        render(source.problems)


@pytest.mark.parametrize("seed", range(10))
def test_any_text_gives_rules_or_problems(seed: int) -> None:
    """The same for segments, policy and events."""
    chance = random.Random(seed)
    for text in (_spoilt(chance) for _ in range(60)):
        source = read_text(text, "x.yaml")
        events = read_events(source)
        segments = read_segments(source, events)
        read_policy(source, frozenset({"other"}))
        assert source.problems or all(segments.values())
        render(source.problems)
