"""Plans to text and back, and the hash that names them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Any

from pydantic import TypeAdapter

from vefa.plan.plans import Plan
from vefa.plan.steps import Coupon, Message, Step

#: Keys that came later: a plan that does not use them is written as if they did not exist.
_LATER = ("topic", "whenever")
_LATER_OF_MESSAGES = ("survey", "test")
_OF_POOLS = ("pool", "ends")


@cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def dump(plan: Plan) -> str:
    """The plan as JSON; `load` gives back an equal plan."""
    return _adapter().dump_json(plan, exclude=_unsaid(plan)).decode()


def _unsaid(plan: Plan) -> dict[str, Any]:
    """What was added to the language later and is not used: such a journey says what it always said, and no new
    version of it is made."""
    bare = {n: unused for n, step in enumerate(plan.steps) if (unused := _unused(step))}
    unsaid: dict[str, Any] = {name: True for name in _LATER if not getattr(plan, name)}
    return unsaid | ({"steps": bare} if bare else {})


def _unused(step: Step) -> set[str]:
    match step:
        case Message():
            return {name for name in _LATER_OF_MESSAGES if getattr(step, name) is None}
        case Coupon(pool=None):
            return set(_OF_POOLS)
    return set()


def load(text: str) -> Plan:
    """The plan that `dump` wrote."""
    return _adapter().validate_json(text)


def plan_hash(plan: Plan) -> str:
    """16 hex digits of what the plan says. Its status is not part of that: pausing makes no new version."""
    return blake2b(dump(replace(plan, status="live")).encode(), digest_size=8).hexdigest()
