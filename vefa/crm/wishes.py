"""What customers say of themselves: yes and no to messages by a channel, topics, a pause, their language.

What they say wins over what the shop's files say. A refusal is two rows: the word itself among the consents, which
are only ever added to, and a suppression of the address, which every policy heeds and which is looked at last before
a message leaves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.engine import Connection

from vefa.crm.lifting import lifted_by
from vefa.crm.permissions import Word, record
from vefa.crm.suppressing import stands
from vefa.crm.tables import consents, contacts, customers, suppressions
from vefa.database import EPOCH, Id, Instant, inserting, metadata, other

wishes = Table(
    "wishes",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("language", sa.Text, comment="wins over what an import says"),
    Column("paused_until", Instant, comment="nothing commercial before"),
    Column("link_mailed_at", Instant, comment="they asked for a link to what is known of them: not again at once"),
    comment="what customers chose themselves",
)

topic_refusals = Table(
    "topic_refusals",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("topic", sa.Text, primary_key=True, comment="a name of config/topics.yaml"),
    Column("refused_at", Instant, nullable=False),
    comment="topics that customers want nothing commercial of",
)

#: Stops that the customer's own yes on a page lifts; bounces, complaints and the shop's own stay.
LIFTED = lifted_by("page")


@dataclass(frozen=True)
class Said:
    """Where something was said, what proves it, and when."""

    source: str
    evidence: str
    at: datetime


def refuse(connection: Connection, customer_id: int, channel: str, purpose: str, said: Said) -> bool:
    """Nothing of that purpose goes by this channel any more; who refuses transactional words refuses all.

    False where all of it was so already: repeating a refusal writes nothing.
    """
    purposes = ("commercial",) if purpose == "commercial" else ("commercial", "transactional")
    refused = all(last_word(connection, customer_id, channel, each) is False for each in purposes)
    if refused and _stopped(connection, customer_id, channel, None if len(purposes) > 1 else purpose, said.at):
        return False
    record(connection, [_word(customer_id, channel, granted=False, purpose=purpose, said=said)])
    return True


def allow(connection: Connection, customer_id: int, channel: str, said: Said) -> None:
    """Commercial words may go by this channel again. What the customer did not say, such as a bounce, stays.

    Whoever answers a page has seen what they take back: the yes is later than that, also within one moment.
    """
    stopped = set(stops(connection, customer_id, channel, said.at)) & set(LIFTED)
    if stopped or last_word(connection, customer_id, channel) is not True:
        at = max(said.at, _refused_at(connection, customer_id, channel) + timedelta(microseconds=1))
        answer = replace(said, at=at)
        record(connection, [_word(customer_id, channel, granted=True, purpose="commercial", said=answer)])


def _refused_at(connection: Connection, customer_id: int, channel: str) -> datetime:
    """When what the customer could take back was said last."""
    c, x = consents.c, suppressions.c
    mine = sa.and_(c.customer_id == customer_id, c.channel == channel, c.granted.is_(False))
    stop = sa.and_(x.channel == channel, x.address_key == _address_key(customer_id, channel), x.reason.in_(LIFTED))
    moments = [connection.scalar(sa.select(c.occurred_at).where(mine).order_by(c.occurred_at.desc()).limit(1))]
    moments += [connection.scalar(sa.select(x.occurred_at).where(stop).order_by(x.occurred_at.desc()).limit(1))]
    return max((moment for moment in moments if moment is not None), default=EPOCH)


def pause(connection: Connection, customer_id: int, until: datetime | None) -> None:
    """Nothing commercial before `until`; None ends a pause."""
    _wish(connection, customer_id, "paused_until", until)


def speak(connection: Connection, customer_id: int, language: str) -> None:
    """The customer wants to be written to in this language, whatever an import says later."""
    _wish(connection, customer_id, "language", language)
    connection.execute(sa.update(customers).where(customers.c.id == customer_id).values(language=language))


def take_link_turn(connection: Connection, customer_id: int, now: datetime, apart: timedelta) -> bool:
    """Whether a link may be mailed to the customer now: not again within `apart` of the last one."""
    w = wishes.c
    insert = inserting(connection, wishes).values(customer_id=customer_id, link_mailed_at=now)
    long_ago = sa.or_(w.link_mailed_at.is_(None), w.link_mailed_at <= now - apart)
    again = insert.on_conflict_do_update(
        index_elements=["customer_id"], set_={"link_mailed_at": insert.excluded.link_mailed_at}, where=long_ago
    )
    return connection.execute(again.returning(w.customer_id)).first() is not None


def refuse_topics(connection: Connection, customer_id: int, topics: Collection[str], now: datetime) -> None:
    """The topics that the customer does not want, and no others."""
    t = topic_refusals.c
    connection.execute(sa.delete(topic_refusals).where(t.customer_id == customer_id, t.topic.not_in(sorted(topics))))
    rows = [{"customer_id": customer_id, "topic": topic, "refused_at": now} for topic in sorted(topics)]
    if rows:
        connection.execute(inserting(connection, topic_refusals).on_conflict_do_nothing(), rows)


def paused(customer_id: Any, now: datetime) -> sa.ColumnElement[bool]:
    """Over a column of customers' numbers: whether they asked for a pause that is not over."""
    w = other(wishes)
    return sa.exists().where(w.c.customer_id == customer_id, w.c.paused_until > now).correlate_except(w)


