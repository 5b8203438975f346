"""Bringing to İYS what was said to us, and asking what became of it.

A word waits until İYS has given a number for it, and then until İYS has told what became of it. Who dies between sends
it again: İYS knows a word that it has, and says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.clock import Clock
from vefa.consent import mirror
from vefa.consent.answers import ROWS, IysRefused, Outcome
from vefa.consent.register import Register
from vefa.consent.tables import iys_pushes
from vefa.consent.words import BEFORE_THE_LAW, Change, Word
from vefa.crm.tables import contacts
from vefa.database import among, other, reading, writing

logger = logging.getLogger("vefa.consent")
p, k = iys_pushes.c, contacts.c

#: Requests that are asked after in one round.
ASKED = 50


@dataclass(frozen=True)
class End:
    """What an error of İYS's makes of a word."""

    state: str
    problem: str | None = None


#: By the last three digits of İYS's code. All others: it was refused, and a person must look at it.
ENDS: Mapping[str, End] = {
    "174": End("done"),  # it stands so already
    "175": End("needless", "first"),  # a refusal of what İYS never knew
    "178": End("needless", "newer"),  # İYS knows a newer word
    **dict.fromkeys(("015", "101", "102", "103", "123", "124", "162", "179", "192", "412", "470"), End("waiting")),
}


@dataclass(frozen=True)
class Pushed:
    """What was brought to İYS in a round, and what it told of this and earlier ones."""

    handed_in: int = 0
    done: int = 0
    refused: int = 0

    def __add__(self, other: Pushed) -> Pushed:
        return Pushed(self.handed_in + other.handed_in, self.done + other.done, self.refused + other.refused)


def push(engine: Engine, register: Register, clock: Clock) -> Pushed:
    """Ask after what is there, bring what waits, and ask after that. Stopped anywhere, the next one goes on."""
    done = _ask_after(engine, register, clock)
    while words := _waiting(engine, clock()):
        number = register.client.hand_in([word for _, word in words])
        _note_handed_in(engine, number, [push_id for push_id, _ in words], clock())
        done += Pushed(len(words))
        if len(words) < ROWS:
            break
    done += _ask_after(engine, register, clock)
    if done.handed_in or done.done:
        logger.info("words brought to İYS", extra={"sent": done.handed_in, "finished": done.done})
    return done


def _waiting(engine: Engine, now: datetime) -> list[tuple[int, Word]]:
    """The newest word of each address that has none under way; older ones need not go."""
    with writing(engine) as connection:
        _give_up(connection, now)
        newest = sa.select(p.id, _rank().label("rank")).where(p.state == "waiting").subquery()
        away = sa.exists().where(*_same(other(iys_pushes).c), other(iys_pushes).c.state == "sent")
        address = sa.select(sa.func.min(k.address)).where(k.channel == p.channel, k.address_key == p.address_key)
        query = (
            sa.select(iys_pushes, address.scalar_subquery().label("recipient"))
            .join(newest, newest.c.id == p.id)
            .where(newest.c.rank == 1, sa.not_(away))
            .order_by(p.due_by, p.id)
            .limit(ROWS)
        )
        rows = connection.execute(query).all()
        gone = [row.id for row in rows if row.recipient is None]
        _end(connection, among(p.id, gone), End("needless", "address gone"), now)
    return [(row.id, _word(row)) for row in rows if row.recipient is not None]


def _rank() -> Any:
    order = (p.said_at.desc(), p.granted, p.id.desc())
    return sa.func.row_number().over(partition_by=(p.channel, p.address_key, p.recipient_type), order_by=order)


def _same(o: Any) -> tuple[Any, ...]:
    return o.channel == p.channel, o.address_key == p.address_key, o.recipient_type == p.recipient_type


def _give_up(connection: Connection, now: datetime) -> None:
    """Consents that have become too old for İYS while they waited, and words that a newer one has overtaken."""
    old = sa.and_(p.state == "waiting", p.granted, p.due_by <= now, p.source != BEFORE_THE_LAW)
    _end(connection, old, End("late"), now)
    o = other(iys_pushes).c
    newer = sa.or_(
        o.said_at > p.said_at,
        sa.and_(o.said_at == p.said_at, o.granted < p.granted),
        sa.and_(o.said_at == p.said_at, o.granted == p.granted, o.id > p.id),
    )
    overtaken = sa.exists().where(*_same(o), o.state == "waiting", newer)
    _end(connection, sa.and_(p.state == "waiting", overtaken), End("needless", "overtaken"), now)


def _end(connection: Connection, which: Any, end: End, now: datetime) -> None:
    values = {"state": end.state, "problem": end.problem, "changed_at": now}
    connection.execute(sa.update(iys_pushes).where(which).values(values))


def _word(row: Any) -> Word:
    return Word(row.channel, row.recipient, row.recipient_type, row.granted, row.said_at, row.source)


def _note_handed_in(engine: Engine, number: str, ids: Sequence[int], now: datetime) -> None:
    rows = [{"push": push_id, "position": place} for place, push_id in enumerate(ids)]
    update = sa.update(iys_pushes).where(p.id == sa.bindparam("push"), p.state == "waiting")
    values = {"state": "sent", "request_id": number, "place": sa.bindparam("position"), "changed_at": now}
    with writing(engine) as connection:
        connection.execute(update.values(values), rows)


def _ask_after(engine: Engine, register: Register, clock: Clock) -> Pushed:
    with reading(engine) as connection:
        query = sa.select(p.request_id).where(p.state == "sent").distinct().order_by(p.request_id).limit(ASKED)
        numbers = [number for number in connection.scalars(query) if number]
    done = Pushed()
    for number in numbers:
        try:
            outcomes = register.client.outcomes(number)
        except IysRefused:  # İYS does not know of it: as if it had never been handed in
            with writing(engine) as connection:
                mine = sa.and_(p.request_id == number, p.state == "sent")
                _end(connection, mine, End("waiting"), clock())
            continue
        with writing(engine) as connection:
            done += _note_outcomes(connection, number, outcomes, clock())
    return done


def _note_outcomes(connection: Connection, number: str, outcomes: Sequence[Outcome], now: datetime) -> Pushed:
    """What became of each word; what İYS has taken stands in the mirror at once."""
    found = sa.select(iys_pushes).where(p.request_id == number, p.state == "sent").with_for_update()
    by_place = {row.place: row for row in connection.execute(found)}
    ends: dict[End, list[Any]] = {}
    for outcome in outcomes:
        if outcome.place in by_place:
            ends.setdefault(_end_of(outcome), []).append(by_place[outcome.place])
    for end, rows in ends.items():
        _end(connection, among(p.id, [row.id for row in rows]), end, now)
    done = [row for end, rows in ends.items() if end.state == "done" for row in rows]
    _mirror(connection, done)
    return Pushed(0, len(done), sum(len(rows) for end, rows in ends.items() if end.state == "refused"))


def _end_of(outcome: Outcome) -> End:
    if outcome.done:
        return End("done")
    return ENDS.get((outcome.code or "")[-3:], End("refused", outcome.code or "no code"))


def _mirror(connection: Connection, rows: Sequence[Any]) -> None:
    changes = [
        Change(row.channel, row.address_key, row.recipient_type, row.granted, row.said_at, row.source) for row in rows
    ]
    mirror.take(connection, changes, keyed=True)
