"""One look at a batch: who may simply go, and all that their words name, in one statement of all rows.

Nearly everybody who is due may go without a doubt: inside, not hindered, reachable, consenting, far from every cap. The
look tells these from the others by SQL alone. The others are judged one by one (`vefa.engine.policy`). What SQL
cannot tell as surely as that judgement counts as a doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.crm.answers import answers_on, evidence
from vefa.crm.conditions import compile_condition
from vefa.crm.contexts import FieldColumns, as_day
from vefa.crm.fields import FIELDS
from vefa.crm.tables import customers
from vefa.database import from_micros, other
from vefa.engine.candidates import Reader
from vefa.engine.exits import leaves_now
from vefa.engine.mailboxes import shares_mailbox
from vefa.engine.movement import inside
from vefa.engine.plans import elapsed
from vefa.engine.policy import counts
from vefa.engine.post import Post
from vefa.engine.reach import MediumColumns, wishes_against
from vefa.engine.scopes import send_scope
from vefa.engine.tables import enrolments
from vefa.engine.timing import quiet_until
from vefa.ledger.tables import sends
from vefa.plan.policy import Policy
from vefa.plan.steps import FieldMoment, Medium, Message

s, e, c = sends.c, enrolments.c, customers.c


@dataclass(frozen=True)
class Seen:
    """What a look found of the messages of a batch, in columns; row n of each is message n."""

    ids: Sequence[int]
    enrolments: Sequence[int]
    customers: Sequence[int]
    zones: Sequence[str]
    languages: Sequence[str | None]
    countries: Sequence[str | None]
    addresses: Sequence[str | None]
    plain: Sequence[bool]
    allowed: Sequence[bool]
    orders: Sequence[int | None]
    not_after: Sequence[Any]
    due_at: Sequence[int]
    variants: Sequence[str | None]
    #: why a plain message whose medium the customer decides goes by e-mail
    evidence: Sequence[str | None]
    fields: Sequence[Sequence[Any]]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Seen:
        """From its columns, the fields' last."""
        return cls(**dict(zip(cls.__dataclass_fields__, columns, strict=True)))

    def only(self, rows: Sequence[int]) -> Seen:
        """The same of some of them."""
        if len(rows) == len(self):
            return self
        *columns, fields = (getattr(self, name) for name in self.__dataclass_fields__)
        chosen = [[column[n] for n in rows] for column in columns]
        return Seen.of([*chosen, [[column[n] for n in rows] for column in fields]])


#: How many columns there are beside those of the fields.
BESIDE = len(Seen.__dataclass_fields__) - 1


class Look:
    """The look of one message step. `medium` is the one that its plain messages go by.

    `wants_orders`: its words need the order at hand. `asks_leave`: they ask whether commercial ones may stand among
    them.
    """

    def __init__(self, post: Post, fields: FieldColumns, *, wants_orders: bool, asks_leave: bool) -> None:
        self._post, self._fields, self._wants_orders, self._asks_leave = post, fields, wants_orders, asks_leave
        self.medium: Medium = post.step.medium or "email"
        world = post.world
        asked = (post.pin.id, post.step.key, self.medium, fields.names, wants_orders, asks_leave)
        self._statement = post.shop.statements.get(
            ("look", *asked, world.zones, world.facts, world.borders), self._build
        )

    def at(self, connection: Connection, batch_id: int, limit: int, now: datetime) -> Seen:
        """The first `limit` messages of the batch that are not claimed yet."""
        rows = self._statement.rows(connection, now, batch=batch_id, limit=limit)
        columns = list(zip(*rows, strict=True)) or [()] * (BESIDE + len(self._fields.select(self._scope(now))))
        return Seen.of([*columns[:BESIDE], columns[BESIDE:]])

    def sure(self, seen: Seen, now: datetime) -> tuple[list[int], list[int]]:
        """Rows that may simply go, and the others."""
        if self._quiet is None and self._post.step.not_after is None:
            going = [n for n, plain in enumerate(seen.plain) if plain]
        else:
            awake = {zone: self._awake(zone, now) for zone in set(seen.zones)}
            going = [n for n, plain in enumerate(seen.plain) if plain and awake[seen.zones[n]]]
        if self._post.step.not_after is not None:
            reader = Reader.of(self._post, now)
            going = [n for n in going if not _late(reader, seen, n, now)]
        chosen = set(going)
        return going, [n for n in range(len(seen)) if n not in chosen]

    @property
    def _quiet(self) -> Any:
        return self._post.shop.policy.rule(self._post.step.purpose, self.medium).quiet

    def _awake(self, zone: str, now: datetime) -> bool:
        return self._quiet is None or quiet_until(now, self._quiet, zone) is None

    def _scope(self, now: datetime) -> Any:
        return send_scope(replace(self._post.world, now=now), self._post.pin, self._post.step)

    def _build(self, now: datetime) -> sa.Select[Any]:
        post, scope = self._post, self._scope(now)
        reader = Reader.of(post, now, asks_leave=self._asks_leave)
        medium = reader.medium(self.medium)
        columns = [
            *(s.id, s.enrolment_id, s.customer_id, c.zone, c.language, c.country, medium.table.c.address),
            sa.case((_plain(reader, medium), 1), else_=0),
            sa.case((medium.allowed(), 1), else_=0),
            e.order_id if self._wants_orders else sa.null(),
            reader.not_after_field(),
            sa.type_coerce(s.due_at, sa.BigInteger),
            s.variant if post.step.test is not None else sa.null(),
            _evidence(now) if post.step.medium is None else sa.null(),
            *self._fields.select(scope),
        ]
        source = sa.join(sends, enrolments, e.id == s.enrolment_id).join(customers, c.id == s.customer_id)
        mine = sa.and_(s.batch_id == sa.bindparam("batch", None), s.state.in_(("queued", "reserved")))
        query = sa.select(*(column.label(f"x{n}") for n, column in enumerate(columns)))
        return query.select_from(medium.join(source)).where(mine).order_by(s.id).limit(sa.bindparam("limit", None))


