"""A small shop with İYS on, and what its tests see of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import NOON, World
from vefa.channels.fakes.iys import FakeIys
from vefa.consent.pull import Pulled, pull
from vefa.consent.register import Register, open_register
from vefa.consent.tables import iys_recipients
from vefa.crm.identity import address_key
from vefa.crm.tables import consents
from vefa.engine.reports import TickReport
from vefa.engine.shop import open_shop
from vefa.plan.policy import Policy
from vefa.settings import Iys, Settings

SECRET = b"a secret of tests only, long enough to sign with"


class Hands:
    """A clock: it stands until somebody waits or moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.waited = 0.0

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> None:
        self.moment += by


class Kept(World):
    """The engine's small world, kept watch over by İYS."""

    def __init__(self, database: sa.Engine, settings: Settings, iys: FakeIys, hands: Hands) -> None:
        super().__init__(database, settings.model_copy(update={"iys": Iys()}))
        self.settings, self.policy = settings, Policy()
        self.iys, self.hands = iys, hands
        found = open_register(settings, database, SECRET, wall=hands.now, pause=hands.wait)
        assert found is not None
        self.register: Register = found
        self.under(self.policy)

    def under(self, policy: Policy) -> None:
        channels = {"email": self.email, "sms": self.sms}
        given = {"database": self.database, "channels": channels, "policy": policy}
        self.shop = open_shop(self.settings, register=self.register, **given)

    def close(self) -> None:
        self.register.close()

    def walk_now(self, **more: Any) -> TickReport:
        """A tick at the moment of the clock."""
        return self.tick(self.hands.now(), **more)

    def pull(self) -> Pulled:
        return pull(self.database, self.register.client, self.hands.now)

    def log(self, customer: int | None = None) -> list[tuple[Any, ...]]:
        """Who said what by which way, when and where, in the order of saying it."""
        where = () if customer is None else (consents.c.customer_id == customer,)
        rows = self.rows(consents, *where)
        told = [(row.customer_id, row.channel, row.granted, row.occurred_at, row.source) for row in rows]
        return sorted(told, key=lambda row: (row[0], row[3], row[1], row[2]))

    def mirror(self) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        """What İYS is known to say, by channel, address and recipient type."""
        rows = self.rows(iys_recipients)
        return {
            (row.channel, row.address_key, row.recipient_type): (row.status, row.said_at, row.source, row.approved)
            for row in rows
        }

    def stands(self, channel: str, address: str, recipient_type: str = "BIREYSEL") -> str | None:
        """What the mirror has as the newest word on an address."""
        found = self.mirror().get((channel, address_key(address), recipient_type))
        return None if found is None else found[0]


def mail(number: int) -> str:
    """The address of a made-up customer."""
    return f"Ada-{number}@ornek.example"


LONG_AGO = NOON - timedelta(days=100)
