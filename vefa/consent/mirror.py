"""What İYS tells, written down: into the mirror by address, and into the log of consents of whoever has the address.

Both come out the same in whatever order and however often it is told: the mirror keeps the newest word, the log each
word once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.consent.tables import iys_recipients
from vefa.consent.words import KINDS, NO, PERSON, YES, Change
from vefa.crm.identity import address_key
from vefa.crm.permissions import keep
from vefa.crm.suppressing import end_unsubscribes
from vefa.crm.tables import consents, contacts
from vefa.database import among, inserting
from vefa.plan.steps import Medium

r, k, c = iys_recipients.c, contacts.c, consents.c
SECOND = timedelta(seconds=1)
#: Customers whose stops are looked at together.
PART = 2_000


def take(connection: Connection, changes: Sequence[Change], *, keyed: bool = False) -> None:
    """Write changes into the mirror: the newest word of each address stands, and of two at once the no.

    `keyed`: their recipients are addresses' keys already.
    """
    newest: dict[tuple[str, str, str], Change] = {}
    for one in changes:
        key = (one.medium, one.recipient if keyed else address_key(one.recipient), one.recipient_type)
        if key not in newest or _weight(one) > _weight(newest[key]):
            newest[key] = one
    rows = [_row(key, newest[key]) for key in sorted(newest)]
    if not rows:
        return
    insert = inserting(connection, iys_recipients)
    new = insert.excluded
    refuses = sa.and_(new.status == NO, r.status == YES)
    same = sa.and_(new.status == r.status, new.source > r.source)
    later = sa.or_(r.said_at.is_(None), new.said_at > r.said_at, sa.and_(new.said_at == r.said_at, refuses | same))
    values = {name: new[name] for name in ("status", "said_at", "source")}
    keys = [r.channel, r.address_key, r.recipient_type]
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values, where=later), rows)


def _weight(one: Change) -> tuple[datetime, bool, str]:
    return one.said_at, not one.granted, one.source


def _row(key: tuple[str, str, str], one: Change) -> dict[str, Any]:
    channel, address, recipient_type = key
    said = {"status": YES if one.granted else NO, "said_at": one.said_at, "source": one.source}
    return {"channel": channel, "address_key": address, "recipient_type": recipient_type, **said}


def log(connection: Connection, changes: Sequence[Change], now: datetime) -> int:
    """Each change as a word of every customer who has that address now. Returns how many are new."""
    said: dict[tuple[str, str], list[Change]] = {}
    for one in changes:
        said.setdefault((one.medium, address_key(one.recipient)), []).append(one)
    rows = [
        _word(customer_id, channel, change, now)
        for customer_id, channel, key in _owners(connection, said)
        for change in said[channel, key]
    ]
    return write_words(connection, rows)


def _owners(connection: Connection, said: Mapping[tuple[str, str], Any]) -> list[tuple[int, str, str]]:
    keys = sorted({key for _, key in said})
    query = sa.select(k.customer_id, k.channel, k.address_key).where(k.address_key.in_(keys)).order_by(k.customer_id)
    return [(who, channel, key) for who, channel, key in connection.execute(query) if (channel, key) in said]


def _word(customer_id: int, channel: str, one: Change, now: datetime) -> dict[str, Any]:
    transaction = f" {one.transaction}" if one.transaction else ""
    return {
        "customer_id": customer_id,
        "channel": channel,
        "purpose": "commercial",
        "granted": one.granted,
        "source": one.source,
        "evidence": f"İYS{transaction}",
        "occurred_at": one.said_at,
        "known_at": now,
    }


def write_words(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Put İYS's words into the log; who said the same in the same second is there already, as İYS knows no parts of
    seconds."""
    if not rows:
        return 0
    known = _said(connection, {row["customer_id"] for row in rows})
    new = [row for row in rows if (_key(row) not in known)]
    new = list({(*_key(row), row["occurred_at"]): row for row in new}.values())
    if not new:
        return 0
    keep(connection, [{**row, "signal": "register"} for row in new])
    agreed = sorted({row["customer_id"] for row in new if row["granted"]})
    for start in range(0, len(agreed), PART):
        part = agreed[start : start + PART]
        end_unsubscribes(connection, sa.select(k.customer_id).where(among(k.customer_id, part)), "register")
    return len(new)


def _said(connection: Connection, customers: Collection[int]) -> set[tuple[Any, ...]]:
    query = sa.select(c.customer_id, c.channel, c.granted, c.occurred_at)
    query = query.where(among(c.customer_id, customers), c.purpose == "commercial")
    return {
        (who, channel, granted, at.replace(microsecond=0)) for who, channel, granted, at in connection.execute(query)
    }


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["customer_id"], row["channel"], row["granted"], row["occurred_at"].replace(microsecond=0)


def note_asked(
    connection: Connection, medium: Medium, recipients: Mapping[str, bool], now: datetime, who: str = PERSON
) -> None:
    """What İYS answered for these recipients: whether each stands as ONAY."""
    rows = [
        {
            "channel": medium,
            "address_key": key,
            "recipient_type": who,
            "approved": approved,
            "asked_at": now,
        }
        for key, approved in sorted({address_key(one): yes for one, yes in recipients.items()}.items())
    ]
    if not rows:
        return
    insert = inserting(connection, iys_recipients)
    values = {name: insert.excluded[name] for name in ("approved", "asked_at")}
    later = sa.or_(r.asked_at.is_(None), r.asked_at <= insert.excluded.asked_at)
    keys = [r.channel, r.address_key, r.recipient_type]
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values, where=later), rows)


def spread(connection: Connection, first: int, last: int, now: datetime) -> int:
    """What the mirror says of the addresses of customers `first` to `last`, into their logs: for addresses that came
    to us after İYS had told of them. Returns how many words are new."""
    same = sa.and_(r.channel == k.channel, r.address_key == k.address_key)
    query = sa.select(k.customer_id, k.channel, r.status, r.said_at, r.source).join_from(contacts, iys_recipients, same)
    query = query.where(k.customer_id.between(first, last), r.status.is_not(None), k.channel.in_(list(KINDS)))
    rows = [
        {
            "customer_id": row.customer_id,
            "channel": row.channel,
            "purpose": "commercial",
            "granted": row.status == YES,
            "source": row.source,
            "evidence": "İYS",
            "occurred_at": row.said_at,
            "known_at": now,
        }
        for row in connection.execute(query.order_by(k.customer_id, k.channel, r.recipient_type))
    ]
    return write_words(connection, rows)
