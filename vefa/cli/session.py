"""What every command begins with: the shop's folder, its settings, its database and the moment meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vefa.errors import UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.engine import Engine

    from vefa.plan.plans import Plan
    from vefa.plan.project import Project
    from vefa.settings import Settings


@dataclass
class Session:
    """One call of the command line. Nothing is read before it is asked for."""

    given_root: Path | None = None
    given_log: str | None = None

    @cached_property
    def settings(self) -> Settings:
        """The shop's settings. Raises SettingsError."""
        from vefa.settings import load_settings

        if self.given_root is not None and not self.given_root.is_dir():
            raise UserError(f"--root {self.given_root}: there is no such folder.")
        settings = load_settings(self.given_root)
        return settings.model_copy(update={"log": self.given_log}) if self.given_log else settings

    @property
    def root(self) -> Path:
        return self.settings.root

    @cached_property
    def project(self) -> Project:
        """All journeys, policy and segments, with whatever is wrong in them."""
        from vefa.plan.project import load_project

        return load_project(self.root, self.settings)

    @contextmanager
    def store(self, migrate: bool = True) -> Iterator[Engine]:
        """The shop's database, up to date, closed at the end; meanwhile log lines go where the settings say.

        Without `migrate` an older one is refused with StoreError.
        """
        from vefa.logs import logging_to
        from vefa.store import open_store

        engine = open_store(self.settings, migrate)
        try:
            with logging_to(self.settings.log, self.settings.var / "log"):
                yield engine
        finally:
            engine.dispose()

    def plan(self, journey: str) -> Plan:
        """The plan of that journey. A sentence with the nearest name, or its problems, where there is none."""
        from vefa.language.problems import ProblemsError, did_you_mean

        if journey in self.project.plans:
            return self.project.plans[journey]
        if journey in self.project.broken:
            raise ProblemsError(p for p in self.project.problems if Path(p.file).stem == journey)
        known = ", ".join(sorted(self.project.plans)) or "none yet"
        advice = did_you_mean(journey, self.project.plans, f"There are: {known}.")
        raise UserError(f'There is no journey "{journey}" in {self.root / "journeys"}. {advice}')

    def moment(self, text: str | None, option: str = "--now") -> datetime:
        """The moment that was asked for, in UTC; without a zone it is on the shop's clock. None is now."""
        if text is None:
            return datetime.now(UTC)
        return parse_moment(text, self.settings.zone, option)


def parse_moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """ISO 8601 to a moment in UTC; what has no zone of its own is read in `zone`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f'{option} "{text}" is no moment. Write one such as 2026-03-01T10:00 (the shop\'s time) '
            "or 2026-03-01T10:00+03:00."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
