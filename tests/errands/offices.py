"""A little world whose journeys speak to staff and to tools."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import World
from vefa.clock import stopped_at
from vefa.engine.errands import Ran, run_errands
from vefa.errands.tables import errands
from vefa.plan.outside import Hours, Outside, Team, Tool
from vefa.plan.steps import Notify, Webhook
from vefa.settings import Settings

CARE = Team("care-team", ("destek@ornek.example",))
KEY = "a key of tests, long enough"


class Office(World):
    """A world with a care team; `outside` may be set anew."""

    def __init__(self, database: sa.Engine, settings: Settings) -> None:
        super().__init__(database, settings)
        self.knows(Outside(teams={"care-team": CARE}))

    def knows(self, outside: Outside) -> None:
        """From now on these are the shop's tools and teams."""
        object.__setattr__(self.shop, "outside", outside)

    def run(self, at: datetime, *, wall: datetime | None = None, owner: str = "runner") -> Ran:
        """Bring out what is due, without a walk."""
        return run_errands(self.shop, clock=stopped_at(at), wall=stopped_at(wall or at), owner=owner)

    def errands(self) -> list[Any]:
        return self.rows(errands)

    def errand(self) -> Any:
        (row,) = self.errands()
        return row

    def states(self) -> list[str]:
        return [row.state for row in self.errands()]


def notify(key: str = "tell", next: str | None = None, **more: Any) -> Notify:
    given: dict[str, Any] = {"id": key, "team": "care-team", "say": "{{ customer.first_name }} bekliyor"}
    return Notify(key=key, next=next, **(given | more))


def webhook(key: str = "hook", next: str | None = None, **more: Any) -> Webhook:
    return Webhook(key=key, next=next, **({"id": key, "tool": "board"} | more))


def open_on(**days: Any) -> Hours:
    holidays = days.pop("holidays", False)
    return Hours(days, holidays)


def tools(*each: Tool) -> dict[str, Tool]:
    return {tool.name: tool for tool in each}
