"""Who takes in what waits in the inbox, by its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from vefa.engine.merging import unite_pending
from vefa.inbox import Received, Taker
from vefa.settings import Settings
from vefa.web import sendgrid_hook, twilio_hooks
from vefa.web.mapped_hooks import mapped_takers
from vefa.web.shop_hooks import shop_takers


def takers_of(settings: Settings) -> Mapping[str, Taker]:
    """All takers of this shop."""
    of_customers = {**shop_takers(settings), **mapped_takers(settings)}
    uniting = {kind: _uniting(taker) for kind, taker in of_customers.items()}
    return {**uniting, **sendgrid_hook.TAKERS, **twilio_hooks.TAKERS}


def _uniting(taker: Taker) -> Taker:
    """Who turns out to be one person is one before the messages count as taken in (rule 26)."""

    def united(connection: Connection, rows: Sequence[Received], now: datetime) -> None:
        taker(connection, rows, now)
        unite_pending(connection, now)

    return united
