"""Everything that judging reserved messages needs, read as of now in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.consent.gate import Gate
from vefa.crm.answers import answers_on, evidence
from vefa.crm.conditions import compile_condition
from vefa.crm.fields import FIELDS
from vefa.crm.scope import World
from vefa.crm.tables import customers
from vefa.database import Instant, among, other
from vefa.engine.exits import leaves_now
from vefa.engine.mailboxes import sharing_customers
from vefa.engine.movement import inside
from vefa.engine.plans import Pinned, elapsed
from vefa.engine.policy import Candidate, Contact, Counted, Rival
from vefa.engine.post import Post
from vefa.engine.reach import MediumColumns, unwished
from vefa.engine.scopes import customer_scope, send_scope
from vefa.engine.tables import enrolments, journeys
from vefa.engine.timing import as_moment, end_of_day, move
from vefa.ledger.claims import Batch, unclaimed
from vefa.ledger.tables import sends
from vefa.plan.policy import Policy
from vefa.plan.steps import MEDIA, FieldMoment, Medium, Message, SameDay

s, e, c = sends.c, enrolments.c, customers.c


@dataclass(frozen=True)
class Reader:
    """Reads the candidates of one message step, as the policy judges them. `asks_leave`: its words ask whether
    commercial ones may stand among them."""

    world: World
    pin: Pinned
    step: Message
    policy: Policy
    gate: Gate | None = None
    asks_leave: bool = False

    @classmethod
    def of(cls, post: Post, now: datetime, *, asks_leave: bool = False) -> Reader:
        """The reader of a step being delivered, at a moment."""
        return cls(replace(post.world, now=now), post.pin, post.step, post.shop.policy, post.gate, asks_leave)

    def medium(self, medium: Medium) -> MediumColumns:
        """What is asked of one medium."""
        return MediumColumns(medium, self.step.purpose, self.world, self.gate, asks_leave=self.asks_leave)

    def read(self, connection: Connection, ids: Sequence[int]) -> list[Candidate]:
        """The candidates of those sends, in the order of the ledger's numbers."""
        found = [self.medium(medium) for medium in MEDIA]
        scope = send_scope(self.world, self.pin, self.step)
        columns: list[Any] = [
            s.id,
            s.enrolment_id,
            s.customer_id,
            c.bucket,
            c.zone,
            c.country,
            c.language,
            c.preferred_channel,
            *self._learned(),
            s.due_at,
            s.expires_at,
            s.reason,
            inside(self.pin, self.step).label("active"),
            leaves_now(self.world, self.pin).label("leaves"),
            (compile_condition(self.step.unless, scope) if self.step.unless else sa.false()).label("hindered"),
            self.repeated().label("repeated"),
            unwished(self.step.purpose, self.pin.plan.topic, self.world.now).label("unwished"),
            self.open_ticket().label("open_ticket"),
            self.not_after_field().label("not_after"),
            *(column for medium in found for column in medium.columns()),
        ]
        source = sa.join(sends, enrolments, e.id == s.enrolment_id).join(customers, c.id == s.customer_id)
        for medium in found:
            source = medium.join(source)
        rows = connection.execute(sa.select(*columns).select_from(source).where(among(s.id, ids)).order_by(s.id))
        return [self._candidate(row) for row in rows]

    def _learned(self) -> list[Any]:
        """Where they answer rather, and how that is known: of steps that leave the medium to the customer."""
        found = [answers_on(c.id, self.world.now), evidence(c.id, self.world.now)]
        if self.step.medium is not None:
            found = [sa.cast(sa.null(), sa.Text)] * 2
        return [column.label(name) for column, name in zip(found, ("answers_on", "evidence"), strict=True)]

    def repeated(self) -> ColumnElement[bool]:
        """A template that went out under an older plan of this enrolment, under whatever step (rule 21)."""
        before = other(sends)
        return (
            sa.exists()
            .where(
                before.c.enrolment_id == s.enrolment_id,
                before.c.id != s.id,
                before.c.occasion == s.occasion,
                before.c.template == s.template,
                before.c.plan_id != s.plan_id,
                before.c.state.in_(("sent", "claimed", "unknown")),
            )
            .correlate_except(before)
        )

    def open_ticket(self) -> ColumnElement[bool]:
        """A complaint or question of theirs is open, which the policy minds of commercial messages."""
        if self.policy.open_ticket is None or self.step.purpose != "commercial":
            return sa.false()
        open_ones: ColumnElement[int] = FIELDS["tickets.open"].sql(customer_scope(self.world, s.customer_id))
        return open_ones > 0

    def not_after_field(self) -> Any:
        """The field that the step's `not_after` counts from."""
        if isinstance(self.step.not_after, FieldMoment):
            return FIELDS[self.step.not_after.field].sql(send_scope(self.world, self.pin, self.step))
        return sa.cast(sa.null(), sa.BigInteger)

    def not_after(self, value: datetime | date | None, due_at: datetime, zone: str) -> datetime | None:
        """The last moment for a message, given its field's value and when it was due."""
        match self.step.not_after:
            case FieldMoment(_, offset) if value is not None:
                end = move(as_moment(value, zone), offset, zone)
                return end if isinstance(value, datetime) else end_of_day(end, zone)
            case SameDay():
                return end_of_day(due_at, zone)
        return None

    def _candidate(self, row: Any) -> Candidate:
        reached = {}
        for medium in MEDIA:
            found = (row._mapping[f"{medium}_{n}"] for n in MediumColumns.NAMES)
            address, undeliverable, suppressed, consent, register, allowed = found
            if address is not None:
                reached[medium] = Contact(address, undeliverable, suppressed, bool(consent), register, bool(allowed))
        return Candidate(
            send_id=row.id,
            enrolment_id=row.enrolment_id,
            customer_id=row.customer_id,
            bucket=row.bucket,
            zone=row.zone,
            country=row.country,
            language=row.language,
            preferred=row.preferred_channel,
            answers_on=row.answers_on,
            evidence=row.evidence,
            active=bool(row.active),
            leaves=row.leaves,
            unless=bool(row.hindered),
            repeated=bool(row.repeated),
            due_at=row.due_at,
            expires_at=row.expires_at,
            not_after=self.not_after(row.not_after, row.due_at, row.zone),
            contacts=reached,
            deferred_for=row.reason,
            unwished=row.unwished,
            open_ticket=bool(row.open_ticket),
        )


