"""Two customers become one: everything that the gone one has is the kept one's, and nothing is given twice.

One transaction, the caller's. Every table that names a customer has a rule here; a test looks for tables without one.
The gone row is removed. Its id, if the shop gave it, is an alias of the kept one's for ever (rule 26).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.consent.tables import iys_pushes
from vefa.crm import points, tag_tables
from vefa.crm import tables as crm
from vefa.crm.answers import channel_answers
from vefa.crm.consent_echoes import consents_passed_on
from vefa.crm.former_addresses import former_addresses
from vefa.crm.happenings import mark_stale
from vefa.crm.identifiers import customer_aliases, guests, identifiers, identity_changes
from vefa.crm.people import kept_ids, lock_identities, reconsider
from vefa.crm.permissions import drop_doubled
from vefa.crm.resolution import PREFIX
from vefa.crm.wishes import topic_refusals, wishes
from vefa.database import inserting, reading, writing
from vefa.engine.duplicates import end_duplicates
from vefa.engine.tables import enrolments, reentry_slots, segment_members
from vefa.errands.tables import errands
from vefa.ledger.tables import sends
from vefa.rewards.tables import coupons

#: Carries the rows of one table from the gone customer to the kept one.
Rule = Callable[[Connection, int, int], None]
#: Nothing that is told of a merged id later than this is newer.
_NEVER_OLDER = datetime(9999, 1, 1, tzinfo=UTC)
#: Columns of a customer that the kept one takes from the gone one where it has none itself.
_FILLED = (
    *("first_name", "last_name", "gender", "birth_date", "language", "country", "city"),
    *("preferred_channel", "created_at"),
)


def merge_customers(connection: Connection, kept: int, gone: int, now: datetime) -> None:
    """Unite two customers, in the caller's transaction. Nothing is done where one of them is erased or missing."""
    c = crm.customers.c
    query = sa.select(crm.customers).where(c.id.in_((kept, gone))).order_by(c.id).with_for_update()
    rows = {row.id: row for row in connection.execute(query)}
    if len(rows) < 2 or any(row.forgotten_at is not None for row in rows.values()):
        return
    older = min(rows.values(), key=lambda row: (row.known_at, row.id)).id
    end_duplicates(connection, kept, gone, older, now)
    for rule in RULES.values():
        rule(connection, kept, gone)
    _point_objects(connection, kept, gone)
    _take_names(connection, rows[kept].outside_id, rows[gone].outside_id, now)
    filled = {name: getattr(rows[gone], name) for name in _FILLED if getattr(rows[kept], name) is None}
    first_known = min(rows[kept].known_at, rows[gone].known_at)
    values = {**filled, "bucket": rows[older].bucket, "known_at": first_known}
    connection.execute(sa.update(crm.customers).where(c.id == kept).values(values))
    connection.execute(sa.delete(crm.customers).where(c.id == gone))
    mark_stale(connection, [kept])


def merge_shop_ids(connection: Connection, source: str, kept: str, gone: str, now: datetime, zone: str) -> None:
    """Do what a shop's own merge says, such as Shopify's `customers/merge`, in the caller's transaction.

    Ids that are not known yet are understood as well: what comes later under `gone` is the kept customer's. Snapshots
    of the gone customer change nothing any more.
    """
    lock_identities(connection)
    aliases = kept_ids(connection, (kept, gone))
    kept = aliases.get(kept, kept)
    if kept == gone or aliases.get(gone) == kept:
        return
    _end_snapshots(connection, source, gone)
    rows = _ids(connection, (kept, aliases.get(gone, gone)))
    other = rows.get(aliases.get(gone, gone))
    if other is not None and kept in rows:
        merge_customers(connection, rows[kept], other, now)
    elif other is not None:
        c = crm.customers.c
        connection.execute(sa.update(crm.customers).where(c.id == other).values(outside_id=kept))
        _take_names(connection, kept, gone, now)
    else:
        _take_names(connection, kept, gone, now)
    reconsider(connection, (kept,), now, zone)
    unite_pending(connection, now)


def unite_pending(connection: Connection, now: datetime) -> int:
    """Carry out what identity resolution has noted, in the caller's transaction. Returns how many changes there were.

    Call it in the transaction that took messages in, and before anybody is written to.
    """
    c = identity_changes.c
    done = 0
    while row := connection.execute(sa.select(identity_changes).order_by(c.id).limit(1)).one_or_none():
        connection.execute(sa.delete(identity_changes).where(c.id == row.id))
        if row.kind == "merge":
            merge_customers(connection, row.kept_id, row.gone_id, now)
        else:
            _follow_orders(connection, row.gone_id)
        done += 1
    return done


def unite_all(engine: Engine, now: datetime) -> int:
    """The same in a transaction of its own; nothing is written where nothing waits."""
    with reading(engine) as connection:
        if not connection.scalar(sa.select(sa.exists(sa.select(identity_changes.c.id)))):
            return 0
    with writing(engine) as connection:
        lock_identities(connection)
        return unite_pending(connection, now)


