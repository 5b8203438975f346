"""What customers write about, counted by themes and weeks: in answers to surveys, in reviews and in complaints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import reviews, survey_answers, tickets
from vefa.engine.surveys import SOURCE
from vefa.insight.weeks import Weeks
from vefa.plan.surveys import Surveys
from vefa.plan.themes import Theme, plain

Source = Literal["answers", "reviews", "tickets"]
SOURCES: tuple[Source, ...] = ("answers", "reviews", "tickets")
#: Scores with which nobody is content, by a survey's kind; stars of a review.
UNHAPPY: Mapping[str, int] = {"csat": 2, "nps": 6}
UNHAPPY_STARS = 2
#: Texts that are held at one time.
_PART = 2_000


@dataclass(frozen=True)
class ThemeRow:
    """How often a theme was spoken of, and by how many who were not content. `weeks`: the oldest first."""

    theme: str
    words: Mapping[str, str]
    texts: int
    unhappy: int
    answers: int
    reviews: int
    tickets: int
    weeks: tuple[int, ...]


@dataclass(frozen=True)
class ThemeReport:
    """The themes, the commonest first; of so many `texts`, `others` speak of none."""

    weeks: tuple[date, ...]
    texts: int
    others: int
    themes: tuple[ThemeRow, ...]


@dataclass(frozen=True)
class _Text:
    source: Source
    at: datetime
    words: str
    unhappy: bool


@dataclass
class _Tally:
    texts: int = 0
    unhappy: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    weeks: Counter[int] = field(default_factory=Counter)

    def count(self, text: _Text, week: int) -> None:
        self.texts += 1
        self.unhappy += text.unhappy
        self.sources[text.source] += 1
        self.weeks[week] += 1


def count_themes(connection: Connection, themes: Mapping[str, Theme], surveys: Surveys, weeks: Weeks) -> ThemeReport:
    """Every text of those weeks that was known by their `now`, looked through once for all themes."""
    tallies = {name: _Tally() for name in themes}
    texts = others = 0
    for text in _texts(connection, surveys, weeks):
        words, week, found = plain(text.words), weeks.place(text.at), False
        texts += 1
        for name, theme in themes.items():
            if theme.is_in(words):
                tallies[name].count(text, week)
                found = True
        others += not found
    rows = [_row(themes[name], tally, len(weeks.mondays)) for name, tally in tallies.items()]
    return ThemeReport(weeks.mondays, texts, others, tuple(sorted(rows, key=lambda row: (-row.texts, row.theme))))


def _row(theme: Theme, tally: _Tally, weeks: int) -> ThemeRow:
    answers, told, heard = (tally.sources[source] for source in SOURCES)
    by_week = tuple(tally.weeks[week] for week in range(weeks))
    return ThemeRow(theme.name, theme.words, tally.texts, tally.unhappy, answers, told, heard, by_week)


def _texts(connection: Connection, surveys: Surveys, weeks: Weeks) -> Iterator[_Text]:
    """A ticket that an answer became is not read a second time."""
    a, r, t = survey_answers.c, reviews.c, tickets.c
    answers = sa.select(a.answered_at, a.comment, a.survey, a.score)
    for row in _in_parts(connection, answers, a.comment, a.answered_at, a.answered_known_at, weeks):
        survey = surveys.get(row.survey)
        unhappy = survey is not None and row.score <= UNHAPPY.get(survey.kind, -1)
        yield _Text("answers", row.answered_at, row.comment, unhappy)
    stars = sa.select(r.posted_at, r.text, r.rating)
    for row in _in_parts(connection, stars, r.text, r.posted_at, r.posted_known_at, weeks):
        yield _Text("reviews", row.posted_at, row.text, row.rating is not None and row.rating <= UNHAPPY_STARS)
    heard = sa.select(t.opened_at, t.subject).where(t.source != SOURCE)
    for row in _in_parts(connection, heard, t.subject, t.opened_at, t.opened_known_at, weeks):
        yield _Text("tickets", row.opened_at, row.subject, unhappy=True)


def _in_parts(
    connection: Connection, query: sa.Select[Any], words: Any, at: Any, known: Any, weeks: Weeks
) -> Iterator[Any]:
    wanted = query.where(words.is_not(None), words != "", at >= weeks.start, at <= weeks.now, known <= weeks.now)
    return iter(connection.execute(wanted, execution_options={"yield_per": _PART}))
