"""Who takes in what waits in the inbox, by its kind."""

from __future__ import annotations

from collections.abc import Mapping

from vefa.inbox import Taker
from vefa.settings import Settings
from vefa.web import sendgrid_hook, twilio_hooks
from vefa.web.mapped_hooks import mapped_takers
from vefa.web.shop_hooks import shop_takers


def takers_of(settings: Settings) -> Mapping[str, Taker]:
    """All takers of this shop."""
    return {**shop_takers(settings), **mapped_takers(settings), **sendgrid_hook.TAKERS, **twilio_hooks.TAKERS}