def _follow_orders(connection: Connection, before: int) -> None:
    """Journeys about orders that are another customer's now go on with that customer, and so do their messages."""
    e, o = enrolments.c, crm.orders.c
    mine = sa.and_(e.customer_id == before, o.id == e.order_id, o.customer_id != before)
    query = sa.select(e.id, e.journey_id, e.entry_key, o.customer_id).where(mine)
    for number, journey, key, after in connection.execute(query).all():
        same = sa.and_(e.journey_id == journey, e.customer_id == after, e.entry_key == key)
        if connection.scalar(sa.select(sa.exists().where(same))):
            continue
        connection.execute(sa.update(enrolments).where(e.id == number).values(customer_id=after))
        for table in (sends, coupons, errands):
            theirs = sa.update(table).where(table.c.enrolment_id == number)
            connection.execute(theirs.values(customer_id=after))


# --- names


def _ids(connection: Connection, names: tuple[str, ...]) -> dict[str, int]:
    c = crm.customers.c
    query = sa.select(c.outside_id, c.id).where(c.outside_id.in_(names))
    return dict(connection.execute(query).tuples().all())


def _take_names(connection: Connection, kept: str, gone: str, now: datetime) -> None:
    """What names the gone customer names the kept one. A guest's name stays a guest's: see `guests`."""
    if gone.startswith(PREFIX):
        return
    a, i = customer_aliases.c, identifiers.c
    connection.execute(sa.update(customer_aliases).where(a.kept == gone).values(kept=kept))
    row = {"outside_id": gone, "kept": kept, "since": now}
    insert = inserting(connection, customer_aliases)
    connection.execute(insert.on_conflict_do_update(index_elements=["outside_id"], set_={"kept": kept}), row)
    theirs = sa.select(sa.literal(kept, sa.Text), i.channel, i.address_key, i.own).where(i.name == gone)
    insert = inserting(connection, identifiers).from_select(["name", "channel", "address_key", "own"], theirs)
    own = sa.or_(i.own, insert.excluded.own)
    same = ["name", "channel", "address_key"]
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_={"own": own}))
    connection.execute(sa.delete(identifiers).where(i.name == gone))


def _end_snapshots(connection: Connection, source: str, gone: str) -> None:
    row = {"source": source, "kind": "customer", "outside_id": gone, "said_at": _NEVER_OLDER}
    insert = inserting(connection, crm.told_last)
    new = {"said_at": insert.excluded.said_at}
    same = ["source", "kind", "outside_id"]
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_=new), row)


def _point_objects(connection: Connection, kept: int, gone: int) -> None:
    """Events and journeys that are about the customer themselves."""
    for table in (crm.events, enrolments, crm.survey_answers):
        about = sa.and_(table.c.object_kind == "customer", table.c.object_id == gone)
        connection.execute(sa.update(table).where(about).values(object_id=kept))


# --- tables


def _move(table: sa.Table) -> Rule:
    """All rows go over."""

    def rule(connection: Connection, kept: int, gone: int) -> None:
        connection.execute(sa.update(table).where(table.c.customer_id == gone).values(customer_id=kept))

    return rule


def _unite(table: sa.Table, *key: str, latest: str | None = None, earliest: str | None = None) -> Rule:
    """Rows go over; where the kept customer has one of the same key it stays, with the later or earlier moment."""

    def rule(connection: Connection, kept: int, gone: int) -> None:
        mine, theirs = table.alias("mine"), table.alias("theirs")
        same = [mine.c[name] == theirs.c[name] for name in key]
        both = sa.select(*(mine.c[name] for name in key)).join(theirs, sa.and_(*same, theirs.c.customer_id == gone))
        both = both.where(mine.c.customer_id == kept)
        column = latest or earliest
        if column is not None:
            both = both.add_columns(mine.c[column].label("mine"), theirs.c[column].label("theirs"))
        for row in connection.execute(both).mappings().all():
            this = sa.and_(*(table.c[name] == row[name] for name in key))
            if (
                column is not None
                and (value := _of_both(row["mine"], row["theirs"], latest is not None)) != row["mine"]
            ):
                update = sa.update(table).where(this, table.c.customer_id == kept)
                connection.execute(update.values({column: value}))
            connection.execute(sa.delete(table).where(this, table.c.customer_id == gone))
        _move(table)(connection, kept, gone)

    return rule


def _of_both(mine: Any, theirs: Any, later: bool) -> Any:
    """The later moment, where none means never again; or the earlier."""
    if mine is None or theirs is None:
        return None
    return max(mine, theirs) if later else min(mine, theirs)


