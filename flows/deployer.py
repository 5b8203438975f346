"""A whole deploy: check everything, store the plans, make Prefect agree, and say what was done.

The plans are stored in one transaction, all or none, before Prefect hears of any; a deploy that breaks off
later is mended by repeating it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from sqlalchemy.engine import Connection, Engine

from flows.automations import Target, ensure_automations
from flows.deployments import HOUSE, INCIDENT, deployments, house
from flows.pauses import mirror_pauses
from flows.reconciler import Known, Wish, apply, ensure_work_pool, read_known, remove
from flows.standing import read_stands
from vefa.database import writing
from vefa.engine.plans import OnChange, State, set_state, store_plan
from vefa.errors import UserError
from vefa.settings import Settings

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

    from vefa.plan.project import Project

ON_CHANGE: dict[str, OnChange] = {choice: choice for choice in get_args(OnChange)}


@dataclass(frozen=True)
class Choices:
    """What becomes of customers inside a changed journey: for all journeys, and for single ones."""

    default: OnChange | None = None
    single: Mapping[str, OnChange] | None = None

    def of(self, journey: str) -> OnChange | None:
        return (self.single or {}).get(journey, self.default)


@dataclass(frozen=True)
class Line:
    """What the deploy did to one journey."""

    journey: str
    change: str
    version: str
    state: str
    next_run: datetime | None
    note: str = ""


@dataclass(frozen=True)
class Deploy:
    """One deploy's ingredients. `directory` is where workers find the project."""

    settings: Settings
    project: Project
    database: Engine
    choices: Choices
    directory: str
    now: datetime

    async def run(self, client: PrefectClient) -> tuple[Line, ...]:
        """Everything, in the order in which it is safe to break off."""
        await ensure_work_pool(client)
        await mirror_pauses(client, self.database, self.now)
        known = await read_known(client)
        wishes, gone = await asyncio.to_thread(self._store)
        lines = [await self._apply(client, wish, known.get(name)) for name, wish in wishes.items()]
        for name in set(known) - set(wishes):
            await remove(client, known[name])
        await self._furnish(client, wishes)
        for name in {*gone, *known} - set(wishes):
            state = "draft" if name in self.project.plans else "gone"
            lines.append(Line(name, "removed", "", state, None))
        return tuple(sorted(lines, key=lambda line: line.journey))

    async def _furnish(self, client: PrefectClient, wishes: Mapping[str, Wish]) -> None:
        """The house's own deployments, which a person may have paused too, and what the server does by itself."""
        known = await read_known(client, HOUSE)
        for wanted in house(self.settings.shop.zone):
            kept = known.get(wanted.journey)
            wish = Wish(wanted, "paused" if kept and kept.paused else "live")
            await apply(client, wish, kept, self.directory)
        incident = (await read_known(client, HOUSE))[INCIDENT].id
        journeys = await read_known(client)
        targets = {name: Target(wish.deployment, journeys[name].id) for name, wish in wishes.items()}
        await ensure_automations(client, targets, incident)

    def _store(self) -> tuple[dict[str, Wish], tuple[str, ...]]:
        """Plans and states into our database; gives what Prefect is to have, and which journeys have left git."""
        with writing(self.database) as connection:
            before = read_stands(connection)
            states = self._store_plans(connection)
            gone = tuple(name for name, stand in before.items() if name not in states and stand.state != "gone")
            for name in gone:
                set_state(connection, name, "gone", self.now)
        wanted = deployments(self.project.plans, self.settings.shop.zone)
        return {each.journey: Wish(each, states[each.journey]) for each in wanted}, gone

    def _store_plans(self, connection: Connection) -> dict[str, State]:
        states, refused = {}, []
        for name, plan in self.project.plans.items():
            try:
                states[name] = store_plan(connection, plan, self.now, self.choices.of(name)).state
            except UserError as error:
                refused.append(str(error))
        if refused:
            raise UserError("Nothing was deployed.\n\n" + "\n\n".join(refused))
        return states

    async def _apply(self, client: PrefectClient, wish: Wish, known: Known | None) -> Line:
        change = await apply(client, wish, known, self.directory)
        wanted = wish.deployment
        return Line(
            journey=wanted.journey,
            change=change,
            version=wanted.version,
            state=wish.state,
            next_run=wanted.schedule.next(self.now) if wanted.schedule and not wish.paused else None,
            note=wish.note,
        )
