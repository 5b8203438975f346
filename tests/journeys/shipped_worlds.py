"""The shop that comes with the project, on a database of its own, walked through weeks of ticks."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import World
from vefa.content.survey_links import Ask
from vefa.database import writing
from vefa.engine import surveys
from vefa.engine.agenda import next_moment
from vefa.plan.project import load_project
from vefa.settings import load_settings

#: Between two ticks: a day is often enough for journeys that wait for days.
STEP = timedelta(days=1)


class ShippedWorld(World):
    """A world with the shipped journeys, templates and rules."""

    def __init__(self, database: sa.Engine, root: Path) -> None:
        settings = load_settings(root)
        self.project = load_project(root, settings)
        super().__init__(database, settings, self.project.policy)

    def go_live(self, journey: str, at: datetime) -> None:
        self.deploy(self.project.plans[journey], at)
        self.tick(at, journey)

    def pass_by(self, start: datetime, end: datetime, *journeys: str) -> None:
        """A look at each moment at which one of the journeys has anything to do."""
        moment: datetime | None = start
        while moment is not None and moment <= end:
            for journey in journeys:
                self.tick(moment, journey)
            moment = next_moment(self.database, moment, "Europe/Istanbul", journeys)

    def walk_on(self, journey: str, start: datetime, end: datetime) -> None:
        """Tick until `end`."""
        while (start := start + STEP) <= end:
            self.tick(start, journey)

    def say(self, send: Any, survey: str, score: int, at: datetime, words: str | None = None) -> None:
        """The customer answers what a message asked, and adds to it."""
        known, ask = self.shop.surveys.get(survey), Ask(send.customer_id, send.id, survey)
        assert known is not None
        with writing(self.database) as connection:
            assert surveys.answer(connection, ask, known, score, at)
            if words is not None:
                surveys.comment(connection, ask, known, words, at)

    def templates(self, customer: int) -> list[str]:
        """What really went to the customer, in order."""
        return [row.template for row in self.sends() if row.customer_id == customer and row.state == "sent"]
