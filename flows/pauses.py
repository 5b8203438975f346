"""A pause is a pause, wherever it was said: in the Prefect UI or in our database (rule 22).

Our database decides what may be sent; Prefect shows it and stops the schedule. Each deployment bears a tag
that tells which pause both sides know of, so that a change on either side is told from an old state of the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from flows.reconciler import Known, read_known, set_paused
from flows.standing import Stand, read_stands
from vefa.clock import system_clock
from vefa.database import reading, writing
from vefa.engine.plans import State, set_state

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient


@dataclass(frozen=True)
class Move:
    """What must be done so that both sides agree on one journey: the state it gets, and whether Prefect pauses it."""

    state: State
    paused: bool


def agree(stand: Stand, known: Known) -> Move | None:
    """Whose word is newer; None where both agree already, or where the journey is not to run at all."""
    if stand.state not in ("live", "closing", "paused"):
        return None
    ours, theirs, before = stand.state == "paused", known.paused, known.paused_before
    paused = theirs if theirs != before else ours
    if paused == ours == theirs == before:
        return None
    return Move("paused" if paused else stand.running, paused)


async def mirror_pauses(client: PrefectClient, database: Engine, now: datetime) -> dict[str, Move]:
    """Brings both sides together for all journeys, and says what it did."""
    known = await read_known(client)
    stands = await asyncio.to_thread(_stands, database)
    moves = {name: agree(stands[name], each) for name, each in known.items() if name in stands}
    done = {name: move for name, move in moves.items() if move is not None}
    await asyncio.to_thread(_write, database, done, stands, now)
    for name, move in done.items():
        await set_paused(client, known[name], move.paused)
    return done


async def mirror_pauses_now(database: Engine) -> dict[str, Move]:
    """The same, over the server that the Prefect settings name: a flow run's own."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return await mirror_pauses(client, database, system_clock())


def _stands(database: Engine) -> dict[str, Stand]:
    with reading(database) as connection:
        return read_stands(connection)


def _write(database: Engine, moves: Mapping[str, Move], stands: Mapping[str, Stand], now: datetime) -> None:
    changed = {name: move for name, move in moves.items() if move.state != stands[name].state}
    if not changed:
        return
    with writing(database) as connection:
        for name, move in changed.items():
            set_state(connection, name, move.state, now)
