"""A round with İYS: what was said there is read, what was said here is brought there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Engine

from vefa.clock import Clock
from vefa.consent.offers import offer, settle
from vefa.consent.pull import pull
from vefa.consent.push import push
from vefa.consent.register import Register


@dataclass(frozen=True)
class Synced:
    """What a round did: lines read, words new to us, words kept for İYS, handed in, taken and refused by it."""

    read: int
    new: int
    offered: int
    handed_in: int
    done: int
    refused: int


def sync(engine: Engine, register: Register, clock: Clock) -> Synced:
    """A whole round. Raises IysError where İYS cannot be asked; what is done by then is kept."""
    pulled = pull(engine, register.client, clock)
    offered = offer(engine, register, clock())
    settle(engine, clock())
    pushed = push(engine, register, clock)
    return Synced(pulled.read, pulled.new, offered, pushed.handed_in, pushed.done, pushed.refused)
