"""From facts to events: an order says when it was placed, shipped, delivered; each such moment is an event.

An event's key is source, type, object and occurrence (rule 7). A corrected row updates its events, never
their `known_at`, so a correction enters nobody again. The event of a moment that is withdrawn stands without a
customer: it counts for nothing and enters nobody, until the moment comes back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from vefa.crm.coupon_uses import note_uses
from vefa.crm.points import mark_points, redemptions
from vefa.crm.states import STATEFUL, changed, changes, note_states
from vefa.crm.tables import (
    customers,
    deliveries,
    events,
    orders,
    refunds,
    returns,
    reviews,
    stale_facts,
    survey_answers,
    tickets,
)
from vefa.database import inserting

Kind = Literal["customer", "order", "delivery", "return", "refund", "ticket", "review", "survey", "redemption"]

#: Customers bear no source of their own: their events say they come from the CRM.
CUSTOMER_SOURCE = "crm"


@dataclass(frozen=True)
class Moment:
    """A column that makes an event of `type`, with the column that says when it was learned."""

    type: str
    occurred: str
    known: str


@dataclass(frozen=True)
class FactTable:
    """A table whose rows are objects of events, and the moments it holds."""

    table: sa.Table
    moments: tuple[Moment, ...]


def _moments(kind: str, *names: str) -> tuple[Moment, ...]:
    return tuple(Moment(f"{kind}.{name}", f"{name}_at", f"{name}_known_at") for name in names)


FACT_TABLES: dict[Kind, FactTable] = {
    "customer": FactTable(customers, (Moment("customer.created", "created_at", "known_at"),)),
    "order": FactTable(orders, _moments("order", "placed", "shipped", "delivered", "cancelled")),
    "delivery": FactTable(deliveries, _moments("delivery", "shipped", "delivered")),
    "return": FactTable(returns, _moments("return", "requested", "received", "refunded")),
    "refund": FactTable(refunds, (Moment("order.refunded", "refunded_at", "refunded_known_at"),)),
    "ticket": FactTable(tickets, _moments("ticket", "opened", "answered", "resolved")),
    "review": FactTable(reviews, _moments("review", "posted")),
    "survey": FactTable(survey_answers, _moments("survey", "answered")),
    "redemption": FactTable(redemptions, (Moment("loyalty.redeemed", "redeemed_at", "redeemed_known_at"),)),
}

_COLUMNS = (
    "source",
    "type",
    "object_kind",
    "object_key",
    "object_id",
    "order_id",
    "occurrence",
    "customer_id",
    "occurred_at",
    "known_at",
)
_CORRECTED = ("occurred_at", "customer_id", "object_id", "order_id")


def record_events(
    connection: Connection, kind: Kind, ids: Sequence[int] | None, only: Collection[str] | None = None
) -> int:
    """Make or correct the events of these rows of `kind` (None: of all); how many are new or changed.

    `only` names the types of events that can have changed; None: any of the kind.
    """
    if ids is not None and not ids:
        return 0
    wanted = None if ids is None else FACT_TABLES[kind].table.c.id.in_(_numbers(connection, ids))
    return _record_all(connection, kind, wanted, only)


def record_events_of(connection: Connection, kind: Kind, ids: sa.Select[Any]) -> int:
    """The same for the rows whose ids a query gives."""
    return _record_all(connection, kind, FACT_TABLES[kind].table.c.id.in_(ids))


def _record_all(
    connection: Connection, kind: Kind, wanted: sa.ColumnElement[bool] | None, only: Collection[str] | None = None
) -> int:
    """Everything that follows from what is new of these rows."""
    fact = FACT_TABLES[kind]
    if kind == "order":
        note_uses(connection, wanted)
    _mark_points(connection, kind, wanted)
    moments = [moment for moment in fact.moments if only is None or moment.type in only]
    made = sum(_record(connection, kind, fact.table, moment, wanted) for moment in moments)
    return made + _record_states(connection, kind, fact.table, wanted)


def mark_stale(connection: Connection, customer_ids: Sequence[int]) -> None:
    """These customers' roll-ups must be made anew; call it in the transaction that changes their orders."""
    if customer_ids:
        mark_stale_of(connection, sa.select(customers.c.id).where(_is_among(connection, customer_ids)))


def mark_stale_of(connection: Connection, customer_ids: sa.Select[Any]) -> None:
    """The same for the customers whose ids a query gives; nulls are passed over."""
    chosen = customer_ids.subquery()
    named = sa.select(chosen.c[0]).distinct().where(chosen.c[0].is_not(None))
    connection.execute(inserting(connection, stale_facts).from_select(["customer_id"], named).on_conflict_do_nothing())
    mark_points(connection, customer_ids)


