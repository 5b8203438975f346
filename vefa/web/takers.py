"""Who takes in what: each kind of request that is written down first, by the room that answers for it."""

from __future__ import annotations

from collections.abc import Mapping

from vefa.inbox import Taker

TAKERS: Mapping[str, Taker] = {}
