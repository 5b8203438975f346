"""The newsletter over three months: two subjects are tried on a fifth, and the rest gets what was clicked more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.engine.worlds import DAY, HOUR, World, istanbul
from vefa.crm.wishes import refuse_topics
from vefa.database import reading, writing
from vefa.engine.agenda import due_journeys, next_moment
from vefa.insight.trials import TrialRun, trial_runs
from vefa.ledger.reactions import Reaction, react
from vefa.plan.project import Project, load_project
from vefa.plan.steps import Message
from vefa.settings import Settings

REPOSITORY = Path(__file__).parents[2]
FIRST_TUESDAYS = (date(2026, 3, 3), date(2026, 4, 7), date(2026, 5, 5))
#: What the readers of the test click, month by month; nothing in the last.
LIKED = ("asked", "picked", None)


class Readers(World):
    """The project's own journeys and words, with a letter box of the test's."""

    def words(self, name: str, text: str) -> None:
        """The words stand in the repository."""


@pytest.fixture(scope="module")
def shop_settings() -> Settings:
    return Settings(root=REPOSITORY, secret_key=SecretStr("a secret of tests only, long enough to sign with"))


@pytest.fixture(scope="module")
def project(shop_settings: Settings) -> Project:
    return load_project(REPOSITORY, shop_settings)


@pytest.fixture
def shop(engine: sa.Engine, shop_settings: Settings, project: Project) -> Iterator[Readers]:
    made = Readers(engine, shop_settings, project.policy)
    for number in range(60):
        made.customer(f"okur{number}", language="tr" if number % 2 else "en")
    made.deploy(project.plans["newsletter"], istanbul(date(2026, 3, 1), "09:00"))
    made.tick(istanbul(date(2026, 3, 1), "09:00"), "newsletter")
    yield made


def walk(shop: Readers, until: datetime) -> None:
    """From one moment with work to the next; readers click an hour after a wave."""
    now = istanbul(date(2026, 3, 1), "09:00")
    while (upcoming := next_moment(shop.database, now, "Europe/Istanbul")) is not None and upcoming <= until:
        now = upcoming
        for journey in due_journeys(shop.database, now, "Europe/Istanbul"):
            shop.tick(now, journey)
        month = next((n for n, day in enumerate(FIRST_TUESDAYS) if now == istanbul(day, "10:00")), None)
        if month is not None and LIKED[month]:
            click(shop, LIKED[month], now + HOUR)


def click(shop: Readers, variant: str, at: datetime) -> None:
    """Half of those who got the variant follow a link."""
    fresh = [row for row in shop.sends() if row.variant == variant and row.claimed_at > at - DAY]
    with writing(shop.database) as connection:
        for row in fresh[::2] or fresh:
            react(connection, Reaction(f"{row.id}.{row.attempt}", "clicked", at, "https://ornek.example/", ""))


def runs(shop: Readers, now: datetime) -> list[TrialRun]:
    with reading(shop.database) as connection:
        return list(reversed(trial_runs(connection, now, "newsletter")))


def test_each_month_has_a_test_of_its_own_and_the_rest_gets_what_was_liked(shop: Readers, project: Project) -> None:
    end = istanbul(date(2026, 5, 31), "23:00")
    walk(shop, end)

    (step,) = (step for step in project.plans["newsletter"].steps if isinstance(step, Message))
    found = runs(shop, end)
    assert [run.began_at for run in found] == [istanbul(day, "10:00") for day in FIRST_TUESDAYS]
    assert [run.chosen for run in found] == ["asked", "picked", "picked"]
    assert [run.decided_at for run in found] == [istanbul(day, "14:00") for day in FIRST_TUESDAYS]
    assert len(shop.email.got) == 180
    for day, run in zip(FIRST_TUESDAYS, found, strict=True):
        month = [row for row in shop.sends() if row.claimed_at.date() == day]
        rest = [row for row in month if row.trial is None]
        assert {row.variant for row in rest} == {run.chosen}
        assert 4 <= len(month) - len(rest) <= 24
        assert {row.claimed_at for row in rest} == {istanbul(day, "14:00")}
    assert step.test is not None
    assert all(run.beyond_chance is None for run in found)  # of so few nobody can tell


def test_readers_read_it_in_their_own_language_and_by_their_name(shop: Readers) -> None:
    walk(shop, istanbul(FIRST_TUESDAYS[0], "15:00"))

    titles = Counter(message.subject.partition(" okur")[0].rstrip(",") for message in shop.email.got)
    assert set(titles) <= {
        "Bu ay sizin için seçtiklerimiz", "Bu ay neler var dersiniz",
        "What we picked for you this month", "Guess what is new this month",
    }  # fmt: skip
    letters = {message.to.partition("-")[0]: message.text for message in shop.email.got}
    assert "Merhaba okur1\n" in letters["okur1"]
    assert "Hello okur2\n" in letters["okur2"]
    assert "Keteni yıllarca yeni tutan üç alışkanlık" in letters["okur1"]
    assert "Returns, picked up at your door" in letters["okur2"]


def test_who_refuses_the_topic_or_has_an_open_complaint_gets_none(shop: Readers) -> None:
    from vefa.crm.tables import tickets

    with writing(shop.database) as connection:
        refuse_topics(connection, 1, ["newsletter"], istanbul(date(2026, 3, 2), "12:00"))
    opened: dict[str, Any] = {"opened_at": istanbul(date(2026, 3, 2), "12:00"), "subject": "?"}
    shop.fact(tickets, "ticket", customer_id=2, **opened)
    walk(shop, istanbul(FIRST_TUESDAYS[0], "15:00"))

    got = {message.to.partition("-")[0] for message in shop.email.got}
    assert len(got) == 58
    assert not {"okur0", "okur1"} & got
