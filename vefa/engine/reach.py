"""Where a customer can be reached, and what stands against it: SQL for the look, the judgement and the last look."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.consent.gate import ENDS, Gate
from vefa.crm.customer_fields import consent_said
from vefa.crm.scope import World
from vefa.crm.suppressing import stands
from vefa.crm.tables import contacts, customers, suppressions
from vefa.crm.wishes import paused, topic_refused
from vefa.database import among, other
from vefa.engine.scopes import customer_scope
from vefa.ledger.tables import sends
from vefa.plan.steps import Medium, Purpose
from vefa.statements import Kept, Prepared

s, c = sends.c, customers.c


class MediumColumns:
    """The columns that tell where and whether a customer can be reached by one medium."""

    NAMES = ("address", "undeliverable", "suppressed", "consent", "register", "allowed")

    def __init__(
        self, medium: Medium, purpose: Purpose, world: World, gate: Gate | None = None, *, asks_leave: bool = False
    ) -> None:
        self.medium, self.purpose, self.world, self.gate = medium, purpose, world, gate
        self._asks_leave = asks_leave and purpose != "commercial"
        self.table = contacts.alias(f"contact_{medium}")

    def join(self, source: Any) -> Any:
        t = self.table.c
        return source.outerjoin(self.table, sa.and_(t.customer_id == c.id, t.channel == self.medium))

    def columns(self) -> list[Any]:
        way = (self.table.c.address, self.table.c.undeliverable, self.suppressed())
        values = (*way, self.consent(), self.register(), self.allowed())
        return [v.label(f"{self.medium}_{n}") for v, n in zip(values, self.NAMES, strict=True)]

    def suppressed(self) -> ColumnElement[Any]:
        """Why nothing may go to the address; null where it may."""
        return suppressed(self.medium, self.table.c.address_key, self.purpose, self.world.now)

    def consent(self) -> ColumnElement[bool]:
        """Whether the customer said yes to commercial messages by this medium; a merchant, whether they said no no."""
        scope = customer_scope(self.world, c.id, c.zone)
        if self.gate is None:
            # What stops the address beside it is asked for by itself, and told as such.
            return sa.func.coalesce(consent_said(scope, self.medium), sa.false(), type_=sa.Boolean())
        return sa.func.coalesce(consent_said(scope, self.medium), self.gate.is_merchant(c), type_=sa.Boolean())

    def register(self) -> ColumnElement[Any]:
        """Why İYS does not let commercial words through to the address; null where it does."""
        if self.gate is None:
            return sa.null()
        return self.gate.against(self.medium, self.table.c.address, self.table.c.address_key, c, self.world.now)

    def allowed(self) -> ColumnElement[bool]:
        """Whether commercial words may reach them by this medium, as part of a message that is none. Nobody asks of a
        commercial one: it goes with such words, or it does not go at all."""
        if not self._asks_leave:
            return sa.true()
        stopped = suppressed(self.medium, self.table.c.address_key, "commercial", self.world.now)
        holds = [self.consent(), stopped.is_(None)]
        return sa.and_(*holds, *([self.register().is_(None)] if self.gate is not None else []))


def suppressed(medium: str, address_key: Any, purpose: str, now: datetime) -> ColumnElement[Any]:
    """Why nothing of that purpose may go to the address; null where it may."""
    x = other(suppressions)
    query = sa.select(sa.func.min(x.c.reason)).where(
        x.c.channel == medium,
        x.c.address_key == address_key,
        stands(x, now),
        sa.or_(x.c.purpose.is_(None), x.c.purpose == purpose),
    )
    return query.correlate_except(x).scalar_subquery()


def wishes_against(purpose: str, topic: str | None, now: datetime) -> list[tuple[ColumnElement[bool], str]]:
    """Over `sends`: what a customer may have asked for that holds a message back, each with its reason.

    What they must know about an order comes all the same: wishes are about commercial words.
    """
    if purpose != "commercial":
        return []
    against = [(paused(s.customer_id, now), "paused")]
    if topic is not None:
        against.append((topic_refused(s.customer_id, topic), f"topic: {topic}"))
    return against


def unwished(purpose: str, topic: str | None, now: datetime) -> ColumnElement[Any]:
    """Over `sends`: which of these it is, as text; null where the customer asked for nothing of the kind."""
    against = wishes_against(purpose, topic, now)
    if not against:
        return sa.cast(sa.null(), sa.Text)
    return sa.case(*((held, sa.literal(reason)) for held, reason in against))


def still_unwanted(
    statements: Kept, medium: Medium, purpose: str, topic: str | None, gate: Gate | None = None
) -> Prepared:
    """(send, why) of those among `ids` that must not go after all: the last look before the request (rule 16)."""
    asked = gate if purpose == "commercial" else None

    def build(now: datetime) -> sa.Select[Any]:
        table = contacts.alias("reached")
        t = table.c
        stopped = sa.literal("suppressed: ", sa.Text) + suppressed(medium, t.address_key, purpose, now)
        gone = sa.case((t.address.is_(None), f"no {medium} address"))
        against = [gone, stopped, unwished(purpose, topic, now)]
        source = sa.outerjoin(sends, table, sa.and_(t.customer_id == s.customer_id, t.channel == medium))
        if asked is not None:
            source = source.join(customers, c.id == s.customer_id)
            register = asked.against(medium, t.address, t.address_key, c, now)
            against.append(sa.case(*((register == word, sa.literal(f"İYS: {word}", sa.Text)) for word in ENDS)))
        why = sa.func.coalesce(*against)
        return sa.select(s.id, why.label("why")).select_from(source).where(among(s.id, "ids"), why.is_not(None))

    return statements.get(("still unwanted", medium, purpose, topic, asked), build)
