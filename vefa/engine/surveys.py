"""Answers to surveys, written down: one for each message that asked, as it was said last.

In one transaction with the answer goes all that hangs on it: its event, the ticket's own score, and the ticket for
the staff where the survey says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from vefa.content.survey_links import Ask
from vefa.crm.happenings import record_events
from vefa.crm.tables import customers, survey_answers, tickets
from vefa.engine.tables import enrolments
from vefa.ledger.tables import sends
from vefa.plan.surveys import Survey

SOURCE, CATEGORY = "survey", "feedback"
#: How long after the first answer it may be said anew.
CORRECTED_WITHIN = timedelta(days=7)
#: Letters of a comment that are kept.
LONGEST = 2000
_SUBJECT = 1600

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
    insert = _insert(connection, survey_answers).values(given | said).on_conflict_do_nothing()
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


def _settled(connection: Connection, ask: Ask, survey: Survey, now: datetime) -> Standing | None:
    """All that hangs on the answer as it stands."""
    row = connection.execute(sa.select(survey_answers).where(_mine(ask))).one_or_none()
    if row is not None:
        if survey.kind == "csat" and row.object_kind == "ticket":
            about = sa.and_(tickets.c.id == row.object_id, tickets.c.customer_id == ask.customer_id)
            connection.execute(sa.update(tickets).where(about).values(csat=row.score))
        if row.routed_to is not None:
            _retell(connection, row, survey)
        elif survey.route is not None and survey.route.takes(row.score, row.choice, row.comment):
            _route(connection, row, survey, survey.route.to, now)
    return standing(connection, ask, now)


def _route(connection: Connection, row: Any, survey: Survey, to: str, now: datetime) -> None:
    """A person must see it: a ticket, once for each answer."""
    ticket = {
        "source": SOURCE,
        "outside_id": row.outside_id,
        "customer_id": row.customer_id,
        "order_id": row.order_id,
        "subject": _subject(row, survey),
        "category": CATEGORY,
        "opened_at": now,
        "opened_known_at": now,
    }
    insert = _insert(connection, tickets).values(ticket).on_conflict_do_nothing().returning(tickets.c.id)
    number = connection.scalar(insert)
    connection.execute(sa.update(survey_answers).where(a.id == row.id).values(routed_to=to))
    if number is not None:
        record_events(connection, "ticket", [number])


def _retell(connection: Connection, row: Any, survey: Survey) -> None:
    """They changed their answer or added to it: whoever looks after the ticket reads what they say now."""
    told = sa.and_(tickets.c.source == SOURCE, tickets.c.outside_id == row.outside_id, tickets.c.resolved_at.is_(None))
    connection.execute(sa.update(tickets).where(told).values(subject=_subject(row, survey)))


def _subject(row: Any, survey: Survey) -> str:
    """`return: 2/5 – parcel was wet`, for the staff."""
    said = row.choice or f"{row.score}/{survey.scores[-1]}"
    words = " ".join((row.comment or "").split())
    return f"{survey.name}: {said}{' – ' if words else ''}{words}"[:_SUBJECT]


def _asked(connection: Connection, ask: Ask) -> Any:
    """The message that asked, with what its journey is about; None where it is none of that customer's."""
    known = sa.and_(s.id == ask.send_id, s.customer_id == ask.customer_id, customers.c.forgotten_at.is_(None))
    query = sa.select(customers.c.language, e.object_kind, e.object_id, e.order_id)
    query = query.join_from(sends, enrolments, e.id == s.enrolment_id).join(customers, customers.c.id == s.customer_id)
    return connection.execute(query.where(known)).one_or_none()


def _mine(ask: Ask) -> sa.ColumnElement[bool]:
    return sa.and_(a.source == SOURCE, a.outside_id == key_of(ask))


def _insert(connection: Connection, table: sa.Table) -> Any:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
