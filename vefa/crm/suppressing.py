"""The only writer of suppressions: stops are put on addresses, taken away, and asked for.

What stands at the end depends on what happened and when, never on the order in which it came or how often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.lifting import SOFT_BOUNCE, UNSUBSCRIBED, Signal, lifted_by
from vefa.crm.suppression_history import suppression_history
from vefa.crm.tables import consents, contacts, events, orders, suppressions
from vefa.database import among, other

x, k, c, h = suppressions.c, contacts.c, consents.c, suppression_history.c

COMMERCIAL = "commercial"
DELIVERED = "email.delivered"
#: What is given as the reason where a provider holds an address back for what it calls bounces.
LISTED = "listed as bounced"
#: How long messages rest after the first, second, … soft bounce in a row.
RESTS = tuple(timedelta(days=n) for n in (1, 3, 7, 14, 30))
#: Addresses that one statement names.
PART = 500

#: (channel, key of the address)
Address = tuple[str, str]


@dataclass(frozen=True)
class Stop:
    """Nothing of a purpose (None: nothing at all) goes to an address any more. `evidence` tells stops apart."""

    channel: str
    address_key: str
    reason: str
    evidence: str
    occurred_at: datetime
    known_at: datetime
    purpose: str | None = None
    until: datetime | None = None

    @property
    def address(self) -> Address:
        """Where it holds."""
        return self.channel, self.address_key


def suppress(connection: Connection, stops: Iterable[Stop]) -> int:
    """Put the stops on their addresses, in the caller's transaction. Returns how many are new.

    One that stands already is not written again, but may turn out to be earlier; one that a person took away after it
    happened stays away, and so does an unsubscribe after which the reader agreed again.
    """
    given = _resolved(connection, stops)
    if not given:
        return 0
    places = {stop.address for stop in given}
    lifted = _lifted_by_hand(connection, places)
    agreed = agreed_at(connection, {s.address for s in given if s.reason == UNSUBSCRIBED})
    standing = _standing(connection, places)
    new: dict[tuple[Any, ...], Stop] = {}
    for stop in sorted(given, key=lambda one: one.occurred_at):
        over = [lifted.get((*stop.address, stop.reason))]
        over += [agreed.get(stop.address)] if stop.reason == UNSUBSCRIBED else []
        if any(moment is not None and moment > stop.occurred_at for moment in over):
            continue
        found = standing.get((*stop.address, stop.reason, stop.evidence))
        if found is None:
            new.setdefault((*stop.address, stop.reason, stop.evidence), stop)
        elif stop.occurred_at < found.occurred_at:
            earlier = sa.update(suppressions).where(x.id == found.id)
            connection.execute(earlier.values(occurred_at=stop.occurred_at))
    if new:
        connection.execute(sa.insert(suppressions), [vars(stop) for stop in new.values()])
    _rest(connection, {stop.address for stop in given if stop.reason == SOFT_BOUNCE})
    return len(new)


def lift(
    connection: Connection,
    signal: Signal,
    places: Mapping[Address, datetime],
    note: str | None = None,
) -> int:
    """Take away what the signal lifts, where it stood before the moment that goes with its address."""
    return lift_reasons(connection, signal, places, lifted_by(signal), note=note)


def lift_reasons(
    connection: Connection,
    signal: Signal,
    places: Mapping[Address, datetime],
    reasons: Collection[str],
    *,
    note: str | None = None,
    author: str | None = None,
) -> int:
    """Take these stops away and keep in the history what was taken away, by what and why. Returns how many."""
    gone = [
        row
        for row in _rows(connection, set(places), None)
        if row.reason in reasons and row.occurred_at < places[row.channel, row.address_key]
    ]
    if not gone:
        return 0
    rows = [_past(row, places[row.channel, row.address_key], signal, author, note) for row in gone]
    connection.execute(sa.insert(suppression_history), rows)
    for part in _parts([row.id for row in gone]):
        connection.execute(sa.delete(suppressions).where(x.id.in_(part)))
    return len(gone)


def stop_by_hand(connection: Connection, stop: Stop, author: str | None) -> bool:
    """Put a stop on an address because somebody of the shop wants it; the history keeps who. Whether it is new."""
    if not suppress(connection, [stop]):
        return False
    row = _past(stop, stop.known_at, "hand", author, stop.evidence)
    connection.execute(sa.insert(suppression_history), row | {"what": "added by hand"})
    return True


def end_unsubscribes(connection: Connection, customer_ids: Any, signal: Signal) -> int:
    """Take away the unsubscribes of these customers' addresses after which they agreed again: for writers of many
    consents at once. `customer_ids` is a query of numbers."""
    mine = sa.and_(k.channel == x.channel, k.address_key == x.address_key)
    query = sa.select(x.channel, x.address_key).join_from(suppressions, contacts, mine)
    query = query.where(x.reason == UNSUBSCRIBED, k.customer_id.in_(customer_ids)).distinct()
    places = {(row.channel, row.address_key) for row in connection.execute(query)}
    moments = agreed_at(connection, places)
    return lift_reasons(connection, signal, moments, (UNSUBSCRIBED,))


def agreed_at(connection: Connection, places: Collection[Address]) -> dict[Address, datetime]:
    """When whoever reads there last agreed to commercial messages, by a yes that bears its own date."""
    latest = sa.func.max(c.occurred_at)
    query = (
        sa.select(k.channel, k.address_key, sa.type_coerce(latest, c.occurred_at.type))
        .join_from(contacts, consents, c.customer_id == k.customer_id)
        .where(c.channel == k.channel, c.purpose == COMMERCIAL, c.granted.is_(True), dated())
        .group_by(k.channel, k.address_key)
    )
    found: dict[Address, datetime] = {}
    for part in _parts(sorted({key for _, key in places})):
        for channel, key, moment in connection.execute(query.where(k.address_key.in_(part))):
            if (channel, key) in places:
                found[channel, key] = moment
    return found


def dated(table: Any = consents) -> sa.ColumnElement[bool]:
    """Over `consents`: the customer's own date stands on it, and not that of a file that was read."""
    signal = table.c.signal
    return sa.or_(signal.is_(None), signal != "undated import")


