"""What shop systems send goes into the shop's facts, whatever the order in which it comes.

Of an object's snapshots the latest holds (`versions`); moments follow from all reports of them (`moments`); orders
are settled from both, with their parcels and refunds (`settle`). What is about an order that is not there yet is given
back, to be parked: whoever commits that order takes it up under the same lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.barred import FORGOTTEN
from vefa.crm.happenings import record_events, withdraw_events
from vefa.crm.people import find_people
from vefa.crm.shops.customers import put_customers
from vefa.crm.shops.erased import without_erased
from vefa.crm.shops.moments import NOTHING, Verdict, put_reports, read_verdicts
from vefa.crm.shops.settle import read_orders, settle_orders
from vefa.crm.shops.update import Unreadable, Update
from vefa.crm.shops.versions import Key, Version, lock_objects, put_versions, read_versions
from vefa.crm.tables import deliveries, refunds
from vefa.database import inserting


@dataclass
class _Batch:
    """One batch of updates, with what holds of their objects once the batch's own versions are written."""

    connection: Connection
    receipt: Receipt
    updates: Sequence[Update]
    newest: dict[Key, Update]
    versions: dict[Key, Version]
    verdicts: dict[Key, dict[str, Verdict]]
    waiting: list[Update] = field(default_factory=list)

    def of(self, kind: str) -> list[Update]:
        """The batch's newest snapshot of each object of that kind."""
        return [each for key, each in self.newest.items() if key[0] == kind]

    def holds(self, update: Update) -> bool:
        """Whether this snapshot is the one that holds."""
        return self.versions[_key(update)].version == update.version


def apply_updates(connection: Connection, updates: Sequence[Update], receipt: Receipt) -> list[Update]:
    """Take them in, in the caller's transaction; gives back what must wait for its order. Raises Unreadable."""
    receipt = replace(receipt, creates=True, parcels_deliver=False)
    source = receipt.source
    updates = without_erased(connection, updates, receipt)
    keys = {_key(each) for each in updates}
    needed = {("order", each.order) for each in updates if each.order is not None}
    lock_objects(connection, keys | needed, source)
    newest = _newest(updates)
    put_versions(connection, list(newest.values()), source)
    put_reports(connection, updates, source)
    batch = _Batch(
        connection,
        receipt,
        updates,
        newest,
        read_versions(connection, keys, source),
        read_verdicts(connection, keys, source),
    )
    held = [each for each in batch.of("customer") if batch.holds(each)]
    put_customers(connection, updates, held, batch.verdicts, receipt)
    _put_orders(batch)
    there = read_orders(connection, {key for kind, key in keys | needed if kind == "order"}, source)
    _put_parcels(batch, there)
    _put_refunds(batch, there)
    settle_orders(connection, sorted(there), source, receipt.now)
    return batch.waiting


def _key(update: Update) -> Key:
    return update.kind, update.key


def _newest(updates: Iterable[Update]) -> dict[Key, Update]:
    """Of each object's snapshots in the batch the latest. What shows no state of it is none."""
    found: dict[Key, Update] = {}
    for each in updates:
        if each.snapshot is None and each.withdrawn is None and each.refund is None:
            continue
        there = found.get(_key(each))
        if there is None or each.version > there.version:
            found[_key(each)] = each
    return found


def _put_orders(batch: _Batch) -> None:
    """Write the content of orders that have been placed, at the moment in which they were."""
    there = read_orders(batch.connection, {each.key for each in batch.of("order")}, batch.receipt.source)
    arrivals: list[Arrival] = []
    for each in batch.of("order"):
        verdict = batch.verdicts.get(_key(each), {}).get("placed", NOTHING)
        if each.snapshot is None or batch.versions[_key(each)].withdrawn is not None:
            continue
        if verdict.at is not None:
            if batch.holds(each) or each.key not in there:
                arrivals.append(replace(each.snapshot, occurred_at=verdict.at))
        elif not verdict.denied and each.key not in there and batch.holds(each):
            # Cancelled, and nobody has told yet whether it ever was an order: kept for the message that does.
            batch.waiting.append(each)
    _note_buyers(batch)
    _put(batch, arrivals)


def _note_buyers(batch: _Batch) -> None:
    """Whom orders name, also those that are out of date: who is one with whom does not depend on what came first."""
    named: list[Person] = []
    for each in batch.updates:
        verdict = batch.verdicts.get(_key(each), {}).get("placed", NOTHING)
        if each.kind != "order" or each.who is None or verdict.at is None:
            continue
        if batch.versions[_key(each)].withdrawn is None:
            named.append(each.who)
    find_people(batch.connection, list(dict.fromkeys(named)), batch.receipt)


