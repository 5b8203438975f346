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
from flows.standing import read_states
from vefa.clock import system_clock
from vefa.database import reading, writing
from vefa.engine.plans import State, set_state

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

#: States in which a journey has a deployment that runs.
RUNNING: tuple[State, ...] = ("live", "closing")


@dataclass(frozen=True)
class Move:
    """What must be done so that both sides agree on one journey: the state ours gets, and whether theirs is paused."""

    state: State
    paused: bool
    paused_from: State | None


def agree(state: State, known: Known) -> Move | None:
    """Whose word is newer; None where both agree already, or where the journey is not to run at all."""
    if state not in (*RUNNING, "paused"):
        return None
    before = known.paused_in_git or known.paused_from is not None
    ours = state == "paused"
    paused = known.paused if known.paused != before else ours
    if paused == ours == known.paused == before:
        return None
    if paused:
        return Move("paused", True, known.paused_from or (state if state in RUNNING else "live"))
    return Move(state if ours is False else known.paused_from or "live", False, None)


async def mirror_pauses(client: PrefectClient, database: Engine, now: datetime) -> dict[str, Move]:
    """Brings both sides together for all journeys, and says what it did."""
    known = await read_known(client)
    states = await asyncio.to_thread(_states, database)
    moves = {name: agree(states[name], each) for name, each in known.items() if name in states}
    done = {name: move for name, move in moves.items() if move is not None}
    await asyncio.to_thread(_write, database, done, states, now)
    for name, move in done.items():
        await set_paused(client, known[name], move.paused, move.paused_from)
    return done


async def mirror_pauses_now(database: Engine) -> dict[str, Move]:
    """The same, over the server that the Prefect settings name: a flow run's own."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return await mirror_pauses(client, database, system_clock())


def _states(database: Engine) -> dict[str, State]:
    with reading(database) as connection:
        return read_states(connection)


def _write(database: Engine, moves: Mapping[str, Move], states: Mapping[str, State], now: datetime) -> None:
    changed = {name: move for name, move in moves.items() if move.state != states[name]}
    if not changed:
        return
    with writing(database) as connection:
        for name, move in changed.items():
            set_state(connection, name, move.state, now)
