"""The way to İYS, opened: everything that asks it, reads from it or writes to it works with this."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from vefa.clock import Clock, system_clock
from vefa.consent.answers import IysBusy
from vefa.consent.gate import Gate
from vefa.database import writing
from vefa.errors import SettingsError
from vefa.ledger import pace
from vefa.settings import Iys, Settings

if TYPE_CHECKING:
    from vefa.consent.client import IysClient

#: How often a second İYS takes each call. A little less than it says, as clocks differ.
RATES: Mapping[str, float] = {
    "token": 9 / 3600,
    "request": 1.9 / 60,
    "outcome": 90 / 60,
    "status": 9.5 / 60,
    "changes": 45 / 60,
}
#: How long a call waits for its turn before it is left to the next round.
PATIENCE, LEAST = 60.0, 0.05

Pause = Callable[[float], None]


@dataclass(frozen=True)
class SharedPace:
    """İYS's limits, kept by all workers on all machines together."""

    engine: Engine
    wall: Clock
    pause: Pause

    def leave(self, name: str) -> None:
        limit, waited = pace.Limit(f"iys:{name}", RATES[name]), 0.0
        while not (grant := pace.take(self.engine, (limit,), 1, self.wall())).granted:
            wait = max(grant.wait, LEAST)  # what is missing may be less than a clock can tell
            if waited + wait > PATIENCE:
                raise IysBusy(PATIENCE)
            self.pause(wait)
            waited += wait

    def quiet(self, name: str, seconds: float) -> None:
        wall = self.wall()
        with writing(self.engine) as connection:
            pace.hold(connection, f"iys:{name}", wall + timedelta(seconds=seconds), wall)


@dataclass(frozen=True)
class Register:
    """İYS for one shop: what it is told of, how it is asked, and whom it lets through."""

    settings: Iys
    client: IysClient = field(repr=False)
    gate: Gate

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()


def open_register(
    settings: Settings, engine: Engine, secret: bytes, *, wall: Clock = system_clock, pause: Pause = time.sleep
) -> Register | None:
    """İYS as the settings have it; None where it is off. SettingsError where its user or password is not set."""
    if not settings.iys.enabled:
        return None
    user, password = settings.iys_user, settings.iys_password.get_secret_value()
    for value, variable in ((user, "VEFA_IYS_USER"), (password, "VEFA_IYS_PASSWORD")):
        if not value.strip():
            raise SettingsError(f"the settings say `iys: {{enabled: true}}`, but {variable} is not set")
    from vefa.consent.client import IysClient  # and its libraries, only where İYS is on
    from vefa.consent.tokens import SharedTokens

    client = IysClient(
        settings.iys,
        user,
        password,
        timeout=settings.provider_timeout_seconds,
        tokens=SharedTokens(engine, secret, wall),
        pace=SharedPace(engine, wall, pause),
    )
    return Register(settings.iys, client, Gate(settings.shop.country, settings.iys.merchant_tag))