def stands(table: Any, now: datetime) -> sa.ColumnElement[bool]:
    """Over suppressions: known by then, and not over: a rest after a soft bounce ends by itself, and with the next
    order of whoever reads there."""
    o, k2 = other(orders), contacts.alias("reader")
    ordered = sa.exists().where(
        k2.c.channel == table.c.channel,
        k2.c.address_key == table.c.address_key,
        o.c.customer_id == k2.c.customer_id,
        o.c.placed_at > table.c.occurred_at,
        o.c.placed_known_at <= now,
    )
    resting = sa.and_(table.c.until > now, sa.not_(ordered.correlate(table)))
    return sa.and_(table.c.known_at <= now, sa.or_(table.c.until.is_(None), resting))


def unsubscribed_at(customer_id: Any, channel: Any, now: datetime) -> sa.ColumnElement[bool]:
    """Whether whoever reads the customer's address asked not to be written to: over a column of customers' numbers."""
    y, k2 = other(suppressions), contacts.alias("unsubscribed_contact")
    return (
        sa.exists()
        .where(
            k2.c.customer_id == customer_id,
            k2.c.channel == channel,
            y.c.channel == k2.c.channel,
            y.c.address_key == k2.c.address_key,
            y.c.reason == UNSUBSCRIBED,
            y.c.known_at <= now,
        )
        .correlate_except(y, k2)
    )


def addresses_of(connection: Connection, customer_ids: Collection[int]) -> dict[tuple[int, str], str]:
    """The keys of the addresses where customers are reached now, by (customer, channel)."""
    query = sa.select(k.customer_id, k.channel, k.address_key).where(among(k.customer_id, customer_ids))
    return {(row.customer_id, row.channel): row.address_key for row in connection.execute(query)}


def readers(connection: Connection, places: Collection[Address]) -> dict[Address, tuple[int, ...]]:
    """The customers who are reached at each address."""
    found: dict[Address, list[int]] = defaultdict(list)
    query = sa.select(k.channel, k.address_key, k.customer_id).order_by(k.customer_id)
    for part in _parts(sorted({key for _, key in places})):
        for channel, key, customer in connection.execute(query.where(k.address_key.in_(part))):
            found[channel, key].append(customer)
    return {place: tuple(found.get(place, ())) for place in places}


# --- soft bounces


