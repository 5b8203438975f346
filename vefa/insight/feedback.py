"""How customers answered: recommendation, contentment and choices, by survey and by the journey that asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import survey_answers
from vefa.engine.plans import pinned
from vefa.engine.tables import journeys, plans
from vefa.ledger.tables import sends
from vefa.plan.steps import Message
from vefa.plan.surveys import Survey, Surveys

a, s = survey_answers.c, sends.c
#: Who recommends us, and who advises against us (net promoter score).
PROMOTERS, DETRACTORS = 9, 6
CONTENT, DISCONTENT = 4, 2


@dataclass(frozen=True)
class FeedbackRow:
    """One survey by one journey; `journey` None: by all of them, and what came from outside.

    `asked`: messages that went out in the span; `rate`: the share of them that was answered by now. The figures are of
    the answers given in the span. `nps` is promoters less detractors, in per cent; `content` the share of 4 and 5.
    """

    survey: str
    kind: str
    journey: str | None
    asked: int
    answers: int
    comments: int
    rate: float | None
    average: float | None = None
    nps: int | None = None
    promoters: int | None = None
    detractors: int | None = None
    content: float | None = None
    discontent: int | None = None
    choices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FeedbackReport:
    """Every survey that was asked or answered in the span."""

    since: datetime
    until: datetime
    rows: tuple[FeedbackRow, ...]


@dataclass
class _Tally:
    asked: int = 0
    of_them: int = 0
    comments: int = 0
    scores: Counter[int] = field(default_factory=Counter)
    choices: Counter[str] = field(default_factory=Counter)


_Key = tuple[str, str | None]


def count_feedback(connection: Connection, surveys: Surveys, since: datetime, until: datetime) -> FeedbackReport:
    """All of it as was known at `until`."""
    tallies: dict[_Key, _Tally] = defaultdict(_Tally)
    _count_asked(connection, tallies, since, until)
    _count_answers(connection, tallies, since, until)
    rows = [_row(survey, journey, tally, surveys.get(survey)) for (survey, journey), tally in tallies.items()]
    return FeedbackReport(since, until, tuple(sorted(rows, key=lambda row: (row.survey, row.journey or ""))))


def _count_asked(connection: Connection, tallies: dict[_Key, _Tally], since: datetime, until: datetime) -> None:
    """Messages that went out, and how many of them were answered, whenever that was."""
    steps = _asking_steps(connection)
    if not steps:
        return
    there = sa.exists().where(a.send_id == s.id, a.answered_known_at <= until)
    mine = sa.tuple_(s.plan_id, s.step).in_(sorted(steps))
    gone = sa.and_(mine, s.state.in_(("sent", "unknown")), s.claimed_at.between(since, until))
    answered = sa.func.sum(sa.case((there, 1), else_=0))
    query = sa.select(s.plan_id, s.step, sa.func.count(), answered).where(gone).group_by(s.plan_id, s.step)
    for plan_id, step, asked, of_them in connection.execute(query):
        survey, journey = steps[plan_id, step]
        for key in ((survey, journey), (survey, None)):
            tallies[key].asked += asked
            tallies[key].of_them += of_them


def _asking_steps(connection: Connection) -> dict[tuple[int, int], tuple[str, str]]:
    """The message steps of all plans that ask a survey: plan and step to survey and journey."""
    found = {}
    for number in connection.scalars(sa.select(plans.c.id).where(plans.c.body.contains('"survey":"'))).all():
        pin = pinned(connection, number)
        for step in pin.plan.steps:
            if isinstance(step, Message) and step.survey:
                found[pin.id, pin.numbers[step.id]] = step.survey, pin.plan.journey
    return found


def _count_answers(connection: Connection, tallies: dict[_Key, _Tally], since: datetime, until: datetime) -> None:
    said = sa.and_(a.answered_at.between(since, until), a.answered_known_at <= until)
    groups = (a.survey, journeys.c.name, a.score, a.choice)
    source = sa.outerjoin(survey_answers, sends, s.id == a.send_id).outerjoin(journeys, journeys.c.id == s.journey_id)
    query = sa.select(*groups, sa.func.count(), sa.func.count(a.comment)).select_from(source).where(said)
    for survey, journey, score, choice, count, comments in connection.execute(query.group_by(*groups)):
        for key in {(survey, journey), (survey, None)}:
            tally = tallies[key]
            tally.scores[score] += count
            tally.comments += comments
            if choice is not None:
                tally.choices[choice] += count


def _row(name: str, journey: str | None, tally: _Tally, survey: Survey | None) -> FeedbackRow:
    answers = tally.scores.total()
    kind = survey.kind if survey else ""
    rate = round(tally.of_them / tally.asked, 4) if tally.asked else None
    figures: dict[str, Any] = _FIGURES[kind](tally) if answers and kind else {}
    return FeedbackRow(name, kind, journey, tally.asked, answers, tally.comments, rate, **figures)


def _average(tally: _Tally) -> float:
    return round(sum(score * count for score, count in tally.scores.items()) / tally.scores.total(), 2)


def _of_nps(tally: _Tally) -> dict[str, Any]:
    total = tally.scores.total()
    fans = sum(count for score, count in tally.scores.items() if score >= PROMOTERS)
    critics = sum(count for score, count in tally.scores.items() if score <= DETRACTORS)
    nps = round(100 * (fans - critics) / total)
    return {"average": _average(tally), "nps": nps, "promoters": fans, "detractors": critics}


def _of_csat(tally: _Tally) -> dict[str, Any]:
    content = sum(count for score, count in tally.scores.items() if score >= CONTENT)
    discontent = sum(count for score, count in tally.scores.items() if score <= DISCONTENT)
    share = round(content / tally.scores.total(), 4)
    return {"average": _average(tally), "content": share, "discontent": discontent}


def _of_choice(tally: _Tally) -> dict[str, Any]:
    return {"choices": dict(tally.choices.most_common())}


_FIGURES = {"nps": _of_nps, "csat": _of_csat, "choice": _of_choice}
