"""A real customer's own values for a message, as of now. Only read: no coupon is made, no link is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.content.templates import TemplateStore
from vefa.crm.contexts import ORDER_LINES, FieldColumns, nested, read_order_lines
from vefa.crm.dates import local_date
from vefa.crm.guides import read_guides
from vefa.crm.recommendations.choosing import Recommender
from vefa.crm.scope import Scope, World, known_zones
from vefa.crm.tables import events
from vefa.crm.ticket_messages import LEFT_OUT, MESSAGES, Conversation, read_conversations, told
from vefa.engine.scopes import whole_world
from vefa.engine.timing import yearly
from vefa.errors import UserError
from vefa.foresight.persons import Person
from vefa.foresight.preview.beside import inert_links, survey_values, tier_names
from vefa.foresight.preview.samples import sample_coupon
from vefa.plan.plans import Plan
from vefa.plan.project import shop_loyalty
from vefa.plan.steps import Message
from vefa.plan.ways_in import DateTrigger, EventTrigger
from vefa.settings import Settings
from vefa.statements import Prepared

#: Asked of everybody: the other words are made of them.
ALWAYS = frozenset({"customer.first_name", "customer.country", "consent.email", "loyalty.tier", "loyalty.next_tier"})


@dataclass(frozen=True)
class Brought:
    """What the journey's trigger would bring along: the newest of that kind."""

    at: datetime
    object_kind: str | None = None
    object_id: int | None = None
    order_id: int | None = None
    date: date | None = None
    years: int | None = None


@dataclass(frozen=True)
class CustomerValues:
    """One customer, asked for the words of any journey."""

    connection: Connection
    person: Person
    store: TemplateStore
    settings: Settings
    now: datetime

    def context(self, plan: Plan, step: Message, locale: str) -> Mapping[str, Any]:
        """Everything that the words of this message name."""
        names = self.store.names_of(step) | ALWAYS
        brought = self._brought(plan)
        columns = {name: [value] for name, value in self._values(names, brought, step, locale).items()}
        context = nested(columns, 0)
        return context | {"coupon": sample_coupon(plan, step, self.now)}

    def _values(self, names: frozenset[str], brought: Brought, step: Message, locale: str) -> dict[str, Any]:
        found = self._fields(names, brought)
        purpose = step.purpose
        trigger = {"trigger.at": brought.at, "trigger.date": brought.date, "trigger.years": brought.years}
        free = purpose == "commercial" or bool(found["consent.email"])
        found |= trigger | inert_links(self.settings)
        found |= {"commercial": free, "purpose": purpose, "shop.name": self.settings.shop.name}
        found |= survey_values(step, locale, self.settings)
        found |= tier_names(found["loyalty.tier"], found["loyalty.next_tier"], locale, self.settings)
        if "guides" in names:
            (found["guides"],) = read_guides(self.connection, [self.person.id], [brought.order_id], self.now)
        if ORDER_LINES in names:
            lines = read_order_lines(self.connection, [brought.order_id] if brought.order_id else [])
            found[ORDER_LINES] = lines.get(brought.order_id or 0, [])
        if MESSAGES in names or LEFT_OUT in names:
            found |= self._transcript(brought, found["customer.first_name"])
        found["recommendations"] = self._suggestions(brought, step.recommend) if free and step.recommend else []
        return found

    def _transcript(self, brought: Brought, first_name: str | None) -> dict[str, Any]:
        talk = Conversation()
        if brought.object_kind == "ticket" and brought.object_id is not None:
            talk = read_conversations(self.connection, [brought.object_id], self.now).get(brought.object_id, talk)
        return told(talk, first_name, self.person.zone)

    def _suggestions(self, brought: Brought, count: int) -> list[dict[str, Any]]:
        (found,) = Recommender().recommend(self.connection, [self.person.id], [brought.order_id], count, self.now)
        return found

    def _fields(self, names: frozenset[str], brought: Brought) -> dict[str, Any]:
        """The fields among these names, read as the engine reads them."""
        fields = FieldColumns.of(names, self.settings.shop.currency)
        statement = Prepared(lambda now: sa.select(*fields.select(self._scope(names, brought, now))))
        row = statement.run(self.connection, self.now).one()
        read = fields.read([[value] for value in row], [self.person.zone])
        return {name: column[0] for name, column in read.items()}

    def _scope(self, names: frozenset[str], brought: Brought, now: datetime) -> Scope:
        shop = self.settings.shop
        if any(name.startswith("rfm.") for name in names):
            world = whole_world(self.connection, now, shop, "dated")
        else:
            world = World(
                now,
                shop,
                known_zones(self.connection),
                "dated",
                loyalty=shop_loyalty(self.settings.root, self.settings),
            )

        def number(value: int | None) -> Any:
            return sa.literal(value, sa.BigInteger)

        return Scope(
            world,
            number(self.person.id),
            object_kind=brought.object_kind,
            object_id=number(brought.object_id),
            order_id=number(brought.order_id),
        )

    # --- what the trigger would bring

    def _brought(self, plan: Plan) -> Brought:
        if isinstance(plan.trigger, EventTrigger):
            return self._newest(plan, plan.trigger)
        if isinstance(plan.trigger, DateTrigger):
            return self._day(plan, plan.trigger)
        return Brought(self.now)

    def _newest(self, plan: Plan, trigger: EventTrigger) -> Brought:
        e = events.c
        mine = sa.and_(e.customer_id == self.person.id, e.type == trigger.event, e.known_at <= self.now)
        columns = (e.occurred_at, e.object_kind, e.object_id, e.order_id)
        row = self.connection.execute(sa.select(*columns).where(mine).order_by(e.occurred_at.desc()).limit(1)).first()
        if row is None:
            raise UserError(
                f"{plan.journey} begins with {trigger.event}, and customer {self.person.outside_id} has none yet. Name "
                "another customer, or leave --customer out to see the words with made-up values."
            )
        kind = row.object_kind if trigger.object_kind else None
        return Brought(row.occurred_at, kind, row.object_id if kind else None, row.order_id if kind else None)

    def _day(self, plan: Plan, trigger: DateTrigger) -> Brought:
        """The next time that the day comes round."""
        first = self._fields(frozenset({trigger.field}), Brought(self.now))[trigger.field]
        if first is None:
            raise UserError(
                f"{plan.journey} begins on {trigger.field}, which is not known of customer {self.person.outside_id}. "
                "Name another customer, or leave --customer out to see the words with made-up values."
            )
        born = first.date() if isinstance(first, datetime) else first
        today = local_date(self.now, self.person.zone)
        year = today.year if yearly(born, today.year) >= today and born.year < today.year else today.year + 1
        return Brought(self.now, date=yearly(born, year), years=year - born.year)
