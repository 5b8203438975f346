"""Who takes in what waits in the inbox, by its kind."""

from __future__ import annotations

from collections.abc import Mapping

from vefa.inbox import Taker
from vefa.settings import Settings
from vefa.web import sendgrid_hook, twilio_hooks


def takers_of(_settings: Settings) -> Mapping[str, Taker]:
    """All takers of this shop."""
    return {**sendgrid_hook.TAKERS, **twilio_hooks.TAKERS}
