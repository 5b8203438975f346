"""Plans to text and back, and the hash that names them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Any

from pydantic import TypeAdapter

from vefa.plan.steps import Coupon, Plan


@cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def dump(plan: Plan) -> str:
    """The plan as JSON; `load` gives back an equal plan."""
    return _adapter().dump_json(plan, exclude=_unsaid(plan)).decode()


def _unsaid(plan: Plan) -> dict[str, Any]:
    """What is left out: a journey that does not use a newer word says what it said before there was that word, so no
    new version of it is made."""
    made = {n: {"pool", "ends"} for n, step in enumerate(plan.steps) if isinstance(step, Coupon) and step.pool is None}
    return {**({} if plan.topic else {"topic": True}), **({"steps": made} if made else {})}


def load(text: str) -> Plan:
    """The plan that `dump` wrote."""
    return _adapter().validate_json(text)


def plan_hash(plan: Plan) -> str:
    """16 hex digits of what the plan says. Its status is not part of that: pausing makes no new version."""
    return blake2b(dump(replace(plan, status="live")).encode(), digest_size=8).hexdigest()
