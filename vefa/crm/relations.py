"""What other tables say of everybody, as sets: (customer_id, value) of those who have a value.

The same fields as in `fields.py`, turned round: there one value is looked up for the row at hand, here all values are
read in one go, for statements about all customers. That both agree is a law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm.facts import counted
from vefa.crm.points_fields import points_of_all, tier_of_all
from vefa.crm.scope import Scope
from vefa.crm.tables import events, order_lines, orders, products, returns, reviews, survey_answers, tags, tickets
from vefa.crm.tags import borne
from vefa.database import Instant

Rows = Select[tuple[int, object]]


@dataclass(frozen=True)
class Relation:
    """`rows(scope)` has the columns `customer_id` (never null) and `value`; who is not in it has the value `missing`.

    `anybody` gives the customers of a counted relation without counting, for who asks only whether there are any.
    """

    rows: Callable[[Scope], Rows]
    missing: int | None = None
    anybody: Callable[[Scope], Select[tuple[int]]] | None = None


def _count(table: sa.Table, known: str, *still: str) -> Relation:
    """How many of a customer's rows are known; with `still`, only those whose named moment is not known yet."""
    t = table.c

    def where(scope: Scope) -> list[ColumnElement[bool]]:
        open_yet = (sa.or_(t[column].is_(None), t[column] > scope.now) for column in still)
        return [t[known] <= scope.now, *open_yet]

    def rows(scope: Scope) -> Rows:
        n = sa.func.count().label("value")
        return sa.select(t.customer_id, n).where(*where(scope)).group_by(t.customer_id)

    return Relation(rows, 0, lambda scope: sa.select(t.customer_id).where(*where(scope)))


def _last_answer(survey: str) -> Relation:
    def rows(scope: Scope) -> Rows:
        a, later = survey_answers.c, survey_answers.alias("later")
        newer = sa.or_(
            later.c.answered_at > a.answered_at, sa.and_(later.c.answered_at == a.answered_at, later.c.id > a.id)
        )
        outdone = sa.exists().where(
            later.c.customer_id == a.customer_id,
            later.c.survey == survey,
            later.c.answered_known_at <= scope.now,
            newer,
        )
        asked = (a.survey == survey, a.answered_known_at <= scope.now, sa.not_(outdone))
        return sa.select(a.customer_id, a.score.label("value")).where(*asked)

    return Relation(rows)


def _last_event(kind: str) -> Relation:
    def rows(scope: Scope) -> Rows:
        e = events.c
        last = sa.type_coerce(sa.func.max(e.occurred_at), Instant()).label("value")
        asked = (e.type == kind, e.known_at <= scope.now, e.customer_id.is_not(None))
        return sa.select(e.customer_id, last).where(*asked).group_by(e.customer_id)

    return Relation(rows)


def _tags(scope: Scope) -> Rows:
    return sa.select(tags.c.customer_id, tags.c.tag.label("value")).where(*borne(tags.c, scope.now))


def _bought(column: str) -> Relation:
    """Of all counted orders."""

    def rows(scope: Scope) -> Rows:
        query = sa.select(orders.c.customer_id, products.c[column].label("value"))
        query = query.join_from(products, order_lines, order_lines.c.product_id == products.c.id)
        query = query.join(orders, orders.c.id == order_lines.c.order_id)
        return query.where(orders.c.customer_id.is_not(None), counted(scope.now))

    return Relation(rows)


RELATIONS: dict[str, Relation] = {
    "customer.tags": Relation(_tags),
    "orders.categories": _bought("category"),
    "orders.products": _bought("outside_id"),
    "returns.count": _count(returns, "requested_known_at"),
    "tickets.count": _count(tickets, "opened_known_at"),
    "tickets.open": _count(tickets, "opened_known_at", "resolved_known_at"),
    "reviews.count": _count(reviews, "posted_known_at"),
    "feedback.nps": _last_answer("nps"),
    "feedback.csat": _last_answer("csat"),
    "loyalty.points": Relation(points_of_all, 0),
    "loyalty.tier": Relation(tier_of_all),
    "email.last_opened_at": _last_event("email.opened"),
    "email.last_clicked_at": _last_event("email.clicked"),
}