def _remade(table: sa.Table) -> Rule:
    """Made anew from other tables: the gone customer's row is dropped."""

    def rule(connection: Connection, kept: int, gone: int) -> None:
        connection.execute(sa.delete(table).where(table.c.customer_id == gone))

    return rule


def _consents(connection: Connection, kept: int, gone: int) -> None:
    """What was said twice in the same moment was said once; İYS has heard of it by either."""
    mine, theirs = crm.consents.alias("mine"), crm.consents.alias("theirs")
    names = ("channel", "purpose", "occurred_at", "granted")
    same = sa.and_(*(mine.c[name] == theirs.c[name] for name in names), mine.c.customer_id == kept)
    twice = sa.select(theirs.c.id, mine.c.id).join(mine, same).where(theirs.c.customer_id == gone)
    p = iys_pushes.c
    for doubled, first in connection.execute(twice).all():
        if connection.scalar(sa.select(sa.exists().where(p.consent_id == first))):
            connection.execute(sa.delete(iys_pushes).where(p.consent_id == doubled))
        connection.execute(sa.update(iys_pushes).where(p.consent_id == doubled).values(consent_id=first))
        _keep_passed_on(connection, first, doubled)
        drop_doubled(connection, doubled)
    _move(crm.consents)(connection, kept, gone)


def _keep_passed_on(connection: Connection, first: int, doubled: int) -> None:
    """What a shop system was told of either is known again when it comes back."""
    p, other = consents_passed_on.c, consents_passed_on.alias("other")
    there = sa.exists().where(other.c.consent_id == first, other.c.target == p.target)
    theirs = sa.and_(p.consent_id == doubled, sa.not_(there))
    connection.execute(sa.update(consents_passed_on).where(theirs).values(consent_id=first))


def _wishes(connection: Connection, kept: int, gone: int) -> None:
    """The kept customer's choice stands where they made one; a pause is the longer of the two."""
    w = wishes.c
    rows = {
        row.customer_id: row for row in connection.execute(sa.select(wishes).where(w.customer_id.in_((kept, gone))))
    }
    if kept in rows and gone in rows:
        mine, theirs = rows[kept], rows[gone]
        pauses = [each for each in (mine.paused_until, theirs.paused_until) if each is not None]
        mailed = [each for each in (mine.link_mailed_at, theirs.link_mailed_at) if each is not None]
        values = {
            "language": mine.language or theirs.language,
            "paused_until": max(pauses, default=None),
            "link_mailed_at": max(mailed, default=None),
        }
        connection.execute(sa.update(wishes).where(w.customer_id == kept).values(values))
        connection.execute(sa.delete(wishes).where(w.customer_id == gone))
    _move(wishes)(connection, kept, gone)


def _contacts(connection: Connection, kept: int, gone: int) -> None:
    """The kept customer's addresses stay; the gone one's come where there is none."""
    _unite(crm.contacts, "channel")(connection, kept, gone)


def _changes(connection: Connection, kept: int, gone: int) -> None:
    """Merges that wait for the gone customer are the kept one's; one into themselves is none."""
    c = identity_changes.c
    for column in (c.kept_id, c.gone_id):
        connection.execute(sa.update(identity_changes).where(column == gone).values({column.name: kept}))
    connection.execute(sa.delete(identity_changes).where(c.kept_id == c.gone_id))


RULES: Mapping[str, Rule] = {
    "identity_changes": _changes,
    "guests": _move(guests),
    "contacts": _contacts,
    "former_addresses": _unite(former_addresses, "channel", "address_key"),
    "iys_pushes": _move(iys_pushes),
    "consents": _consents,
    "consents_passed_on": _move(consents_passed_on),
    "tracking_refusals": _unite(crm.tracking_refusals, earliest="since"),
    "topic_refusals": _unite(topic_refusals, "topic", earliest="refused_at"),
    "wishes": _wishes,
    "tags": _unite(tag_tables.tags, "tag", "origin"),
    "tag_lists": _unite(tag_tables.tag_lists, "origin", latest="at"),
    "orders": _move(crm.orders),
    "returns": _move(crm.returns),
    "refunds": _move(crm.refunds),
    "tickets": _move(crm.tickets),
    "reviews": _move(crm.reviews),
    "survey_answers": _move(crm.survey_answers),
    "events": _move(crm.events),
    "point_redemptions": _move(points.redemptions),
    "point_moves": _move(points.point_moves),
    "points_due": _remade(points.points_due),
    "tier_changes": _unite(points.tier_changes, "since"),
    "coupons": _move(coupons),
    "errands": _move(errands),
    "enrolments": _move(enrolments),
    "sends": _move(sends),
    "reentry_slots": _unite(reentry_slots, "journey_id", latest="next_at"),
    "segment_members": _unite(segment_members, "journey_id", earliest="since"),
    "channel_answers": _remade(channel_answers),
    "facts": _remade(crm.facts),
    "stale_facts": _remade(crm.stale_facts),
}
