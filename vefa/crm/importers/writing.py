"""From chosen rows to the shop's tables: a few statements a batch, all of a batch in one transaction.

An order is written together with its lines and its events, a customer with their addresses and consents: nobody who
looks between two batches sees half of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from vefa.crm import tables
from vefa.crm.coupon_uses import put_codes, several
from vefa.crm.former_addresses import keep_former_of
from vefa.crm.happenings import mark_stale_of, record_events_of
from vefa.crm.importers.identities import note_addresses, note_former
from vefa.crm.importers.stages import UNCHANGED, Stage
from vefa.crm.importers.tag_lists import put_tags
from vefa.crm.importers.targets import Target
from vefa.crm.lifting import UNSUBSCRIBED
from vefa.crm.lines import line_price
from vefa.crm.parcels import set_orders
from vefa.crm.suppressing import COMMERCIAL, Stop, end_unsubscribes, suppress
from vefa.crm.tables import deliveries, order_lines, orders, suppressions
from vefa.crm.wishes import wishes
from vefa.database import from_micros, inserting


@dataclass(frozen=True)
class Terms:
    """What holds for every row of one import; instants are microseconds."""

    source: str
    now: int
    history: bool
    shop_zone: str
    parcels_set_orders: bool = False

    def known(self, occurred: Any) -> Any:
        """When a moment became known (rule 2)."""
        if self.history:
            return occurred
        return sa.case(
            (occurred.is_(None), sa.null()),
            (occurred > self.now, occurred),
            else_=sa.literal(self.now, sa.BigInteger),
        )


@dataclass(frozen=True)
class Family:
    """A stage and those whose rows are written together with its rows; any of them may be missing."""

    stages: tuple[Stage, ...]
    owner: sa.Table | None

    @property
    def head(self) -> Stage | None:
        """The stage of the owners themselves."""
        return next((stage for stage in self.stages if stage.target.owner is None), None)

    def pending(self, stage: Stage) -> dict[str, Stage]:
        """The stage of the owners of its rows, by what they are called, where they are written with them."""
        owner, head = stage.target.owner, self.head
        return {owner: head} if owner is not None and head is not None else {}

    def contacts_of(self, stage: Stage) -> Stage | None:
        """The stage of addresses by which its rows may name their customers before any of them is written."""
        return self.stage("contacts") if stage.target.name == "consents" else None

    def stage(self, name: str) -> Stage | None:
        """The stage of that target."""
        return next((stage for stage in self.stages if stage.target.name == name), None)


def write_batch(connection: Connection, family: Family, terms: Terms, number: int) -> int:
    """Write one batch of a family; how many events are new or changed."""
    writer = _Writer(connection, terms, number)
    if family.owner is orders:
        writer.mark_customers_stale(family)
    for stage in family.stages:
        _write_stage(connection, writer, stage, terms, number)
    lines, head = family.stage("order_lines"), family.stage("orders")
    if head is not None and "coupon_code" in head.filled:
        writer.put_codes(head)
    if lines is not None and lines.part.is_whole:
        writer.remove_vanished_lines(lines)
    if head is not None and head.part.columns["total"].from_lines:
        writer.sum_lines(head)
    if family.owner is orders:
        writer.mark_customers_stale(family)
    return writer.record(family)


def _write_stage(connection: Connection, writer: _Writer, stage: Stage, terms: Terms, number: int) -> None:
    """One target's rows of a batch, and what goes with them."""
    if stage.target.owner is not None:
        writer.find_owners(stage)
    if stage.target.name == "contacts":
        note_former(connection, stage, number)
    if stage.target.table is suppressions:
        writer.suppress(stage)
    else:
        writer.upsert(stage)
    if stage.target.name == "consents":
        writer.heed_consents(stage)
    if stage.target.name == "contacts":
        note_addresses(connection, stage, number, terms.now, terms.shop_zone)
    if "tags" in stage.filled:
        put_tags(connection, stage, terms.source, from_micros(terms.now), number)