def _put(batch: _Batch, arrivals: Sequence[Arrival]) -> None:
    for outcome in take(batch.connection, arrivals, batch.receipt) if arrivals else ():
        if outcome.state == "refused" and outcome.problem != FORGOTTEN:
            raise Unreadable("a message cannot be taken")


def _put_parcels(batch: _Batch, there: dict[str, Any]) -> None:
    """Parcels of known orders. One that was cancelled is none, and is not made for that."""
    arrivals: list[Arrival] = []
    for each in batch.of("delivery"):
        if each.order is not None and each.order not in there:
            batch.waiting.append(each)
        elif each.snapshot is not None and each.withdrawn is None and batch.holds(each):
            arrivals.append(each.snapshot)
    _put(batch, arrivals)
    named = {each.key for each in batch.updates if each.kind == "delivery"}
    d = deliveries.c
    query = sa.select(d.id, d.outside_id, d.shipped_at, d.delivered_at, d.delivered_known_at, d.cancelled_at, d.assumed)
    query = query.where(d.source == batch.receipt.source, d.outside_id.in_(sorted(named)))
    rows = [_parcel(row, batch) for row in batch.connection.execute(query)]
    if not rows:
        return
    update = sa.update(deliveries).where(d.id == sa.bindparam("number_"))
    names = ("delivered_at", "delivered_known_at", "cancelled_at", "assumed")
    values = {name: sa.bindparam(f"new_{name}", type_=d[name].type) for name in names}
    batch.connection.execute(update.values(values), rows)
    numbers = [row["number_"] for row in rows]
    withdraw_events(batch.connection, "delivery", numbers)
    record_events(batch.connection, "delivery", numbers)


def _parcel(row: Any, batch: _Batch) -> dict[str, Any]:
    key = ("delivery", row.outside_id)
    verdict = batch.verdicts.get(key, {}).get("delivered", NOTHING)
    version = batch.versions.get(key)
    arrived = verdict.at
    if arrived is None and row.delivered_at not in verdict.reported and not (row.assumed and verdict.denied):
        arrived = row.delivered_at
    known = row.delivered_known_at if row.delivered_at is not None else _learned(arrived, batch.receipt.now)
    gone = version is not None and version.withdrawn is not None
    return {
        "number_": row.id,
        "new_delivered_at": arrived,
        "new_delivered_known_at": known if arrived is not None else None,
        "new_cancelled_at": version.version[0] if version is not None and gone else None,
        "new_assumed": row.assumed and verdict.at is None and arrived is not None,
    }


def _learned(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None else max(now, at)


def _put_refunds(batch: _Batch, there: dict[str, Any]) -> None:
    """Payments back, of known orders. The earliest moment that any message shows stands."""
    source, now = batch.receipt.source, batch.receipt.now
    first: dict[str, datetime] = {}
    for each in batch.updates:
        if each.refund is not None:
            first[each.key] = min(each.refund.refunded_at, first.get(each.key, each.refund.refunded_at))
    rows = []
    for each in sorted(batch.of("refund"), key=lambda one: one.key):
        if each.order is None or each.order not in there:
            batch.waiting.append(each)
        elif each.refund is not None:
            row = there[each.order]
            rows.append(
                {
                    "source": source,
                    "outside_id": each.key,
                    "customer_id": row.customer_id,
                    "order_id": row.id,
                    "reason": each.refund.reason,
                    "amount": each.refund.amount,
                    "currency": each.refund.currency,
                    "goods_back": each.refund.goods_back,
                    "refunded_at": first[each.key],
                    "refunded_known_at": max(now, first[each.key]),
                }
            )
    if not rows:
        return
    insert = inserting(batch.connection, refunds)
    new, old = insert.excluded, refunds.c
    changed = {name: new[name] for name in ("customer_id", "reason", "amount", "currency", "goods_back")}
    earlier = sa.case((new.refunded_at < old.refunded_at, new.refunded_at), else_=old.refunded_at)
    changed["refunded_at"] = earlier
    content = [row for row in rows if batch.holds(batch.newest["refund", row["outside_id"]])]
    moment_only = [row for row in rows if row not in content]
    for those, values in ((content, changed), (moment_only, {"refunded_at": earlier})):
        if those:
            key = ["source", "outside_id"]
            batch.connection.execute(insert.on_conflict_do_update(index_elements=key, set_=values), those)
