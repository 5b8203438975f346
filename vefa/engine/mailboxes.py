"""One mailbox that several customers' records name: written to once for an occurrence, and capped as one (rule 17).

A mailbox is a channel and the key of an address there; a telephone number is one as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.crm.tables import contacts
from vefa.database import Instant, among
from vefa.engine.policy import LOOK_AGAIN, Candidate, Defer, Go, Skip, Verdict
from vefa.engine.tables import enrolments
from vefa.ledger.claims import Batch, unclaimed
from vefa.ledger.tables import sends

#: Why a message is held back that another record of the mailbox got.
SAME_MAILBOX = "the same mailbox already got it"
#: Why one waits: a record with a smaller number goes first.
GOES_FIRST = "another record of the same mailbox goes first"
_WENT = ("claimed", "sent", "unknown")

_mine, _theirs = contacts.alias("mailbox"), contacts.alias("mailbox_too")
s = sends.c


def _same_mailbox() -> ColumnElement[bool]:
    a, b = _mine.c, _theirs.c
    return sa.and_(b.address_key == a.address_key, b.channel == a.channel, b.customer_id != a.customer_id)


def shares_mailbox(customer: Any) -> ColumnElement[bool]:
    """Whether another customer has one of this customer's addresses."""
    query = sa.select(sa.literal(1)).select_from(sa.join(_mine, _theirs, _same_mailbox()))
    return query.where(_mine.c.customer_id == customer).correlate_except(_mine, _theirs).exists()


def sharing_customers(batch: Batch) -> sa.CompoundSelect[Any]:
    """The customers who have an address in common with one of the batch's customers, those among them."""
    theirs = sa.select(s.customer_id).where(unclaimed(batch))
    query = sa.select(_theirs.c.customer_id).select_from(sa.join(_mine, _theirs, _same_mailbox()))
    mine = sa.select(_mine.c.customer_id).select_from(sa.join(_mine, _theirs, _same_mailbox()))
    return query.where(_mine.c.customer_id.in_(theirs)).union(mine.where(_mine.c.customer_id.in_(theirs)))


@dataclass(frozen=True)
class Mailboxes:
    """Which other customers have a customer's address, by customer and channel; empty for most."""

    others: Mapping[tuple[int, str], Sequence[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, customer_ids: Sequence[int]) -> Mailboxes:
        """Of these customers, in one statement; both ways, so that each of the others knows of them."""
        query = sa.select(_mine.c.customer_id, _mine.c.channel, _theirs.c.customer_id)
        query = query.select_from(sa.join(_mine, _theirs, _same_mailbox()))
        found: dict[tuple[int, str], set[int]] = defaultdict(set)
        for one, channel, two in connection.execute(query.where(among(_mine.c.customer_id, customer_ids))):
            found[one, channel].add(two)
        for (one, channel), those in list(found.items()):
            for two in those:
                found[two, channel] |= (those | {one}) - {two}
        return cls({key: sorted(those) for key, those in found.items()})

    def everybody(self, customer_ids: Iterable[int]) -> list[int]:
        """These customers and those who have an address of theirs."""
        return sorted({*customer_ids, *(one for one, _ in self.others)})

    def readers(self, customer_id: int, medium: str | None) -> list[int]:
        """Whose mailbox a message to this customer reaches; by whatever medium where none is chosen yet."""
        media = ("email", "sms") if medium is None else (medium,)
        return sorted({customer_id, *(one for each in media for one in self.others.get((customer_id, each), ()))})


@dataclass(frozen=True)
class Twin:
    """A message of the same occurrence to another record, by the channel on which both have one address."""

    send_id: int
    customer_id: int
    channel: str
    state: str
    medium: str | None
    due: bool


def read_twins(connection: Connection, ids: Sequence[int], purpose: str, now: datetime) -> dict[int, list[Twin]]:
    """For each of these messages those that say the same to the same mailbox.

    The same occurrence is the same step of the same journey, entered by the same key: the object, the day, the year
    with its date, the time of a rhythm. What is transactional needs an object: no order's mail is lost to another's.
    """
    o, oe, me = sends.alias("twin"), enrolments.alias("twin_enrolment"), enrolments.alias("own_enrolment")
    same = sa.and_(
        oe.c.entry_key == me.c.entry_key,
        oe.c.trigger_date.is_not_distinct_from(me.c.trigger_date),
        oe.c.object_kind.is_not_distinct_from(me.c.object_kind),
        oe.c.object_id.is_not_distinct_from(me.c.object_id),
    )
    source = sa.join(sends, me, me.c.id == s.enrolment_id).join(_mine, _mine.c.customer_id == s.customer_id)
    source = source.join(_theirs, _same_mailbox())
    there = sa.and_(o.c.customer_id == _theirs.c.customer_id, o.c.journey_id == s.journey_id, o.c.step == s.step)
    source = source.join(o, there).join(oe, oe.c.id == o.c.enrolment_id)
    open_ = o.c.state.in_(("queued", "reserved"))
    due = sa.and_(open_, o.c.not_before <= sa.literal(now, Instant()))
    columns = (s.id, o.c.id, o.c.customer_id, _theirs.c.channel, o.c.state, o.c.medium, sa.case((due, 1), else_=0))
    query = sa.select(*columns).select_from(source).where(among(s.id, ids), same, s.occasion == 0, o.c.occasion == 0)
    query = query.where(sa.or_(open_, o.c.state.in_(_WENT)))
    if purpose == "transactional":
        query = query.where(me.c.object_id.is_not(None))
    found: dict[int, list[Twin]] = defaultdict(list)
    for send_id, twin_id, customer_id, channel, state, medium, is_due in connection.execute(query):
        found[send_id].append(Twin(twin_id, customer_id, channel, state, medium, bool(is_due)))
    return found


def once_each(
    candidates: Sequence[Candidate], verdicts: Mapping[int, Verdict], twins: Mapping[int, Sequence[Twin]], now: datetime
) -> dict[int, Verdict]:
    """Verdicts for those whose mailbox has what they would get, or will have it by a record of a smaller number."""
    decided: dict[int, Verdict] = dict(verdicts)
    held: dict[int, Verdict] = {}
    for one in sorted(candidates, key=lambda each: (each.customer_id, each.send_id)):
        verdict = decided[one.send_id]
        if not isinstance(verdict, Go):
            continue
        against = _against(one, verdict, twins.get(one.send_id, ()), decided, now)
        if against is not None:
            held[one.send_id] = decided[one.send_id] = against
    return held


def _against(
    one: Candidate, going: Go, twins: Sequence[Twin], decided: Mapping[int, Verdict], now: datetime
) -> Verdict | None:
    waits = False
    for twin in twins:
        if twin.channel != going.medium:
            continue
        if twin.state in _WENT:
            if twin.medium in (None, going.medium):
                return Skip(SAME_MAILBOX)
            continue
        if twin.customer_id > one.customer_id:
            continue
        verdict = decided.get(twin.send_id)
        if isinstance(verdict, Go) and verdict.medium == going.medium:
            return Skip(SAME_MAILBOX)
        waits = waits or (verdict is None and twin.due)
    return Defer(now + LOOK_AGAIN, one.expires_at, GOES_FIRST) if waits else None
