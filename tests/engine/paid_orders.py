"""Somebody comes to a message, and what may befall the process that sends it."""

from __future__ import annotations

import pytest

from tests.engine.worlds import NOON, World, email, make_plan, wait


class Crash(BaseException):
    """The process is gone between the request and the settlement."""


def order_paid(world: World, purpose: str = "commercial", **more: object) -> None:
    """Somebody comes to a message, and a rest of a day follows it."""
    step = email(next="rest", purpose=purpose, **more)
    world.deploy(make_plan(step, wait("rest", None, days=1), purpose=purpose))
    world.order(world.customer(), NOON)


def crash(world: World) -> None:
    world.email.script.append(Crash())
    with pytest.raises(Crash):
        world.tick(NOON)