def lock_customers(connection: Connection, batch: Batch, *, all_of_them: bool) -> None:
    """Let nobody else write to the mailboxes that the batch's customers share with others, nor, for caps
    (`all_of_them`), to any of them, until the transaction ends (rule 17). SQLite's lock is the whole."""
    if connection.dialect.name == "postgresql":
        whose = [c.id.in_(sharing_customers(batch))]
        if all_of_them:
            whose.append(c.id.in_(sa.select(s.customer_id).where(unclaimed(batch))))
        query = sa.select(c.id).where(sa.or_(*whose)).order_by(c.id).with_for_update(key_share=True)
        connection.execute(query)


def read_counted(connection: Connection, customer_ids: Sequence[int], policy: Policy, now: datetime) -> list[Counted]:
    """Messages of these customers that went out, are in doubt or under way, as far back as any cap looks."""
    if not policy.caps:
        return []
    reach = max((elapsed(cap.within) for cap in policy.caps), default=timedelta(0))
    query = sa.select(s.customer_id, s.purpose, s.medium, s.claimed_at).where(
        among(s.customer_id, customer_ids),
        s.state.in_(("claimed", "sent", "unknown")),
        s.claimed_at > sa.literal(now - reach, Instant()),
    )
    return [Counted(*row) for row in connection.execute(query)]


def read_rivals(connection: Connection, customer_ids: Sequence[int], policy: Policy, now: datetime) -> list[Rival]:
    """All live journeys' messages that are due to these customers now, ranked by priority, due time and id."""
    if not policy.caps:
        return []
    query = (
        sa.select(s.id, s.customer_id, s.purpose, s.medium, journeys.c.name, s.due_at)
        .join_from(sends, enrolments, e.id == s.enrolment_id)
        .join(journeys, journeys.c.id == s.journey_id)
        .where(
            among(s.customer_id, customer_ids),
            s.state.in_(("queued", "reserved")),
            s.not_before <= sa.literal(now, Instant()),
            sa.or_(e.state == "active", sa.and_(s.occasion != 0, e.state == "finished")),
            journeys.c.state.in_(("live", "closing")),
        )
    )
    return [
        Rival(send_id, customer, purpose, medium, (policy.rank(name), due, send_id))
        for send_id, customer, purpose, medium, name, due in connection.execute(query)
    ]
