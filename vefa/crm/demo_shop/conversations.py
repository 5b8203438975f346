"""What was said in the demo shop's tickets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vefa.crm.demo_shop.draws import Draws
from vefa.crm.demo_shop.loading import Columns
from vefa.crm.demo_shop.words import ASKED, REPLIES, SOLVED, THANKS
from vefa.database import MINUTE

#: How many customers write a last word once it is solved.
_THANKFUL = 0.5


@dataclass(frozen=True)
class Line:
    """One message: who of the two says it, what, and when."""

    author: str
    agent: str | None
    text: str
    moment: int


def draw_messages(draws: Draws, tickets: Columns, locales: list[str], first: int) -> Columns:
    """All that was said in these tickets, in the order of the tickets."""
    chances = draws.source.random((4, len(locales)))
    rows = [
        (ticket, line)
        for place, ticket in enumerate(tickets["id"])
        for line in _lines(tickets, place, locales[place], chances[:, place])
    ]
    numbers = range(first, first + len(rows))
    moments = [line.moment for _, line in rows]
    return {
        "id": list(numbers),
        "source": ["demo"] * len(rows),
        "outside_id": [f"M{number:08}" for number in numbers],
        "ticket_id": [ticket for ticket, _ in rows],
        "author": [line.author for _, line in rows],
        "agent": [line.agent for _, line in rows],
        "text": [line.text for _, line in rows],
        "said_at": moments,
        "said_known_at": moments,
    }


def _lines(tickets: Columns, place: int, locale: str, chances: np.typing.NDArray[np.float64]) -> Iterator[Line]:
    subject, category, agent = (tickets[name][place] for name in ("subject", "category", "agent"))
    opened, answered, resolved = (tickets[f"{name}_at"][place] for name in ("opened", "answered", "resolved"))
    yield Line("customer", None, f"{subject} {_one(ASKED[locale], chances[0])}", opened)
    if answered is not None:
        yield Line("agent", agent, _one(REPLIES[category][locale], chances[1]).format(agent=agent), answered)
    if resolved is not None:
        yield Line("agent", agent, _one(SOLVED[locale], chances[2]), max(resolved - MINUTE, answered))
        if chances[3] < _THANKFUL:
            yield Line("customer", None, _one(THANKS[locale], chances[3] / _THANKFUL), resolved)


def _one(texts: tuple[str, ...], chance: float) -> str:
    return texts[int(chance * len(texts))]
