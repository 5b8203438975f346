"""What shop systems still say of customers who were erased: left out before anything of it is written or parked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Person, Receipt
from vefa.crm.barred import bar, keys_of
from vefa.crm.forgotten import count_left_out, erased, hold_erasures, order_key, person_key
from vefa.crm.shops.update import Update


def without_erased(connection: Connection, updates: Sequence[Update], receipt: Receipt) -> list[Update]:
    """The updates that are about nobody erased, in their order; consents only as far as they were given since."""
    hold_erasures(connection)
    at = erased(connection, receipt.settings, {key for each in updates for key in _keys(each, receipt.source)})
    if not at:
        return list(updates)
    snapshots = [each for each in updates if each.snapshot is not None and _person(each) is not None]
    barred = bar(connection, [each.snapshot for each in snapshots if each.snapshot is not None], receipt)
    gone = {id(each) for place, each in enumerate(snapshots) if place in barred.places}
    others = [each for each in updates if id(each) not in gone]
    left = [each for each in others if _is_of_order(each, receipt.source, at)]
    left += [each for each in others if each.snapshot is None and _names_nobody_else(each, at)]
    gone |= {id(each) for each in left}
    named = [next(key for key in _keys(each, receipt.source) if key in at) for each in left]
    count_left_out(connection, receipt.settings, named)
    return [_since(each, at) for each in updates if id(each) not in gone]


def _keys(update: Update, source: str) -> Iterator[str]:
    if update.kind == "customer":
        yield person_key(update.key)
    yield from (order_key(source, each) for each in _orders(update))
    person = _person(update)
    yield from keys_of(person) if person is not None else ()


def _orders(update: Update) -> list[str]:
    own = [update.key] if update.kind == "order" else []
    return own + ([update.order] if update.order is not None else [])


def _person(update: Update) -> Person | None:
    if update.snapshot is not None and update.snapshot.person is not None:
        return update.snapshot.person
    return update.person


def _is_of_order(update: Update, source: str, at: Mapping[str, datetime]) -> bool:
    return any(order_key(source, each) in at for each in _orders(update))


def _names_nobody_else(update: Update, at: Mapping[str, datetime]) -> bool:
    """A message of a customer alone, such as that they were changed: it is no order and no sign-up."""
    keys = [person_key(update.key)] if update.kind == "customer" else []
    person = _person(update)
    keys += keys_of(person) if person is not None else []
    return any(key in at and update.updated_at <= at[key] for key in keys)


def _since(update: Update, at: Mapping[str, datetime]) -> Update:
    person = _person(update)
    moments = [at[key] for key in (keys_of(person) if person is not None else ()) if key in at]
    if not moments or not update.consents:
        return update
    return replace(update, consents=tuple(each for each in update.consents if each.occurred_at > max(moments)))
