"""A small shop for tests of the engine: customers, orders and events put in by hand, ticks at given moments."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import sqlalchemy as sa

from vefa.channels.base import Accepted, Outcome, Outgoing
from vefa.clock import stopped_at
from vefa.crm.happenings import Kind, mark_stale, record_events
from vefa.crm.identity import address_key, bucket
from vefa.crm.tables import consents, contacts, customers, events, orders, suppressions
from vefa.database import reading, writing
from vefa.engine.plans import OnChange, State, Stored, set_state, store_plan
from vefa.engine.reports import TickReport
from vefa.engine.shop import Shop, open_shop
from vefa.engine.tables import considered, enrolments, journeys, step_names
from vefa.engine.tick import Tick
from vefa.engine.walks import run_tick
from vefa.language.conditions import Duration, EventScope
from vefa.ledger.tables import batches, send_history, sends
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy
from vefa.plan.steps import Message, Step, WaitFor
from vefa.plan.ways_in import EventTrigger
from vefa.settings import Settings

#: A Tuesday, 12:00 in Istanbul.
NOON = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ISTANBUL = "Europe/Istanbul"
BERLIN = "Europe/Berlin"

Answer = Outcome | BaseException | Callable[[Outgoing], Outcome]


class Mailbox:
    """A channel in memory. It keeps what it got, and answers from its script, else that all is well.

    An exception in the script ends the worker as a crash would: the message was handed over, no answer came.
    """

    def __init__(self, medium: Any, name: str, batch_size: int = 100) -> None:
        self.medium, self.name, self.batch_size = medium, name, batch_size
        self.got: list[Any] = []
        self.script: deque[Answer] = deque()

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        return [self._answer(message) for message in messages]

    def _answer(self, message: Outgoing) -> Outcome:
        self.got.append(message)
        answer = self.script.popleft() if self.script else Accepted(f"p-{message.ref}")
        if isinstance(answer, BaseException):
            raise answer
        return answer(message) if callable(answer) else answer

    def close(self) -> None:
        """Nothing to let go of."""

    @property
    def addresses(self) -> list[str]:
        return [message.to for message in self.got]


class World:
    """One shop's database, channels and clock."""

    def __init__(self, database: sa.Engine, settings: Settings, policy: Policy | None = None) -> None:
        self.database = database
        self.email, self.sms = Mailbox("email", "post"), Mailbox("sms", "phone")
        self.settings = settings
        self.shop: Shop = open_shop(
            settings,
            database=database,
            channels={"email": self.email, "sms": self.sms},
            policy=policy or Policy(),
        )
        self.words("note", "Merhaba {{ customer.first_name }}")
        self._numbers = count(1)

    def under(self, policy: Policy) -> None:
        """From now on the shop has this policy."""
        channels = {"email": self.email, "sms": self.sms}
        self.shop = open_shop(self.settings, database=self.database, channels=channels, policy=policy)

    def words(self, name: str, text: str) -> None:
        """Write a template's words, as e-mail and as SMS."""
        folder = self.settings.root / "journeys" / "templates"
        (folder / f"{name}.tr.html").write_text(f"<html><body><p>{text}</p></body></html>", encoding="utf-8")
        (folder / f"{name}.tr.sms.txt").write_text(text, encoding="utf-8")
        self.shop.templates.refresh()

    # --- what is given

    def insert(self, table: sa.Table, **values: Any) -> int:
        with writing(self.database) as connection:
            result = connection.execute(sa.insert(table).values(values))
            return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0

    def customer(
        self, name: str = "Ada", *, email: bool = True, sms: bool = False, consent: bool = True, **columns: Any
    ) -> int:
        """A customer with addresses, and with consent to commercial words unless said otherwise."""
        outside_id = columns.pop("outside_id", f"{name}-{next(self._numbers)}")
        row = {
            "outside_id": outside_id,
            "first_name": name,
            "zone": ISTANBUL,
            "language": "tr",
            "known_at": NOON - 400 * DAY,
            "bucket": bucket(outside_id),
        }
        number = self.insert(customers, **(row | columns))
        ways = {"email": (email, f"{outside_id}@ornek.example"), "sms": (sms, f"+9053200000{number:02}")}
        for channel, (wanted, address) in ways.items():
            if wanted:
                key = address_key(address)
                self.insert(contacts, customer_id=number, channel=channel, address=address, address_key=key)
                if consent:
                    self.consent(number, channel=channel)
        return number

    def consent(
        self, customer: int, *, granted: bool = True, channel: str = "email", at: datetime = NOON - 300 * DAY
    ) -> None:
        self.insert(
            consents,
            customer_id=customer,
            channel=channel,
            purpose="commercial",
            granted=granted,
            source="test",
            occurred_at=at,
            known_at=at,
        )

    def suppress(self, customer: int, at: datetime, *, channel: str = "email", purpose: str | None = None) -> None:
        """Nothing of that purpose goes to the customer's address from now on."""
        with reading(self.database) as connection:
            where = sa.and_(contacts.c.customer_id == customer, contacts.c.channel == channel)
            key = connection.scalar(sa.select(contacts.c.address_key).where(where))
        self.insert(
            suppressions,
            channel=channel,
            address_key=key,
            purpose=purpose,
            reason="complained",
            occurred_at=at,
            known_at=at,
        )

    def spoil(self, customer: int) -> None:
        """Nothing can be delivered to the customer any more."""
        with writing(self.database) as connection:
            mine = contacts.c.customer_id == customer
            connection.execute(sa.update(contacts).where(mine).values(undeliverable="mailbox full"))

    def order(self, customer: int | None, placed: datetime, *, known: datetime | None = None, **columns: Any) -> int:
        """An order, its events and its mark on the customer's roll-up."""
        outside_id = columns.pop("outside_id", f"o-{next(self._numbers)}")
        row: dict[str, Any] = {
            "source": "shop",
            "outside_id": outside_id,
            "number": outside_id,
            "customer_id": customer,
            "total": Decimal(100),
            "currency": "TRY",
            "placed_at": placed,
            "placed_known_at": known or placed,
        }
        return self.fact(orders, "order", **(row | _known(columns)))

    def fact(self, table: sa.Table, kind: Kind, **columns: Any) -> int:
        """A row of a fact table with its events."""
        given = {"source": "shop", "outside_id": f"{kind}-{next(self._numbers)}"} | _known(columns)
        number = self.insert(table, **given)
        self._recorded(table, kind, number)
        return number

    def change(self, table: sa.Table, kind: Kind, number: int, **columns: Any) -> None:
        """A correction or a further moment of a row, with its events."""
        with writing(self.database) as connection:
            connection.execute(sa.update(table).where(table.c.id == number).values(_known(columns)))
        self._recorded(table, kind, number)

    def _recorded(self, table: sa.Table, kind: Kind, number: int) -> None:
        with writing(self.database) as connection:
            record_events(connection, kind, [number])
            if table is orders:
                owner = connection.scalar(sa.select(orders.c.customer_id).where(orders.c.id == number))
                mark_stale(connection, [owner] if owner else [])

    def happen(self, name: str, customer: int, at: datetime, *, known: datetime | None = None, **columns: Any) -> int:
        """An event of its own, without a fact row."""
        key = f"e-{next(self._numbers)}"
        row = {"source": "shop", "type": name, "object_key": key, "customer_id": customer}
        return self.insert(events, **(row | {"occurred_at": at, "known_at": known or at} | columns))

    # --- what is done

    def deploy(self, plan: Plan, at: datetime = NOON, on_change: OnChange | None = None, **more: Any) -> Stored:
        with writing(self.database) as connection:
            return store_plan(connection, plan, at, on_change, **more)

    def turn(self, journey: str, state: State, at: datetime) -> None:
        """Pause, resume or close a journey by hand."""
        with writing(self.database) as connection:
            set_state(connection, journey, state, at)

    def tick(self, at: datetime, journey: str = "thanks", *, wall: datetime | None = None, **more: Any) -> TickReport:
        clock = more.pop("clock", stopped_at(at))
        return run_tick(self.shop, journey, clock=clock, owner="test", wall=stopped_at(wall or at), **more)

    def begin(self, at: datetime, journey: str = "thanks", *, owner: str = "test") -> Tick:
        return Tick.begin(self.shop, journey, clock=stopped_at(at), owner=owner, wall=stopped_at(at))

    def walk(self, tick: Tick) -> TickReport:
        """The rest of a walk that was begun by hand."""
        tick.enter()
        for step in tick.steps():
            tick.advance(step)
        return tick.finish()

    # --- what is seen

    def rows(self, table: sa.Table, *where: Any) -> list[Any]:
        key = next(iter(table.primary_key))
        with reading(self.database) as connection:
            return list(connection.execute(sa.select(table).where(*where).order_by(key)))

    def enrolments(self, journey: str = "thanks") -> list[Any]:
        which = sa.select(journeys.c.id).where(journeys.c.name == journey)
        return self.rows(enrolments, enrolments.c.journey_id.in_(which))

    def enrolment(self, journey: str = "thanks") -> Any:
        (row,) = self.enrolments(journey)
        return row

    def place(self, journey: str = "thanks") -> str | None:
        """The key of the step at which the only enrolment stands."""
        number = self.enrolment(journey).step
        with reading(self.database) as connection:
            return connection.scalar(sa.select(step_names.c.name).where(step_names.c.id == number))

    def sends(self) -> list[Any]:
        return self.rows(sends)

    def send(self) -> Any:
        (row,) = self.sends()
        return row

    def reserved(self) -> bool:
        """Whether the only batch is a worker's, and none of its messages is claimed yet."""
        owners = [row.owner for row in self.rows(batches)]
        return len(owners) == 1 and owners[0] is not None and self.send().state == "queued"

    def history(self) -> list[str]:
        return [row.what for row in self.rows(send_history)]

    def outcomes(self) -> list[str]:
        """What became of the events that were looked at, in the order of the events."""
        with reading(self.database) as connection:
            return list(connection.scalars(sa.select(considered.c.outcome).order_by(considered.c.event_id)))