def _resolved(connection: Connection, stops: Iterable[Stop]) -> list[Stop]:
    """A provider that holds an address back for its bounces has seen no more than we have: where all that we know of
    are soft ones, this is another one; else its list is believed."""
    given = list(stops)
    listed = {stop.address for stop in given if stop.reason == LISTED}
    if not listed:
        return given
    known = _rows(connection, listed, (SOFT_BOUNCE, "bounced"))
    soft = {(row.channel, row.address_key) for row in known if row.reason == SOFT_BOUNCE}
    soft -= {(row.channel, row.address_key) for row in known if row.reason == "bounced"}
    words = {True: SOFT_BOUNCE, False: "blocked"}
    return [replace(one, reason=words[one.address in soft]) if one.reason == LISTED else one for one in given]


def _rest(connection: Connection, places: Collection[Address]) -> None:
    """Say anew until when each address rests: longer with every soft bounce in a row. A delivery ends the row."""
    if not places:
        return
    by_place: dict[Address, list[Any]] = defaultdict(list)
    for row in _rows(connection, places, (SOFT_BOUNCE,)):
        by_place[row.channel, row.address_key].append(row)
    arrived = _delivered_at(connection, places)
    for place, rows in by_place.items():
        last = arrived.get(place)
        behind = [row for row in rows if last is not None and row.occurred_at < last]
        for row in behind:
            connection.execute(sa.delete(suppressions).where(x.id == row.id))
        left = sorted((row for row in rows if row not in behind), key=lambda row: row.occurred_at)
        for n, row in enumerate(left):
            until = row.occurred_at + RESTS[min(n, len(RESTS) - 1)]
            if row.until != until:
                connection.execute(sa.update(suppressions).where(x.id == row.id).values(until=until))


def _delivered_at(connection: Connection, places: Collection[Address]) -> dict[Address, datetime]:
    latest = sa.func.max(events.c.occurred_at)
    query = (
        sa.select(k.channel, k.address_key, sa.type_coerce(latest, events.c.occurred_at.type))
        .join_from(contacts, events, events.c.customer_id == k.customer_id)
        .where(k.channel == "email", events.c.type == DELIVERED)
        .group_by(k.channel, k.address_key)
    )
    found: dict[Address, datetime] = {}
    for part in _parts(sorted({key for _, key in places})):
        found |= {(row[0], row[1]): row[2] for row in connection.execute(query.where(k.address_key.in_(part)))}
    return found


# --- rows


def _standing(connection: Connection, places: Collection[Address]) -> dict[tuple[str, ...], Any]:
    return {
        (row.channel, row.address_key, row.reason, row.evidence or ""): row for row in _rows(connection, places, None)
    }


def _rows(connection: Connection, places: Collection[Address], reasons: Sequence[str] | None) -> list[Any]:
    query = sa.select(suppressions).order_by(x.occurred_at.desc(), x.id)
    if reasons is not None:
        query = query.where(x.reason.in_(reasons))
    found = []
    for part in _parts(sorted({key for _, key in places})):
        rows = connection.execute(query.where(x.address_key.in_(part)))
        found += [row for row in rows if (row.channel, row.address_key) in places]
    return found


def _lifted_by_hand(connection: Connection, places: Collection[Address]) -> dict[tuple[str, str, str], datetime]:
    """Until when a person has taken away whatever there was of a reason."""
    query = sa.select(h.channel, h.address_key, h.reason, h.at).order_by(h.at)
    query = query.where(h.what == "lifted", h.signal == "hand")
    found: dict[tuple[str, str, str], datetime] = {}
    for part in _parts(sorted({key for _, key in places})):
        for channel, key, reason, at in connection.execute(query.where(h.address_key.in_(part))):
            found[channel, key, reason] = at
    return found


def _past(row: Any, at: datetime, signal: Signal, author: str | None, note: str | None) -> dict[str, Any]:
    return {
        "what": "lifted",
        "channel": row.channel,
        "address_key": row.address_key,
        "purpose": row.purpose,
        "reason": row.reason,
        "evidence": row.evidence,
        "stopped_at": row.occurred_at,
        "signal": signal,
        "author": author,
        "note": note,
        "at": at,
    }


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(values), PART):
        yield values[start : start + PART]