class _Writer:
    """The statements of one batch."""

    def __init__(self, connection: Connection, terms: Terms, number: int) -> None:
        self._connection = connection
        self._terms = terms
        self._number = number

    def find_owners(self, stage: Stage) -> None:
        """The ids of owners who were written a moment ago."""
        chosen, owner = stage.chosen, stage.target.owner
        table = {"customer": tables.customers, "order": orders}[str(owner)]
        found = sa.select(table.c.id).where(table.c.outside_id == chosen.c.owner)
        if table is orders:
            found = found.where(orders.c.source == self._terms.source)
        self._connection.execute(
            chosen.update()
            .where(chosen.c.batch == self._number, chosen.c[f"{owner}_id"].is_(None))
            .values({f"{owner}_id": found.scalar_subquery()})
        )

    def suppress(self, stage: Stage) -> None:
        """Addresses that are not to be written to, whoever may have them; an unsubscription is of commercial ones."""
        chosen = stage.chosen
        names = ("channel", "address_key", "reason", "evidence", "occurred_at")
        query = sa.select(*(chosen.c[name] for name in names)).where(chosen.c.batch == self._number)
        rows = self._connection.execute(query.order_by(chosen.c.n)).all()
        suppress(self._connection, [self._stop(*row) for row in rows])

    def _stop(self, channel: str, address_key: str, reason: str, evidence: str, occurred: int) -> Stop:
        at = from_micros(occurred)
        known = max(at, from_micros(self._terms.now))
        return Stop(channel, address_key, reason, evidence, at, known, COMMERCIAL if reason == UNSUBSCRIBED else None)

    def upsert(self, stage: Stage) -> None:
        """New rows in, changed rows changed in the columns that the map fills."""
        chosen, target = stage.chosen, stage.target
        given = _values(stage, self._terms, self._connection)
        query = (
            sa.select(*(value.label(name) for name, value in given.items()))
            .where(chosen.c.batch == self._number, chosen.c.news != UNCHANGED)
            .order_by(chosen.c.n)
        )
        if target.name == "contacts":
            keep_former_of(self._connection, query.subquery("new"), self._terms.now)
        insert = inserting(self._connection, target.table).from_select(list(given), query)
        conflict = _conflict(target)
        updates = _updates(stage, insert.excluded)
        if target.table is orders and self._terms.parcels_set_orders:
            updates |= _unless_empty(updates, insert.excluded)
        if not updates:
            self._connection.execute(insert.on_conflict_do_nothing(index_elements=conflict))
            return
        self._connection.execute(insert.on_conflict_do_update(index_elements=conflict, set_=updates))

    def put_codes(self, head: Stage) -> None:
        """All codes that the orders' rows name; a text holds one a line."""
        chosen = head.chosen
        query = (
            sa.select(orders.c.id, chosen.c.coupon_code)
            .join(chosen, chosen.c.outside_id == orders.c.outside_id)
            .where(orders.c.source == self._terms.source, chosen.c.batch == self._number)
        )
        rows = self._connection.execute(query.where(chosen.c.coupon_code.is_not(None)))
        put_codes(self._connection, {order: several(text.split("\n")) for order, text in rows})

    def heed_consents(self, stage: Stage) -> None:
        """A dated yes lifts what the table of lifts says, for all of the batch at once."""
        chosen = stage.chosen
        agreed = sa.select(chosen.c.customer_id).where(chosen.c.batch == self._number, chosen.c.granted.is_(True))
        end_unsubscribes(self._connection, agreed, "import")

    def remove_vanished_lines(self, lines: Stage) -> None:
        """Lines that an order had and has no longer; not where a row could not be read that may be one of them."""
        chosen = lines.chosen
        whole = sa.not_(lines.lacks_rows_of(chosen.c.owner, perhaps=True))
        here = sa.select(chosen.c.order_id).where(chosen.c.batch == self._number, whole)
        still = sa.exists().where(chosen.c.order_id == order_lines.c.order_id, chosen.c.line == order_lines.c.line)
        self._connection.execute(order_lines.delete().where(order_lines.c.order_id.in_(here), ~still))

    def sum_lines(self, head: Stage) -> None:
        """Orders cost what their lines cost."""
        total = (
            sa.select(sa.func.coalesce(sa.func.sum(line_price(order_lines.c)), 0))
            .where(order_lines.c.order_id == orders.c.id)
            .scalar_subquery()
        )
        whole = sa.cast(total, sa.BigInteger)
        self._connection.execute(
            orders.update()
            .where(orders.c.id.in_(self._ids(head)), sa.type_coerce(orders.c.total, sa.BigInteger) != whole)
            .values(total=sa.type_coerce(whole, orders.c.total.type))
        )

    def mark_customers_stale(self, family: Family) -> None:
        """Whose orders these are, before and after: an order may change hands."""
        for stage in family.stages:
            ids = self._ids(stage) if stage.target.owner is None else self._owner_ids(stage)
            mark_stale_of(self._connection, sa.select(orders.c.customer_id).where(orders.c.id.in_(ids)))

    def record(self, family: Family) -> int:
        """The events of what was written."""
        head = family.head
        if head is None or head.target.events is None:
            return 0
        made = record_events_of(self._connection, head.target.events, self._ids(head))
        return made + (self._deliver_orders(head) if head.part.sets_orders else 0)

    def _deliver_orders(self, parcels: Stage) -> int:
        """Not of orders of whose parcels one could not be read: it may still be on its way."""
        touched = sa.select(deliveries.c.order_id).where(deliveries.c.id.in_(self._ids(parcels)))
        named = sa.select(orders.c.id).where(orders.c.source == self._terms.source)
        lacking = named.where(parcels.lacks_rows_of(orders.c.outside_id))
        touched = touched.where(deliveries.c.order_id.not_in(lacking))
        return set_orders(self._connection, touched)

    def _ids(self, stage: Stage) -> sa.Select[Any]:
        table, chosen = stage.target.table, stage.chosen
        same = [table.c.outside_id == chosen.c.outside_id]
        if stage.target.has_source:
            same.append(table.c.source == self._terms.source)
        return sa.select(table.c.id).join(chosen, sa.and_(*same)).where(chosen.c.batch == self._number)

    def _owner_ids(self, stage: Stage) -> sa.Select[Any]:
        chosen = stage.chosen
        return sa.select(chosen.c[f"{stage.target.owner}_id"]).where(chosen.c.batch == self._number)


