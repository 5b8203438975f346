"""Tags of customers and of products: put on and taken off by shops, imports, events and journeys.

Messages come in any order. Of two changes of one tag the later one holds, whichever came first; of the same moment,
the one that puts it on. A whole list says of its moment what is borne and what is not, of its own origin alone: a
journey's tags stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.crm.tag_tables import product_tags, tag_lists, tags
from vefa.database import among, inserting

#: Who put it on, unless said: journeys' own steps, and shop systems.
JOURNEY, SHOP = "journey", "shop"
#: Letters in a tag, and tags in a list; what is longer is left out.
LONGEST, MOST = 255, 1000


@dataclass(frozen=True)
class TagChange:
    """One tag of one customer, put on (`added`) or taken off at a moment. `origin` says by whom."""

    customer_id: int
    tag: str
    added: bool
    at: datetime
    origin: str = SHOP

    @property
    def key(self) -> tuple[int, str, str]:
        return self.customer_id, self.tag, self.origin


@dataclass(frozen=True)
class TagList:
    """All tags of one customer at a moment, as far as `origin` knows."""

    customer_id: int
    tags: tuple[str, ...]
    at: datetime
    origin: str = SHOP


def borne(t: Any, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions over `tags`: put on by `now`, and not taken off."""
    return t.since <= now, sa.or_(t.until.is_(None), t.until > now)


def tag_names(given: Any) -> tuple[str, ...]:
    """Tags as a list or as one text with commas between them; each once, in order."""
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, Iterable):
        return ()
    words = (each.replace("\x00", "").strip() for each in given if isinstance(each, str))
    return tuple(dict.fromkeys(word for word in words if 0 < len(word) <= LONGEST))[:MOST]


def set_tags(connection: Connection, changes: Sequence[TagChange]) -> None:
    """Put tags on and take them off, in the caller's transaction."""
    last = _list_moments(connection, {each.customer_id for each in changes})
    newest: dict[tuple[int, str, str], TagChange] = {}
    for each in sorted(changes, key=lambda one: (one.at, one.added)):
        heard = last.get((each.customer_id, each.origin))
        if tag_names([each.tag]) and (heard is None or each.at >= heard):
            newest[each.key] = replace(each, tag=each.tag.strip())
    _put(connection, [newest[key] for key in sorted(newest)])


def replace_tags(connection: Connection, lists: Sequence[TagList]) -> None:
    """Take each list for all that its origin knows of the customer's tags; an older list than the last says nothing."""
    last = _list_moments(connection, {each.customer_id for each in lists})
    fresh = [each for each in lists if (each.customer_id, each.origin) not in last or each.at >= _moment(last, each)]
    for each in sorted(fresh, key=lambda one: one.at):
        last[each.customer_id, each.origin] = each.at
    ready = [each for each in fresh if each.at == _moment(last, each)]  # of several lists, the latest of each
    if not ready:
        return
    held = _held(connection, ready)
    changes: list[TagChange] = []
    for each in ready:
        changes += _as_changes(each, held)
    _note_lists(connection, ready)
    set_tags(connection, changes)


def untag(connection: Connection, customer_ids: Iterable[int], tag: str, at: datetime) -> None:
    """Take a tag off these customers, whoever put it on."""
    t = tags.c
    mine = among(t.customer_id, sorted(set(customer_ids)), t.tag == tag, t.until.is_(None), t.since <= at)
    connection.execute(sa.update(tags).where(mine).values(until=at, changed_at=at))


def put_product_tags(connection: Connection, given: Mapping[int, Sequence[str]]) -> None:
    """Each product's tags, in the place of those it had."""
    if not given:
        return
    connection.execute(sa.delete(product_tags).where(among(product_tags.c.product_id, sorted(given))))
    rows = [{"product_id": product, "tag": tag} for product, those in given.items() for tag in tag_names(those)]
    if rows:
        connection.execute(sa.insert(product_tags), rows)


def _moment(last: Mapping[tuple[int, str], datetime], one: TagList) -> datetime:
    return last[one.customer_id, one.origin]


def _list_moments(connection: Connection, customer_ids: set[int]) -> dict[tuple[int, str], datetime]:
    m = tag_lists.c
    query = sa.select(m.customer_id, m.origin, m.at).where(among(m.customer_id, sorted(customer_ids)))
    return {(customer, origin): at for customer, origin, at in connection.execute(query)}


def _held(connection: Connection, lists: Sequence[TagList]) -> dict[tuple[int, str], list[str]]:
    """Tags that are borne now, by customer and origin."""
    t = tags.c
    query = sa.select(t.customer_id, t.origin, t.tag).where(among(t.customer_id, {each.customer_id for each in lists}))
    found: dict[tuple[int, str], list[str]] = {}
    for customer, origin, tag in connection.execute(query.where(t.until.is_(None))):
        found.setdefault((customer, origin), []).append(tag)
    return found


def _as_changes(one: TagList, held: Mapping[tuple[int, str], list[str]]) -> list[TagChange]:
    named = tag_names(one.tags)
    gone = [tag for tag in held.get((one.customer_id, one.origin), ()) if tag not in named]
    told = [*((tag, True) for tag in named), *((tag, False) for tag in gone)]
    return [TagChange(one.customer_id, tag, added, one.at, one.origin) for tag, added in told]


def _note_lists(connection: Connection, lists: Sequence[TagList]) -> None:
    insert = inserting(connection, tag_lists)
    told = insert.on_conflict_do_update(
        index_elements=["customer_id", "origin"],
        set_={"at": insert.excluded.at},
        where=sa.type_coerce(tag_lists.c.at, sa.BigInteger) < sa.type_coerce(insert.excluded.at, sa.BigInteger),
    )
    latest = {(each.customer_id, each.origin): each.at for each in lists}
    connection.execute(told, [{"customer_id": c, "origin": o, "at": at} for (c, o), at in sorted(latest.items())])


def _put(connection: Connection, changes: Sequence[TagChange]) -> None:
    """A row each; a tag that is taken off before it was put on is a row that was never borne."""
    if not changes:
        return
    insert = inserting(connection, tags)
    new, t = insert.excluded, tags.c
    latest = sa.func.coalesce(*(sa.type_coerce(moment, sa.BigInteger) for moment in (t.changed_at, t.until, t.since)))
    moment, puts_on = sa.type_coerce(new.changed_at, sa.BigInteger), new.until.is_(None)
    later = sa.or_(moment > latest, sa.and_(moment == latest, puts_on, t.until.is_not(None)))
    told = insert.on_conflict_do_update(
        index_elements=["customer_id", "tag", "origin"],
        set_={
            "since": sa.case((sa.and_(puts_on, t.until.is_not(None)), new.since), else_=t.since),
            "until": new.until,
            "changed_at": new.changed_at,
        },
        where=later,
    )
    rows = [
        {
            "customer_id": each.customer_id,
            "tag": each.tag,
            "origin": each.origin,
            "since": each.at,
            "until": None if each.added else each.at,
            "changed_at": each.at,
        }
        for each in changes
    ]
    connection.execute(told, rows)
