"""What is known of somebody is for themselves: by a fresh link to their own address, and gone when they want it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import HOUR, MINUTE, NOON, World, email, make_plan
from tests.web.visiting import ONE_CLICK, Visits, contents, forms_on, words_on
from vefa.crm.tables import customers
from vefa.settings import Settings, Shop

LATER = NOON + HOUR


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    world = World(engine, settings.model_copy(update={"shop": Shop(locales=("tr", "en"))}))
    world.deploy(make_plan(email()))
    return world


@pytest.fixture
def visits(world: World) -> Visits:
    return Visits(world, LATER)


def mails(world: World) -> list[Any]:
    files = sorted((Path(world.settings.var) / "outbox" / "email").rglob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def path_in(mail: Any) -> str:
    found = re.search(r"http://localhost:8020(/d/\S+)", mail.get_body(("plain",)).get_content())
    assert found
    return found[1]


def way_in(visits: Visits, customer: int) -> str:
    """Ask for the link on the preferences page, and read the mail that comes."""
    (action,) = [each for each in forms_on(visits.get(f"/p/{visits.token(customer, 'preferences')}")) if "link" in each]
    visits.post(action)
    return path_in(mails(visits.world)[-1])


def test_the_link_goes_to_the_address_on_file_in_their_language(world: World, visits: Visits) -> None:
    ben = world.customer("Ben", language="en")
    page = visits.post(f"/p/{visits.token(ben, 'preferences')}/link")
    (mail,) = mails(world)

    assert "The link is on its way" in words_on(page)
    assert "Ben-1@ornek.example" in mail["to"]
    assert mail["subject"] == "Your link to what we know of you"
    assert "Ben-1@" not in page.text


def test_a_second_link_is_not_mailed_within_ten_minutes(world: World, visits: Visits) -> None:
    action = f"/p/{visits.token(world.customer(), 'preferences')}/link"
    visits.post(action)

    assert "Az önce bir bağlantı gönderdik" in words_on(visits.post(action))
    assert len(mails(world)) == 1
    visits.now += 11 * MINUTE
    visits.post(action)
    assert len(mails(world)) == 2


def test_who_has_no_address_that_works_is_asked_to_write(world: World, visits: Visits) -> None:
    ada = world.customer(email=False, sms=True)

    assert "bağlantı gönderemiyoruz" in words_on(visits.post(f"/p/{visits.token(ada, 'preferences')}/link"))
    assert mails(world) == []


def test_the_page_and_the_file_tell_all_of_it_and_nothing_of_others(world: World, visits: Visits) -> None:
    ada = world.customer("Ayşe", city="Bursa", outside_id="a-1")
    ben = world.customer("Ben", city="Berlin")
    for one in (ada, ben):
        world.order(one, NOON, number=f"N-{one}")
    world.tick(NOON + 30 * MINUTE)
    here = way_in(visits, ada)
    page, file = visits.get(here), visits.get(f"{here}/download")

    for mine in ("Ayşe", "Bursa", "a-1@ornek.example", f"N-{ada}", "10 Mart 2026"):
        assert mine in words_on(page)
    told = json.loads(file.content)
    assert told["customer"][0]["first_name"] == "Ayşe"
    assert [row["template"] for row in told["messages"]] == ["note"]
    assert told["orders"][0]["total"] == "100.00"
    assert file.headers["content-disposition"].startswith("attachment")
    assert "no-store" in file.headers["cache-control"]
    for theirs in ("Berlin", f"N-{ben}", "Ben-"):
        assert theirs not in words_on(page)
        assert theirs not in file.text


@pytest.mark.parametrize("path", ["", "/download", "/forget"])
def test_the_link_ends_after_an_hour_and_no_other_kind_opens_this(world: World, visits: Visits, path: str) -> None:
    ada = world.customer()
    here = way_in(visits, ada)
    for kind in ("unsubscribe", "preferences"):
        assert visits.get(f"/d/{visits.token(ada, kind)}{path}").status_code == 404
    assert visits.get(f"/u/{here.removeprefix('/d/')}").status_code == 404
    assert visits.get(f"/p/{here.removeprefix('/d/')}").status_code == 404
    visits.now += timedelta(minutes=59)
    assert visits.get(here + path).status_code == 200
    visits.now += timedelta(minutes=1)
    assert visits.get(here + path).status_code == 404


def test_looking_at_the_question_forgets_nobody(world: World, visits: Visits) -> None:
    here = way_in(visits, world.customer())
    before = contents(world.database)

    page = visits.get(f"{here}/forget")

    assert forms_on(page) == [f"{here}/forget"]
    assert contents(world.database) == before


def test_who_says_yes_is_forgotten_and_every_link_of_theirs_leads_nowhere(world: World, visits: Visits) -> None:
    ada = world.customer("Ayşe", outside_id="a-1")
    here = way_in(visits, ada)

    assert "Sizi unuttuk" in words_on(visits.post(f"{here}/forget"))

    left = str(contents(world.database))
    assert "Ayşe" not in left
    assert "a-1" not in left
    assert mails(world) == []
    for path in (here, f"/p/{visits.token(ada, 'preferences')}", f"/u/{visits.token(ada)}"):
        assert visits.get(path).status_code == 404
    assert visits.post(f"{here}/forget").status_code == 404
    # A mail program that clicks in an old message is told what it wants to hear: nothing comes any more.
    assert visits.post(f"/u/{visits.token(ada)}", ONE_CLICK).status_code == 200
    assert world.rows(customers)[0].forgotten_at is not None