def _conflict(target: Target) -> list[str]:
    own = [f"{name}_id" if name in target.references else name for name in target.key]
    return ["source", *own] if target.has_source else own


def _stored(stage: Stage) -> list[str]:
    """The names that the map fills and the table has, references apart."""
    return [name for name in stage.filled if name in stage.target.columns and name in stage.target.table.c]


def _values(stage: Stage, terms: Terms, connection: Connection) -> dict[str, Any]:
    """What a new row of the target's table holds."""
    chosen, target = stage.chosen, stage.target
    values: dict[str, Any] = {name: chosen.c[name] for name in _stored(stage)}
    for name in target.references:
        if f"{name}_id" in target.table.c:
            values[f"{name}_id"] = chosen.c[f"{name}_id"]
    if target.has_source:
        values["source"] = sa.literal(terms.source, sa.Text)
    if target.has_fingerprint:
        values["fingerprint"] = chosen.c.fingerprint
    for at, known in target.moments.items():
        if at in stage.filled:
            values[known] = terms.known(chosen.c[at])
    return values | _particular(stage, terms, connection)


def _particular(stage: Stage, terms: Terms, connection: Connection) -> dict[str, Any]:
    """What only one target has."""
    chosen = stage.chosen
    match stage.target.name:
        case "customers":
            return {
                "bucket": chosen.c.bucket,
                "zone": sa.func.coalesce(chosen.c.zone, terms.shop_zone),
                # Somebody without a date of their own was there before anything that is told of them.
                "known_at": sa.func.coalesce(terms.known(chosen.c.created_at), 0 if terms.history else terms.now),
            }
        case "contacts":
            return {"address_key": chosen.c.address_key}
        case "consents":
            own = stage.part.columns["occurred_at"].constant is None
            return {"signal": sa.literal("import" if own else "undated import", sa.Text)}
        case "products":
            return {
                "in_stock": sa.func.coalesce(chosen.c.in_stock, sa.true()),
                "gift_card": sa.func.coalesce(chosen.c.gift_card, sa.false()),
            }
        case "tickets" | "returns" if _tells_state_alone(stage):
            # The file says how they stand, not since when: since now, as far as anybody knows.
            return {
                "state_at": sa.literal(terms.now, sa.BigInteger),
                "state_known_at": sa.literal(terms.now, sa.BigInteger),
            }
        case "orders":
            return {
                "number": sa.func.coalesce(chosen.c.number, chosen.c.outside_id),
                "total": sa.func.coalesce(chosen.c.total, 0),
                **(
                    {"coupon_code": _first_line(connection, chosen.c.coupon_code)}
                    if "coupon_code" in stage.filled
                    else {}
                ),
            }
        case "order_lines":
            return {"line": chosen.c.line}
        case "events":
            on_postgresql = connection.dialect.name == "postgresql"
            data = sa.cast(chosen.c.data, postgresql.JSON) if on_postgresql else chosen.c.data
            return {"occurrence": chosen.c.occurrence, "data": data}
    return {}