def _mark_points(connection: Connection, kind: Kind, wanted: sa.ColumnElement[bool] | None) -> None:
    """Whose points these rows change. New orders are marked with the roll-ups; here come deliveries, returns of an
    order, and what was spent."""
    if kind not in ("order", "return", "refund", "redemption"):
        return
    table = FACT_TABLES[kind].table
    whose = sa.select(table.c.customer_id)
    if kind in ("return", "refund"):  # what comes back counts for whoever bought it
        whose = sa.select(orders.c.customer_id).join(table, table.c.order_id == orders.c.id)
    mark_points(connection, whose if wanted is None else whose.where(wanted))


def _is_among(connection: Connection, ids: Sequence[int]) -> sa.ColumnElement[bool]:
    return customers.c.id.in_(_numbers(connection, ids))


def _record(
    connection: Connection, kind: Kind, table: sa.Table, moment: Moment, wanted: sa.ColumnElement[bool] | None
) -> int:
    happened = _happened(kind, table, moment)
    return _put(connection, happened if wanted is None else happened.where(wanted))


def _record_states(connection: Connection, kind: Kind, table: sa.Table, wanted: sa.ColumnElement[bool] | None) -> int:
    """The same for changes of state, where objects of that kind have any."""
    if kind not in STATEFUL:
        return 0
    note_states(connection, kind, wanted)
    named = (table.c.source, sa.literal(changed(kind)), sa.literal(kind), table.c.outside_id, table.c.id, _order(table))
    happened = changes(kind, named, (_customer(table),))
    return _put(connection, happened if wanted is None else happened.where(wanted))


def _put(connection: Connection, happened: sa.Select[Any]) -> int:
    insert = inserting(connection, events).from_select(_COLUMNS, happened)
    new = insert.excluded
    # One that counted for nobody, and does now, is learned now.
    known = sa.case((events.c.customer_id.is_(None), new.known_at), else_=events.c.known_at)
    upsert = insert.on_conflict_do_update(
        index_elements=["source", "type", "object_key", "occurrence"],
        set_={name: new[name] for name in _CORRECTED} | {"known_at": known},
        where=sa.or_(*(events.c[name].is_distinct_from(new[name]) for name in _CORRECTED)),
    )
    return connection.execute(upsert, execution_options={"preserve_rowcount": True}).rowcount


def _happened(kind: Kind, table: sa.Table, moment: Moment) -> sa.Select[Any]:
    """One row per event that this moment makes, in the columns of `events`."""
    occurred, known = table.c[moment.occurred], table.c[moment.known]
    source = sa.literal(CUSTOMER_SOURCE) if table is customers else table.c.source
    # Money that goes back is about the order; each payment is an event of its own (rule 7).
    about, number = ("order", refunds.c.order_id) if table is refunds else (kind, table.c.id)
    query = sa.select(
        source,
        sa.literal(moment.type),
        sa.literal(about),
        table.c.outside_id,
        number,
        _order(table),
        sa.literal(0),
        _customer(table),
        occurred,
        known,
    ).where(occurred.is_not(None))
    if table is refunds:
        query = query.where(refunds.c.amount.is_not(None))
    if table is deliveries or table is refunds:
        query = query.join_from(table, orders, orders.c.id == table.c.order_id)
    return query.order_by(table.c.id)


def withdraw_events(connection: Connection, kind: Kind, ids: Sequence[int]) -> None:
    """Events of these objects' moments that have not happened after all are nobody's."""
    fact = FACT_TABLES[kind]
    for moment in fact.moments:
        gone = sa.select(fact.table.c.id).where(
            fact.table.c.id.in_(_numbers(connection, ids)), fact.table.c[moment.occurred].is_(None)
        )
        mine = (events.c.type == moment.type, events.c.object_id.in_(gone), events.c.customer_id.is_not(None))
        connection.execute(sa.update(events).where(*mine).values(customer_id=None))


def _order(table: sa.Table) -> sa.ColumnElement[Any]:
    """The order that the object is, or belongs to."""
    if table is orders:
        return orders.c.id
    return table.c.order_id if "order_id" in table.c else sa.cast(sa.null(), sa.BigInteger)


def _customer(table: sa.Table) -> sa.ColumnElement[Any]:
    """Whose event it is: nobody's where the order, or the parcel, is none after all."""
    if table is customers:
        return customers.c.id
    stands = orders.c.withdrawn.is_(None)
    if table is orders:
        return sa.case((stands, orders.c.customer_id))
    if table is deliveries:
        return sa.case((sa.and_(stands, deliveries.c.cancelled_at.is_(None)), orders.c.customer_id))
    if table is refunds:
        return sa.case((stands, sa.func.coalesce(refunds.c.customer_id, orders.c.customer_id)))
    return table.c.customer_id


def _numbers(connection: Connection, ids: Sequence[int]) -> sa.Select[Any]:
    """The ids as a query with one bound value, so that any number of them fits into a statement."""
    if connection.dialect.name == "postgresql":
        return sa.select(sa.func.unnest(sa.cast(list(ids), postgresql.ARRAY(sa.BigInteger))))
    return sa.select(sa.func.json_each(json.dumps(list(ids))).table_valued("value").c.value)
