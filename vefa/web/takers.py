"""Who takes in what of the inbox: one table for the consumer."""

from __future__ import annotations

from collections.abc import Mapping

from vefa.inbox import Taker
from vefa.web import sendgrid_hook, twilio_hooks

TAKERS: Mapping[str, Taker] = {**sendgrid_hook.TAKERS, **twilio_hooks.TAKERS}
