"""Whom journeys may turn to beside the customer: tools outside, the shop's own teams, and the hours of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal

from vefa.plan.steps import Weekday


@dataclass(frozen=True)
class Tool:
    """A tool outside. `url` None: it is a secret, and comes from the environment. `headers`: name and variable.

    `send` None: the shop's own numbers of the customer and of what the journey is about, and nothing else.
    """

    name: str
    url: str | None = None
    takes: Literal["event", "text"] = "event"
    send: tuple[str, ...] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 10

    def variable(self, what: str) -> str:
        """The variable of the environment that holds this tool's `what`."""
        return f"VEFA_TOOL_{self.name.upper().replace('-', '_')}_{what}"


@dataclass(frozen=True)
class Team:
    """People of the shop: by e-mail, each for themselves, or through a tool."""

    name: str
    email: tuple[str, ...] = ()
    tool: str | None = None


@dataclass(frozen=True)
class Hours:
    """When the shop is open, by day of the week. `end` midnight is the day's end."""

    days: Mapping[Weekday, tuple[time, time]] = field(default_factory=dict)
    holidays: bool = False


@dataclass(frozen=True)
class Outside:
    """`config/tools.yaml` and `config/staff.yaml`; `hours` None: the shop has not said when it is open."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    hours: Hours | None = None