def _late(reader: Reader, seen: Seen, n: int, now: datetime) -> bool:
    value, until = seen.not_after[n], reader.step.not_after
    if isinstance(until, FieldMoment) and value is not None:
        value = from_micros(value) if FIELDS[until.field].kind == "time" else as_day(value)
    end = reader.not_after(value, from_micros(seen.due_at[n]), seen.zones[n])
    return end is not None and now > end


def _evidence(now: datetime) -> ColumnElement[Any]:
    """How it is known that they answer e-mails rather, where they did not ask for them."""
    return sa.case((c.preferred_channel.is_(None), evidence(c.id, now, on="email")))


def _plain(reader: Reader, medium: MediumColumns) -> ColumnElement[bool]:
    """Nothing stands against the message; all of it is asked of the judgement's own expressions."""
    step, policy, t = reader.step, reader.policy, medium.table.c
    holds = [inside(reader.pin, step), s.expires_at.is_(None), t.address.is_not(None)]
    holds += [t.undeliverable.is_(None), medium.suppressed().is_(None), sa.not_(reader.repeated())]
    if reader.pin.plan.exits.on or reader.pin.plan.exits.unless is not None:
        holds.append(leaves_now(reader.world, reader.pin).is_(None))
    if step.unless is not None:
        holds.append(sa.not_(compile_condition(step.unless, send_scope(reader.world, reader.pin, step))))
    if policy.rule(step.purpose, medium.medium).consent:
        holds.append(medium.consent())
    holds += [sa.not_(wish) for wish, _ in wishes_against(step.purpose, reader.pin.plan.topic, reader.world.now)]
    holds.append(sa.not_(reader.open_ticket()))
    if medium.gate is not None and step.purpose == "commercial":
        holds.append(medium.register().is_(None))
    if step.medium is None:
        rather = sa.func.coalesce(c.preferred_channel, answers_on(c.id, reader.world.now))
        holds.append(rather.is_distinct_from("sms"))
    holds.append(sa.not_(shares_mailbox(s.customer_id)))
    return sa.and_(*holds, *_far_from_caps(step, medium.medium, policy, reader.world.now))


def _far_from_caps(step: Message, medium: Medium, policy: Policy, now: datetime) -> list[ColumnElement[bool]]:
    """Even if each cap counted all that the customer was sent of late and all that waits for them, there is room."""
    near = [cap for cap in policy.caps if counts(cap, step.purpose, medium)]
    if not near:
        return []
    o, reach = other(sends).c, max(elapsed(cap.within) for cap in near)
    counted = sa.or_(o.state.in_(("queued", "reserved")), o.claimed_at > now - reach)
    held = sa.select(sa.func.count()).where(o.customer_id == s.customer_id, o.id != s.id, counted)
    return [held.correlate_except(other(sends)).scalar_subquery() < min(cap.limit for cap in near)]
