"""The shipped journeys and programme over a little shop, walked through time day by day."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from tests.engine.worlds import DAY, World, istanbul
from vefa.plan.project import load_project
from vefa.rewards.points import settle_points
from vefa.settings import Settings, load_settings

REPOSITORY = Path(__file__).parents[2]


class LoyalShop(World):
    """A shop with everything that ships."""

    def __init__(self, database: sa.Engine, settings: Settings) -> None:
        for room in ("journeys", "config"):
            shutil.copytree(REPOSITORY / room, settings.root / room, dirs_exist_ok=True)
        secret = SecretStr("a secret of tests only, long enough to sign with")
        given = load_settings(settings.root).model_copy(update={"secret_key": secret, "root": settings.root})
        super().__init__(database, given)
        self.project = load_project(settings.root, given)

    def live(self, journey: str, since: datetime) -> None:
        """The journey as it ships, from then on."""
        self.deploy(self.project.plans[journey], since)
        self.walk_on(journey, since.date(), 0)

    def walk_on(self, journey: str, first: date, days: int, *clocks: str) -> None:
        """Points settled and the journey walked at these times of every day, by Istanbul's clock."""
        for day in (first + n * DAY for n in range(days + 1)):
            for clock in clocks or ("11:05",):
                moment = istanbul(day, clock)
                settle_points(self.database, self.shop.loyalty, self.shop.settings.shop, moment)
                self.tick(moment, journey)

    @property
    def told(self) -> list[tuple[str, str]]:
        """(to whom, subject) of each e-mail, in order."""
        return [(message.to, message.subject) for message in self.email.got]