def _known(columns: dict[str, Any]) -> dict[str, Any]:
    """Moments are known when they happen unless said otherwise."""
    extra = {
        name.replace("_at", "_known_at"): value
        for name, value in columns.items()
        if name.endswith("_at") and "known" not in name and name not in ("promised_at", "created_at")
    }
    return extra | columns


# --- plans made by hand

PLACED = EventTrigger("order.placed", "order")
DELIVERED = EventTrigger("order.delivered", "order")


def make_plan(*steps: Step, journey: str = "thanks", trigger: Any = PLACED, **more: Any) -> Plan:
    return Plan(journey=journey, name=journey.title(), trigger=trigger, steps=steps, **more)


def email(key: str = "hello", next: str | None = None, **more: Any) -> Message:
    given: dict[str, Any] = {
        "id": key,
        "medium": "email",
        "template": "note",
        "purpose": "commercial",
        "subject": {"tr": "Merhaba"},
    }
    return Message(key=key, next=next, **(given | more))


def wait(key: str, next: str | None, *, days: int = 0, seconds: int = 0, hours: int = 0, **more: Any) -> WaitFor:
    return WaitFor(key, key, next, Duration(days, seconds + hours * 3600), **more)


def here(event: str) -> EventScope:
    return EventScope(event)


def anywhere(event: str) -> EventScope:
    return EventScope(event, of_customer=True)


def istanbul(day: date, clock: str) -> datetime:
    """A moment by the clock of Istanbul, in UTC (three hours behind, all year)."""
    hour, minute = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - 3 * HOUR


def deliver(tick: Tick) -> None:
    """The rest of a walk whose first part is done."""
    for step in tick.steps():
        tick.advance(step)
    tick.finish()