def _first_line(connection: Connection, text: Any) -> Any:
    """What stands before the first end of a line."""
    if connection.dialect.name == "postgresql":
        return sa.func.split_part(text, "\n", 1)
    return sa.func.substr(text, 1, sa.func.instr(text.op("||")("\n"), "\n") - 1)


def _tells_state_alone(stage: Stage) -> bool:
    return "state" in stage.filled and "state_at" not in stage.filled


def _unless_empty(updates: dict[str, Any], new: Any) -> dict[str, Any]:
    """What the parcels have said of an order stands where the order's own row says nothing."""
    names = [name for name in ("shipped", "delivered") if f"{name}_at" in updates]
    kept: dict[str, Any] = {}
    for name in names:
        said = new[f"{name}_at"].is_not(None)
        for column in (f"{name}_at", f"{name}_known_at"):
            kept[column] = sa.case((said, updates[column]), else_=orders.c[column])
    return kept


def _updates(stage: Stage, new: Any) -> dict[str, Any]:
    """What changes in a row that is there: the columns that the map fills, and when they became known."""
    target, stored = stage.target, stage.target.table.c
    if target.name == "consents":
        return {}  # what was said stands as it was said
    key = {*_conflict(target)}
    updates = {name: new[name] for name in _stored(stage) if name not in key}
    if stage.part.columns.get("total") and stage.part.columns["total"].from_lines:
        del updates["total"]
    for name in stage.filled:
        if name in target.references and f"{name}_id" in stored and f"{name}_id" not in key:
            updates[f"{name}_id"] = new[f"{name}_id"]
    if target.name == "events":
        return updates | {"data": new.data}  # its known_at stays: a correction enters nobody again (rule 7)
    for at, known in target.moments.items():
        column = stage.part.columns.get(at)
        if at in updates and column is not None and column.at_import is not None:
            updates[at] = sa.func.coalesce(stored[at], new[at])  # what is known stays; a state says no moment anew
            updates[known] = sa.case((stored[at].is_not(None), stored[known]), else_=new[known])
        elif at in updates:
            same = stored[at].is_not_distinct_from(new[at])
            updates[known] = sa.case((same, stored[known]), else_=new[known])
    if _tells_state_alone(stage):
        same = stored.state.is_not_distinct_from(new.state)
        updates |= {name: sa.case((same, stored[name]), else_=new[name]) for name in ("state_at", "state_known_at")}
    if target.has_fingerprint:
        updates["fingerprint"] = new.fingerprint
    if "language" in updates:  # what a customer chose themselves stands
        chosen = sa.select(wishes.c.language).where(wishes.c.customer_id == stored.id).scalar_subquery()
        updates["language"] = sa.func.coalesce(chosen, new.language)
    if target.name == "contacts":
        updates |= {"address_key": new.address_key, "undeliverable": sa.null()}
    return updates
