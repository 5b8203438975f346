"""What a customer answered to the messages of one time through a journey, and whom of the staff that reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import survey_answers
from vefa.engine.surveys import notices_of
from vefa.foresight.errands import Told, notices
from vefa.ledger.tables import sends

a, s = survey_answers.c, sends.c


@dataclass(frozen=True)
class Answered:
    """One answer, as it stands now. `told`: what the team that had to see it was told, and whether that went out."""

    survey: str
    score: int
    choice: str | None
    comment: str | None
    answered_at: datetime
    corrected_at: datetime | None
    told: tuple[Told, ...]


def answers_of(connection: Connection, enrolment_id: int) -> tuple[Answered, ...]:
    """All answers to messages of the enrolment, in the order of time."""
    rows = connection.execute(
        sa.select(survey_answers)
        .join(sends, s.id == a.send_id)
        .where(s.enrolment_id == enrolment_id)
        .order_by(a.answered_at, a.id)
    ).all()
    return tuple(
        Answered(
            row.survey,
            row.score,
            row.choice,
            row.comment,
            row.answered_at,
            row.corrected_at,
            notices(connection, notices_of(row.outside_id), row.survey) if row.routed_to else (),
        )
        for row in rows
    )
