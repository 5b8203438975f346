"""Answers to surveys, written down: one for each message that asked, as it was said last.

In one transaction with the answer goes all that hangs on it: its event, the ticket's own score, and the word to the
team that must see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.content.survey_links import Ask
from vefa.crm.happenings import record_events
from vefa.crm.tables import customers, survey_answers, tickets
from vefa.database import inserting
from vefa.engine.tables import enrolments
from vefa.errands.book import notify_staff, say_otherwise
from vefa.ledger.tables import sends
from vefa.plan.surveys import Survey

SOURCE = "survey"
#: How long after the first answer it may be said anew.
CORRECTED_WITHIN = timedelta(days=7)
#: Letters of a comment that are kept.
LONGEST = 2000
#: So much later the team is told: what the customer adds meanwhile is told with it.
TOLD_AFTER = timedelta(minutes=5)

a, s, e = survey_answers.c, sends.c, enrolments.c


@dataclass(frozen=True)
class Standing:
    """Who was asked, and what they have answered so far. `is_open`: they may still say it, or say it anew."""

    language: str | None
    score: int | None
    comment: str | None
    is_open: bool


def standing(connection: Connection, ask: Ask, now: datetime) -> Standing | None:
    """How it stands with an ask; None where nobody was asked that, or they were forgotten."""
    row = _asked(connection, ask)
    if row is None:
        return None
    said = connection.execute(sa.select(a.score, a.comment, a.answered_at).where(_mine(ask))).one_or_none()
    if said is None:
        return Standing(row.language, None, None, True)
    return Standing(row.language, said.score, said.comment, now < said.answered_at + CORRECTED_WITHIN)


def answer(connection: Connection, ask: Ask, survey: Survey, score: int, now: datetime) -> Standing | None:
    """Write the answer down, or what it is now. Repeating it changes nothing, and after a week nothing does."""
    row = _asked(connection, ask)
    if row is None:
        return None
    said = {"score": score, "choice": survey.choice(score)}
    given = {
        "source": SOURCE,
        "outside_id": key_of(ask),
        "customer_id": ask.customer_id,
        "survey": survey.name,
        "answered_at": now,
        "answered_known_at": now,
        "send_id": ask.send_id,
        "object_kind": row.object_kind,
        "object_id": row.object_id,
        "order_id": row.order_id,
    }
    insert = inserting(connection, survey_answers).values(given | said).on_conflict_do_nothing()
    number = connection.scalar(insert.returning(a.id))
    if number is not None:
        record_events(connection, "survey", [number])
    else:
        anew = sa.and_(_mine(ask), a.answered_at > now - CORRECTED_WITHIN, a.score != score)
        connection.execute(sa.update(survey_answers).where(anew).values(said | {"corrected_at": now}))
    return _settled(connection, ask, survey, now)


def comment(connection: Connection, ask: Ask, survey: Survey, text: str, now: datetime) -> Standing | None:
    """What they add to their answer in words of their own; without an answer there is nothing to add to."""
    if _asked(connection, ask) is None:
        return None
    anew = sa.and_(_mine(ask), a.answered_at > now - CORRECTED_WITHIN)
    connection.execute(sa.update(survey_answers).where(anew).values(comment=text.strip()[:LONGEST] or None))
    return _settled(connection, ask, survey, now)


def key_of(ask: Ask) -> str:
    """The answer's number: there is one for each survey that a message asks."""
    return f"{ask.send_id}.{ask.survey}"


def notices_of(outside_id: str) -> tuple[str, str]:
    """Under which keys a team is told of that answer: at first, and once more of what is said later."""
    return f"survey {outside_id}", f"survey {outside_id} later"


def _settled(connection: Connection, ask: Ask, survey: Survey, now: datetime) -> Standing | None:
    """All that hangs on the answer as it stands."""
    row = connection.execute(sa.select(survey_answers).where(_mine(ask))).one_or_none()
    if row is not None:
        if survey.kind == "csat" and row.object_kind == "ticket":
            about = sa.and_(tickets.c.id == row.object_id, tickets.c.customer_id == ask.customer_id)
            connection.execute(sa.update(tickets).where(about).values(csat=row.score))
        route = survey.route
        if route is not None and (row.routed_to or route.takes(row.score, row.choice, row.comment)):
            _tell(connection, row, survey, row.routed_to or route.to, now)
    return standing(connection, ask, now)


def _tell(connection: Connection, row: Any, survey: Survey, team: str, now: datetime) -> None:
    """A person must see it: the team is told of the answer once, as it stands by then, and once more of what the
    customer says later."""
    connection.execute(sa.update(survey_answers).where(a.id == row.id).values(routed_to=team))
    shop_number = connection.scalar(sa.select(customers.c.outside_id).where(customers.c.id == row.customer_id))
    (first, later), text = notices_of(row.outside_id), f"{_said(row, survey)} ({shop_number})"
    if notify_staff(connection, team, first, text, now, customer_id=row.customer_id, after=TOLD_AFTER):
        return
    if not say_otherwise(connection, first, text):
        notify_staff(connection, team, later, text, now, customer_id=row.customer_id, after=TOLD_AFTER)
        say_otherwise(connection, later, text)


def _said(row: Any, survey: Survey) -> str:
    """`return: 2/5 – parcel was wet`, for the staff."""
    said = row.choice or f"{row.score}/{survey.scores[-1]}"
    words = " ".join((row.comment or "").split())
    return f"{survey.name}: {said}{' – ' if words else ''}{words}"


def _asked(connection: Connection, ask: Ask) -> Any:
    """The message that asked, with what its journey is about; None where it is none of that customer's."""
    known = sa.and_(s.id == ask.send_id, s.customer_id == ask.customer_id, customers.c.forgotten_at.is_(None))
    query = sa.select(customers.c.language, e.object_kind, e.object_id, e.order_id)
    query = query.join_from(sends, enrolments, e.id == s.enrolment_id).join(customers, customers.c.id == s.customer_id)
    return connection.execute(query.where(known)).one_or_none()


def _mine(ask: Ask) -> sa.ColumnElement[bool]:
    return sa.and_(a.source == SOURCE, a.outside_id == key_of(ask))
