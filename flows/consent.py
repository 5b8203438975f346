"""The round with İYS as a flow, every quarter of an hour: the same work as `vefa iys`."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed

from flows.lines import run_lines
from tasks.discretion import discreetly
from tasks.steps import told
from vefa.clock import system_clock
from vefa.consent.answers import IysError
from vefa.consent.register import open_register
from vefa.consent.sync import Synced, sync
from vefa.secret_key import secret_of
from vefa.settings import Settings, load_settings
from vefa.store import open_store


@flow(name="vefa-consent", persist_result=False)
async def consent() -> State[Any]:
    """Reads what was said to İYS, and brings there what was said to the shop."""
    settings = load_settings()
    if not settings.iys.enabled:
        return Completed(message="İYS is off")
    with run_lines(settings), discreetly():
        try:
            done = await asyncio.to_thread(_round, settings)
        except IysError as error:
            return Failed(message=str(error))  # a sentence of ours, which quotes nobody
    return Completed(message=summary(done))


def _round(settings: Settings) -> Synced:
    engine = open_store(settings)
    try:
        register = open_register(settings, engine, secret_of(settings))
        if register is None:
            return Synced(0, 0, 0, 0, 0, 0)
        try:
            return sync(engine, register, system_clock)
        finally:
            register.close()
    finally:
        engine.dispose()


def summary(done: Synced) -> str:
    """The round in one sentence."""
    counts = {
        "changes read": done.read,
        "new words": done.new,
        "brought to İYS": done.handed_in,
        "taken": done.done,
        "refused": done.refused,
    }
    return told(counts) if any(counts.values()) else "nothing was said"