def topic_refused(customer_id: Any, topic: str) -> sa.ColumnElement[bool]:
    """Over a column of customers' numbers: whether they want nothing of the topic."""
    t = other(topic_refusals)
    return sa.exists().where(t.c.customer_id == customer_id, t.c.topic == topic).correlate_except(t)


def last_word(connection: Connection, customer_id: int, channel: str, purpose: str = "commercial") -> bool | None:
    """The latest yes or no; None where nothing was ever said. Two of the same moment: the no counts."""
    c = consents.c
    said = sa.select(c.granted).where(c.customer_id == customer_id, c.channel == channel, c.purpose == purpose)
    return connection.scalar(said.order_by(c.occurred_at.desc(), c.granted, c.id.desc()).limit(1))


def stops(connection: Connection, customer_id: int, channel: str, now: datetime) -> list[str]:
    """Why nothing commercial may go to the customer's address; empty where it may."""
    x = suppressions.c
    mine = sa.and_(x.channel == channel, x.address_key == _address_key(customer_id, channel), stands(suppressions, now))
    query = sa.select(x.reason).where(mine, sa.or_(x.purpose.is_(None), x.purpose == "commercial"))
    return list(connection.scalars(query.distinct().order_by(x.reason)))


def _word(customer_id: int, channel: str, *, granted: bool, purpose: str, said: Said) -> Word:
    return Word(
        granted=granted,
        channel=channel,
        signal="page",
        source=said.source,
        occurred_at=said.at,
        known_at=said.at,
        customer_ids=(customer_id,),
        evidence=said.evidence,
        purpose=purpose,
    )


def _stopped(connection: Connection, customer_id: int, channel: str, purpose: str | None, now: datetime) -> bool:
    """Whether a refusal of all that stops the address already; also where there is no address to stop."""
    x = suppressions.c
    key = connection.scalar(sa.select(_address_key(customer_id, channel)))
    theirs = sa.and_(x.channel == channel, x.address_key == key, x.reason == "unsubscribed")
    enough = sa.or_(x.purpose.is_(None), x.purpose == purpose)
    return key is None or bool(connection.scalar(sa.select(sa.exists().where(theirs, enough))))


def _address_key(customer_id: int, channel: str) -> Any:
    k = contacts.c
    return sa.select(k.address_key).where(k.customer_id == customer_id, k.channel == channel).scalar_subquery()


def _wish(connection: Connection, customer_id: int, name: str, value: Any) -> None:
    insert = inserting(connection, wishes).values({"customer_id": customer_id, name: value})
    again = insert.on_conflict_do_update(index_elements=["customer_id"], set_={name: insert.excluded[name]})
    connection.execute(again)
