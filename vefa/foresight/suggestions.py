"""What would be suggested to one customer, and why each: chosen by the very code that messages use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.recommendations.choosing import Chosen, Recommender
from vefa.crm.recommendations.making import newest
from vefa.crm.recommendations.tables import link_makings
from vefa.crm.tables import orders
from vefa.errors import UserError
from vefa.foresight.persons import Person, find_person


@dataclass(frozen=True)
class Suggested:
    """One product, and why; `times` is how many orders say so."""

    name: str
    price: str | None
    url: str | None
    reason: str
    because: str | None
    times: int


@dataclass(frozen=True)
class Suggestions:
    """What one customer would be shown. `as_of` is when the links were made; none were made before."""

    customer: str
    order: str | None
    as_of: datetime | None
    products: tuple[Suggested, ...]


def suggestions(connection: Connection, who: str, order: str | None, count: int, now: datetime) -> Suggestions:
    """For the customer of that number or address; right after the order of that number where one is named."""
    person = find_person(connection, who)
    order_id = _order(connection, person, order) if order is not None else None
    (row,) = Recommender().explain(connection, [person.id], [order_id], count, now)
    as_of = connection.scalar(sa.select(link_makings.c.as_of).where(link_makings.c.id == newest(now).scalar_subquery()))
    return Suggestions(person.outside_id, order, as_of, tuple(_suggested(one, words) for one, words in row))


def _order(connection: Connection, person: Person, number: str) -> int:
    o = orders.c
    mine = sa.select(o.id).where(o.customer_id == person.id, sa.or_(o.number == number, o.outside_id == number))
    found = connection.scalar(mine.order_by(o.id.desc()).limit(1))
    if found is None:
        raise UserError(f'The customer {person.outside_id} has no order "{number}".')
    return int(found)


def _suggested(one: Chosen, words: dict[str, Any]) -> Suggested:
    amount = words["price"]
    price = f"{amount.amount:,.2f} {amount.currency}" if amount is not None else None
    return Suggested(words["name"], price, words["url"], _reason(one, words), words["because"], one.times)


def _reason(one: Chosen, words: dict[str, Any]) -> str:
    if one.kind is None:
        return "a best-seller"
    when = "often bought with" if one.kind == "together" else "often bought next after"
    return f"{when} {words['because']}"
