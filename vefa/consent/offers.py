"""What was said to us and İYS has not heard: found in the log of consents, and kept until it has.

A word is kept once, with the day by which İYS must have it. Never the address: that is looked up when it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.consent.business_days import due_by
from vefa.consent.progress import read_progress, write_progress
from vefa.consent.register import Register
from vefa.consent.tables import iys_pushes, iys_recipients
from vefa.consent.words import BEFORE_THE_LAW, KINDS, MERCHANT, NO, PERSON, SOURCES, YES, whole_second
from vefa.crm.tables import consents, contacts, customers
from vefa.database import inserting, other, reading, writing

OFFERED = "offered"
#: Rows of the log that are looked at together, and how far back of the last one: their numbers come out of order.
PART, OVERLAP = 2_000, 20_000

c, k, u, p = consents.c, contacts.c, customers.c, iys_pushes.c


def offer(engine: Engine, register: Register, now: datetime) -> int:
    """Keep what is new for İYS. Returns how many words. Repeated, it keeps nothing twice."""
    with reading(engine) as connection:
        seen = int(read_progress(connection, OFFERED).mark or 0)
        last = connection.scalar(sa.select(sa.func.max(c.id))) or 0
    new, first = 0, max(seen - OVERLAP, 0)
    while first < last:
        with writing(engine) as connection:
            new += _keep(connection, register, _unheard(connection, register, first, first + PART), now)
            first += PART
            write_progress(connection, OFFERED, str(max(min(first, last), seen)), now)
    return new


def settle(engine: Engine, now: datetime) -> None:
    """What İYS has by now, whoever brought it there; and refusals of what it did not know then, and knows now."""
    there = sa.exists().where(*_same_address(p), _has(p.granted, p.said_at))
    agreed = sa.exists().where(
        *_same_address(p), other(iys_recipients).c.status == YES, other(iys_recipients).c.said_at < p.said_at
    )
    late = sa.update(iys_pushes).where(p.state.in_(("late", "refused")), there).values(state="done", changed_at=now)
    again = sa.update(iys_pushes).where(p.state == "needless", p.problem == "first", p.granted.is_(False), agreed)
    with writing(engine) as connection:
        connection.execute(late)
        connection.execute(again.values(state="waiting", problem=None, changed_at=now))


@dataclass(frozen=True)
class _Unheard:
    """A word of the log that İYS does not have, as far as we know."""

    consent_id: int
    customer_id: int
    channel: str
    address_key: str
    recipient_type: str
    granted: bool
    source: str
    occurred_at: datetime


def _unheard(connection: Connection, register: Register, first: int, last: int) -> Sequence[_Unheard]:
    merchant = sa.case((register.gate.is_merchant(u), MERCHANT), else_=PERSON)
    own = sa.and_(k.customer_id == c.customer_id, k.channel == c.channel)
    kept = sa.exists().where(p.consent_id == c.id)
    heard = sa.exists().where(
        other(iys_recipients).c.channel == k.channel,
        other(iys_recipients).c.address_key == k.address_key,
        other(iys_recipients).c.recipient_type == merchant,
        _has(c.granted, c.occurred_at),
    )
    query = (
        sa.select(c.id, c.customer_id, c.channel, k.address_key, merchant, c.granted, c.source, c.occurred_at)
        .join_from(consents, customers, u.id == c.customer_id)
        .join(contacts, own)
        .where(c.id > first, c.id <= last, c.purpose == "commercial", c.channel.in_(list(KINDS)))
        .where(sa.not_(c.source.like("IYS%")), register.gate.is_kept(k.address, u), sa.not_(kept), sa.not_(heard))
        .order_by(c.id)
    )
    return [_Unheard(*row) for row in connection.execute(query)]


def _same_address(push: Any) -> tuple[Any, ...]:
    r = other(iys_recipients).c
    return (
        r.channel == push.channel,
        r.address_key == push.address_key,
        r.recipient_type == push.recipient_type,
    )


def _has(granted: Any, said_at: Any) -> Any:
    """That İYS has this word or a newer one, to the second that it keeps."""
    r = other(iys_recipients).c
    second = sa.type_coerce(said_at, sa.BigInteger)
    newer = sa.type_coerce(r.said_at, sa.BigInteger) + 999_999 >= second
    agreed = sa.and_(granted, r.approved, sa.or_(r.status.is_(None), r.status != NO))
    return sa.or_(newer, agreed)


def _keep(connection: Connection, register: Register, found: Sequence[_Unheard], now: datetime) -> int:
    rows = [_row(register, one, now) for one in found]
    if rows:
        connection.execute(inserting(connection, iys_pushes).on_conflict_do_nothing(), rows)
    return len(rows)


def _row(register: Register, one: _Unheard, now: datetime) -> dict[str, Any]:
    source = register.settings.sources.get(one.source, one.source)
    source = source if source in SOURCES else register.settings.default_source
    last = due_by(one.occurred_at)
    # İYS takes no consent that is older; a refusal goes however old.
    late = one.granted and last <= now and source != BEFORE_THE_LAW
    return {
        "consent_id": one.consent_id,
        "customer_id": one.customer_id,
        "channel": one.channel,
        "address_key": one.address_key,
        "recipient_type": one.recipient_type,
        "granted": one.granted,
        "source": source,
        "said_at": whole_second(one.occurred_at),
        "due_by": last,
        "state": "late" if late else "waiting",
        "changed_at": now,
    }
