"""Asking İYS about everybody in a wave, before it goes: a thousand in one question.

What it answers goes into the mirror; the gate decides by that. Whoever cannot be asked about now is written to later,
or by what İYS told of them before.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.clock import Clock
from vefa.consent.answers import RECIPIENTS, IysError
from vefa.consent.mirror import note_asked
from vefa.consent.register import Register
from vefa.consent.tables import iys_recipients
from vefa.consent.words import NO, PERSON
from vefa.crm.tables import contacts, customers
from vefa.database import reading, writing
from vefa.ledger.tables import sends
from vefa.plan.steps import Medium

logger = logging.getLogger("vefa.consent")
s, k, c, r = sends.c, contacts.c, customers.c, iys_recipients.c

#: As many questions as İYS takes in a minute: a wave waits for no more, and the next run asks about the rest.
QUESTIONS = 10


@dataclass(frozen=True)
class Wave:
    """The messages that are about to go: `which` chooses them over `sends`."""

    which: Any
    media: Sequence[Medium]


def ask(engine: Engine, register: Register, wave: Wave, clock: Clock) -> int:
    """Ask about those of whom nothing was heard for long, the never heard first. Returns about how many."""
    asked, left = 0, QUESTIONS
    for medium in wave.media:
        while left:
            with reading(engine) as connection:
                recipients = _due(connection, register, wave, medium, clock())
            if not recipients:
                break
            left -= 1
            try:
                yes = register.client.approved(medium, PERSON, recipients)
            except IysError as error:
                logger.warning("İYS cannot be asked before a wave", extra={"error": type(error).__name__})
                return asked
            with writing(engine) as connection:
                note_asked(connection, medium, {one: one in yes for one in recipients}, clock())
            asked += len(recipients)
    if asked:
        logger.info("İYS asked before a wave", extra={"handled": asked})
    return asked


def _due(connection: Connection, register: Register, wave: Wave, medium: Medium, now: datetime) -> list[str]:
    before = now - timedelta(hours=register.settings.ask_after_hours)
    gate = register.gate
    known = sa.and_(r.channel == k.channel, r.address_key == k.address_key, r.recipient_type == PERSON)
    source = (
        sa.join(sends, customers, c.id == s.customer_id)
        .join(contacts, sa.and_(k.customer_id == s.customer_id, k.channel == medium))
        .outerjoin(iys_recipients, known)
    )
    wanted = sa.and_(
        wave.which,
        s.state == "queued",
        s.not_before <= now,
        k.undeliverable.is_(None),
        gate.is_kept(k.address, c),
        sa.not_(gate.is_merchant(c)),
        r.status.is_distinct_from(NO),
        sa.or_(r.asked_at.is_(None), r.asked_at < before),
    )
    first = sa.case((sa.and_(r.asked_at.is_(None), r.status.is_(None)), 0), else_=1)
    query = sa.select(k.address).select_from(source).where(wanted)
    query = query.group_by(k.address).order_by(sa.func.min(first), k.address).limit(RECIPIENTS)
    return list(connection.scalars(query))
