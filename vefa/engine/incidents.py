"""A journey that fares badly is paused by itself, in our database, and its owner is told once.

An incident and its pause are one transaction; one incident is open at a time. It ends when the journey goes on again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import inserting, reading, writing
from vefa.engine.owners import Word, tell
from vefa.engine.plans import journey_row, set_state
from vefa.engine.shop import Shop
from vefa.engine.tables import incidents, journeys, run_failures
from vefa.engine.vitals import Kind, Vitals, vital_signs
from vefa.errands.letters import About

logger = logging.getLogger("vefa.incidents")
i = incidents.c

#: Runs that fail one after the other before the journey is paused.
FAILURES = 2
RUNNING = ("live", "closing")


@dataclass(frozen=True)
class Incident:
    """Why a journey was paused: so many of so many went wrong in that way."""

    id: int
    journey: str
    kind: Kind
    at: datetime
    bad: int
    of: int

    @property
    def says(self) -> str:
        """What happened, in a sentence without its end."""
        if self.kind == "failed runs":
            return f"{self.bad} runs failed one after the other"
        share = f"{100 * self.bad / self.of:.2f} % of its messages ({self.bad:,} of {self.of:,})"
        return f"{share} {_WORDS[self.kind]}"


_WORDS = {
    "bounces": "came back as undeliverable",
    "complaints": "were reported as spam",
    "unknowns": "may or may not have reached the provider",
}


def look_over(database: Engine, journey: str, now: datetime) -> Incident | None:
    """Pause the journey if its messages fare badly, and say why; None where nothing is new."""
    with reading(database) as connection:
        running = _state(connection, journey) in RUNNING
        vitals = vital_signs(connection, journey, now) if running else None
        settled = vitals is not None and not _is_open(connection, journey) and not vitals.ailments
    if vitals is None or settled:
        return None
    with writing(database) as connection:
        _end(connection, journey, now)
        return _stop_for(connection, journey, vitals, now)


def _stop_for(connection: Connection, journey: str, vitals: Vitals, now: datetime) -> Incident | None:
    if not vitals.ailments:
        return None
    kind = vitals.ailments[0]
    return stop(connection, journey, kind, vitals.of(kind), vitals.attempts, now)


def stop(
    connection: Connection, journey: str, kind: Kind, bad: int, of: int, now: datetime, *, also_paused: bool = False
) -> Incident | None:
    """Pause the journey and open an incident; None where it does not run, or one is open already.

    `also_paused`: where somebody has been told to pause it first, such as Prefect.
    """
    row = journey_row(connection, journey)
    if row.state not in RUNNING and not (also_paused and row.state == "paused"):
        return None
    _end(connection, journey, now)
    values = {"journey_id": row.id, "kind": kind, "at": now, "bad": bad, "of": of}
    made = connection.scalar(inserting(connection, incidents).values(values).on_conflict_do_nothing().returning(i.id))
    if made is None:
        return None
    set_state(connection, journey, "paused", now)
    named = {"journey": journey, "kind": kind, "incident": made, "failed": bad, "attempts": of}
    logger.error("journey paused by itself", extra=named)
    return Incident(made, journey, kind, now, bad, of)


def note_failure(database: Engine, journey: str, now: datetime) -> Incident | None:
    """A run of the journey failed. The second one in a row pauses it."""
    with writing(database) as connection:
        row = connection.execute(sa.select(journeys.c.id).where(journeys.c.name == journey)).one_or_none()
        if row is None:
            return None
        f = run_failures.c
        insert = inserting(connection, run_failures).values(journey_id=row.id, times=1, last_at=now)
        again = insert.on_conflict_do_update(index_elements=[f.journey_id], set_={"times": f.times + 1, "last_at": now})
        times = int(connection.scalar(again.returning(f.times)) or 0)
        return stop(connection, journey, "failed runs", times, times, now) if times >= FAILURES else None


def note_success(database: Engine, journey: str) -> None:
    """A run of the journey came to its end: failures are counted anew."""
    mine = run_failures.c.journey_id.in_(sa.select(journeys.c.id).where(journeys.c.name == journey))
    with reading(database) as connection:
        if not connection.scalar(sa.select(sa.exists().where(mine))):
            return
    with writing(database) as connection:
        connection.execute(sa.delete(run_failures).where(mine))


def open_incidents(connection: Connection, *, untold: bool = False) -> tuple[Incident, ...]:
    """Incidents whose journeys still stand still; `untold`: of those, the ones whose owner has not heard."""
    query = (
        sa.select(i.id, journeys.c.name, i.kind, i.at, i.bad, i.of)
        .join_from(incidents, journeys, journeys.c.id == i.journey_id)
        .where(i.ended_at.is_(None), journeys.c.state == "paused")
        .order_by(i.id)
    )
    rows = connection.execute(query.where(i.told_at.is_(None)) if untold else query)
    return tuple(Incident(*row) for row in rows)


def tell_owners(shop: Shop, now: datetime) -> int:
    """Write to the owners who have not heard of an incident yet. Never raises for a channel; returns how many heard."""
    with reading(shop.database) as connection:
        found = open_incidents(connection, untold=True)
    return tell(shop, map(_word, found), now)


def _word(incident: Incident) -> Word:
    said = (
        f"The journey {incident.journey} was paused by itself: {incident.says}.",
        "Nobody enters it, nothing is sent, and waits stand still. Nothing is lost.",
        "Find out why with: vefa status. When it is mended, let it go on with: "
        f"vefa resume {incident.journey}. Counting begins anew then.",
    )
    return Word(
        about=About(incident.journey, "incident"),
        ref=f"incident-{incident.id}.1",
        subject=f"{incident.journey} was paused by itself",
        paragraphs=said,
        table=incidents,
        row=i.id == incident.id,
        told={"journey": incident.journey, "incident": incident.id, "kind": incident.kind},
    )


def _state(connection: Connection, journey: str) -> str | None:
    return connection.scalar(sa.select(journeys.c.state).where(journeys.c.name == journey))


def _is_open(connection: Connection, journey: str) -> bool:
    return bool(connection.scalar(sa.select(sa.exists().where(_mine(journey)))))


def _end(connection: Connection, journey: str, now: datetime) -> None:
    """Whoever let the journey go on has ended its incident."""
    connection.execute(sa.update(incidents).where(_mine(journey)).values(ended_at=now))
    mine = run_failures.c.journey_id.in_(sa.select(journeys.c.id).where(journeys.c.name == journey))
    connection.execute(sa.delete(run_failures).where(mine))


def _mine(journey: str) -> sa.ColumnElement[bool]:
    running = sa.select(journeys.c.id).where(journeys.c.name == journey, journeys.c.state.in_(RUNNING))
    return sa.and_(i.ended_at.is_(None), i.journey_id.in_(running))
