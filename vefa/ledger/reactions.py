"""What readers do with a letter: they open it, they follow a link. And what programs do that look before them.

A click is known a little after it happened. Within that time it may turn out that a program follows one link after
the other: then none of its clicks was a person's, and nothing has acted on them yet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import events
from vefa.crm.tracking import refusing
from vefa.database import inserting
from vefa.ledger.reports import OBJECT, read_ref, settle_told
from vefa.ledger.tables import sends

s, v = sends.c, events.c

SOURCE = "links"
CLICKED, OPENED, SCANNED = "email.clicked", "email.opened", "email.scanned"

#: Nobody follows two links of a letter within this time, or one so soon after the letter left.
AT_ONCE, TOO_SOON = timedelta(seconds=1), timedelta(seconds=2)
#: When a click becomes known: later than the last that could show it to be a program's.
KNOWN_AFTER = 2 * AT_ONCE


@dataclass(frozen=True)
class Reaction:
    """One request for a link or the picture of a letter. `url` is where the link led; `scanner` the program, if it
    gave itself away."""

    ref: str
    kind: Literal["clicked", "opened"]
    at: datetime
    url: str = ""
    scanner: str = ""


def react(connection: Connection, reaction: Reaction) -> None:
    """Write it down, once for each letter and link; nothing of who refuses, and nothing of letters never sent."""
    number, attempt = read_ref(reaction.ref)
    query = sa.select(s.id, s.customer_id, s.attempt, s.state, s.doubts, s.claimed_at, s.settled_at).where(
        s.id == number
    )
    send = connection.execute(query).first()
    if send is None or not 1 <= attempt <= send.attempt or refusing(connection, [send.customer_id]):
        return
    scanner = reaction.scanner or _haste(send, reaction.at)
    if reaction.kind == "opened":
        kind, key, known = OPENED, reaction.ref, reaction.at
    else:
        kind, key, known = CLICKED, f"{reaction.ref}/{_digest(reaction.url)}", reaction.at + KNOWN_AFTER
        others = _others(connection, send, key, reaction.at)
        if others:
            scanner = scanner or "many links at once"
            _take_back(connection, others, reaction.at)
    event = {
        "source": SOURCE,
        "type": SCANNED if scanner else kind,
        "object_kind": OBJECT,
        "object_key": key,
        "object_id": send.id,
        "occurrence": 0,
        "customer_id": send.customer_id,
        "occurred_at": reaction.at,
        "known_at": reaction.at if scanner else known,
        "data": {name: value for name, value in (("url", reaction.url), ("scanner", scanner)) if value},
    }
    if send.doubts:  # whoever is told of it at this moment goes before, and is weighed with it
        connection.execute(sa.select(s.id).where(s.id == send.id).with_for_update(key_share=True))
    _write(connection, [event])
    if send.doubts:
        settle_told(connection, [send.id], reaction.at)


def _haste(send: Any, at: datetime) -> str:
    """Whoever comes before the letter can have been read is no reader."""
    left = send.claimed_at if send.doubts or send.settled_at is None else send.settled_at
    return "" if left is not None and at - left >= TOO_SOON else "too soon"


def _digest(url: str) -> str:
    return blake2b(url.encode(), digest_size=6).hexdigest()


def _others(connection: Connection, send: Any, key: str, at: datetime) -> Collection[Any]:
    """Other links of the letter that were followed just now."""
    query = sa.select(events).where(
        v.customer_id == send.customer_id,
        v.type.in_((CLICKED, SCANNED)),
        v.occurred_at >= at - AT_ONCE,
        v.occurred_at <= at + AT_ONCE,
        v.source == SOURCE,
        v.object_id == send.id,
        v.object_key.like(f"{key.partition('/')[0]}/%"),
        v.object_key != key,
    )
    return connection.execute(query).mappings().all()


def _take_back(connection: Connection, others: Collection[Any], at: datetime) -> None:
    """Clicks that turn out to be a program's, while nobody knows of them yet."""
    clicks = [other for other in others if other["type"] == CLICKED and other["known_at"] > at]
    for click in clicks:
        connection.execute(sa.delete(events).where(v.id == click["id"]))
    data = {"scanner": "many links at once"}
    again = [{name: value for name, value in click.items() if name != "id"} for click in clicks]
    _write(connection, [row | {"type": SCANNED, "known_at": at, "data": row["data"] | data} for row in again])


def _write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(inserting(connection, events).on_conflict_do_nothing(), rows)
