"""Clicks and openings, from the letter that goes out to the event that comes of it; and programs kept apart."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from tests.web.hooks import SECRET, Site
from vefa.channels.base import Doubtful
from vefa.content.tracked_links import TrackedLinks
from vefa.crm.tables import events
from vefa.crm.tracking import allow, refuse
from vefa.database import writing
from vefa.ledger.reactions import AT_ONCE, TOO_SOON
from vefa.settings import Settings, Shop, Tracking
from vefa.web import committing

LATER = NOON + HOUR
PUBLIC = "https://vefa.ornek.example"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
WORDS = """<a href="https://ornek.example/kahve">kahve</a> <a href="https://elsewhere.example/?a=1&amp;b=2">x</a>
{{ customer.first_name }}"""
KAHVE = "https://ornek.example/kahve?utm_source=vefa&utm_medium=email&utm_campaign=thanks&utm_content=hello"
ELSEWHERE = "https://elsewhere.example/?a=1&b=2"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    (settings.root / "config" / "brand.yaml").write_text("name: Örnek\nurls: {shop: 'https://www.ornek.example'}\n")
    more = {
        "shop": Shop(locales=("tr",)),
        "public_url": PUBLIC,
        "tracking": Tracking(clicks=True, opens=True),
        "secret_key": type(settings.secret_key)(SECRET.decode()),
    }
    return settings.model_copy(update=more)


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    world = World(engine, settings)
    world.words("note", WORDS)
    return world


class Browser:
    """Somebody who reads, at a moment."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def ask(
        self, url: str, at: datetime = LATER, method: str = "GET", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        site = Site(self._engine, self._settings, at)
        answer = site.ask(method, url.removeprefix(PUBLIC), headers=FIREFOX if headers is None else headers)
        site.close()  # what waits to be written is written
        return answer


@pytest.fixture
def browser(engine: sa.Engine, settings: Settings) -> Browser:
    return Browser(engine, settings)


def sent(world: World, *more: Any) -> str:
    """The HTML of a letter that has gone out."""
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    world.email.script.extend(more)
    world.tick(NOON)
    return str(world.email.got[0].html)


def links(html: str) -> list[str]:
    return re.findall(rf'href="({PUBLIC}/c/[^"]+)"', html)


def picture(html: str) -> str:
    (source,) = re.findall(rf'src="({PUBLIC}/o/[^"]+)"', html)
    return str(source)


def told(world: World) -> list[tuple[str, Any]]:
    rows = world.rows(events, events.c.object_kind == "send")
    return [(row.type, row.data) for row in rows]


def test_a_click_leads_on_at_once_and_becomes_an_event_of_the_customer(world: World, browser: Browser) -> None:
    first, second = links(sent(world))

    answers = [browser.ask(first), browser.ask(second, LATER + MINUTE)]

    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(302, KAHVE), (302, ELSEWHERE)]
    assert answers[0].headers["cache-control"] == "no-store, private"
    assert told(world) == [("email.clicked", {"url": KAHVE}), ("email.clicked", {"url": ELSEWHERE})]
    event = world.rows(events, events.c.object_kind == "send")[0]
    assert (event.object_id, event.customer_id, event.occurred_at) == (world.send().id, 1, LATER)
    assert event.known_at > LATER + AT_ONCE


def test_the_picture_tells_of_the_opening(world: World, browser: Browser) -> None:
    answer = browser.ask(picture(sent(world)))

    assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/gif", 43)
    assert "no-store" in answer.headers["cache-control"]
    assert told(world) == [("email.opened", {})]


def test_the_same_click_again_is_the_same_event(world: World, browser: Browser) -> None:
    html = sent(world)

    for minute in range(3):
        browser.ask(links(html)[0], LATER + minute * MINUTE)
        browser.ask(picture(html), LATER + minute * MINUTE)

    assert [kind for kind, _ in told(world)] == ["email.clicked", "email.opened"]


def test_a_click_settles_a_message_in_doubt(world: World, browser: Browser) -> None:
    html = sent(world, Doubtful("time-out"))
    assert world.send().state == "unknown"

    browser.ask(links(html)[0])

    assert world.send().state == "sent"


# --- programs


@pytest.mark.parametrize(
    ("method", "headers", "scanner"),
    [
        ("HEAD", FIREFOX, "head"),
        ("GET", {"User-Agent": ""}, "no name"),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"}, "barracuda"),
        ("GET", {"User-Agent": "Mozilla/5.0 … (via ggpht.com GoogleImageProxy)".replace("…", "")}, "googleimageproxy"),
        ("GET", {"User-Agent": "python-requests/2.32"}, "python"),
        ("GET", FIREFOX | {"Sec-Purpose": "prefetch;prerender"}, "prefetch"),
    ],
)
def test_a_program_that_gives_itself_away_has_not_clicked(
    world: World, browser: Browser, method: str, headers: dict[str, str], scanner: str
) -> None:
    answer = browser.ask(links(sent(world))[0], method=method, headers=headers)

    assert (answer.status_code, answer.headers["location"]) == (302, KAHVE)
    assert told(world) == [("email.scanned", {"url": KAHVE, "scanner": scanner})]


def test_the_shop_may_name_more_programs(world: World, engine: sa.Engine, settings: Settings) -> None:
    more = settings.model_copy(update={"tracking": Tracking(clicks=True, scanners=("Firefox/140",))})

    Browser(engine, more).ask(links(sent(world))[0])

    assert [kind for kind, _ in told(world)] == ["email.scanned"]


def test_who_follows_every_link_at_once_is_a_program_and_none_of_it_was_a_click(world: World, browser: Browser) -> None:
    first, second = links(sent(world))

    browser.ask(first, LATER)
    browser.ask(second, LATER + timedelta(milliseconds=300))
    browser.ask(first, LATER + timedelta(milliseconds=600))

    assert {kind for kind, _ in told(world)} == {"email.scanned"}
    assert len(told(world)) == 2


def test_a_reader_after_a_program_is_a_reader(world: World, browser: Browser) -> None:
    first, second = links(sent(world))
    browser.ask(first, LATER)
    browser.ask(second, LATER)

    browser.ask(first, LATER + MINUTE)

    assert sorted(kind for kind, _ in told(world)) == ["email.clicked", "email.scanned", "email.scanned"]


def test_nobody_clicks_before_the_letter_can_have_been_read(world: World, browser: Browser) -> None:
    first, second = links(sent(world))

    browser.ask(first, NOON + TOO_SOON / 2)
    browser.ask(second, NOON + 2 * TOO_SOON)

    assert told(world) == [
        ("email.scanned", {"url": KAHVE, "scanner": "too soon"}),
        ("email.clicked", {"url": ELSEWHERE}),
    ]


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "email.opened"),
        ("YahooMailProxy; https://help.yahoo.com/", "email.opened"),
        ("Mozilla/5.0", "email.scanned"),
        ("Mimecast Inspector", "email.scanned"),
    ],
)
def test_pictures_fetched_for_a_reader_are_openings_and_those_fetched_ahead_are_not(
    world: World, browser: Browser, agent: str, kind: str
) -> None:
    browser.ask(picture(sent(world)), headers={"User-Agent": agent})

    assert [one for one, _ in told(world)] == [kind]


# --- switches and refusals


def test_of_who_refuses_nothing_is_learned_and_their_links_lead_straight(world: World, browser: Browser) -> None:
    world.deploy(make_plan(email()))
    people = [world.customer(), world.customer()]
    with writing(world.database) as connection:
        refuse(connection, people[1], NOON)
        refuse(connection, people[1], NOON)
    for person in people:
        world.order(person, NOON)
    world.tick(NOON)

    by_address = {letter.to: letter.html for letter in world.email.got}
    tracked, straight = (by_address[f"Ada-{n}@ornek.example"] for n in (1, 2))
    assert len(links(tracked)) == 2
    assert (links(straight), "/o/" in straight) == ([], False)
    assert KAHVE.replace("&", "&amp;") in straight
    assert [row.state for row in world.sends()] == ["sent", "sent"]


def test_who_refuses_later_is_led_on_and_not_written_down(world: World, browser: Browser) -> None:
    html = sent(world)
    with writing(world.database) as connection:
        refuse(connection, 1, NOON + MINUTE)
    assert browser.ask(links(html)[0]).headers["location"] == KAHVE
    browser.ask(picture(html))
    assert told(world) == []

    with writing(world.database) as connection:
        allow(connection, 1)
    browser.ask(links(html)[0])

    assert [kind for kind, _ in told(world)] == ["email.clicked"]


def test_where_it_is_switched_off_old_links_lead_on_and_nothing_is_written(
    world: World, engine: sa.Engine, settings: Settings
) -> None:
    html = sent(world)
    off = Browser(engine, settings.model_copy(update={"tracking": Tracking()}))

    assert off.ask(links(html)[0]).headers["location"] == KAHVE
    assert off.ask(picture(html)).status_code == 200
    assert told(world) == []


def test_switched_off_letters_are_as_they_were_rendered(engine: sa.Engine, settings: Settings) -> None:
    off = settings.model_copy(update={"tracking": Tracking(utm=False)})
    world = World(engine, off)
    world.words("note", WORDS)

    assert 'href="https://ornek.example/kahve"' in sent(world)


# --- links that are not ours, and bad times


def test_a_link_altered_in_any_way_leads_nowhere(world: World, browser: Browser) -> None:
    html = sent(world)
    path = links(html)[0].removeprefix(PUBLIC)
    _, _, letter, target = path.split("/")
    strange = TrackedLinks(b"another secret of tests, long enough", PUBLIC)
    (their_letter,), theirs = strange.letters(["1.1"]), strange.target("https://evil.example/")
    ways = [
        *(f"/c/{letter}/{theirs}", f"/c/{their_letter}/{target}", f"/c/{letter}/{letter}", f"/c/{target}/{target}"),
        *(f"/c/{letter}/https://evil.example/", f"/c/{letter}/", f"/c/{letter}", f"/c//{target}", f"{path}%00"),
        *(f"{path}=", f"{path[:-1]}", f"{path}A", f"{path}/", f"/c/{letter}/%2F%2Fevil.example"),
        *(f"{path[:place]}{'A' if path[place] != 'A' else 'B'}{path[place + 1 :]}" for place in range(4, len(path), 7)),
        *("/o/x.gif", f"/o/{their_letter}.gif", f"/o/{letter}", f"/o/{target}.gif"),
    ]

    for way in ways:
        answer = browser.ask(way)
        assert answer.status_code in (404, 307 if way.endswith("/") else 404), way
        assert "evil" not in answer.headers.get("location", "")
    assert told(world) == []
    assert "Bu bağlantı bozuk" in browser.ask(ways[0]).text


def test_links_of_letters_that_never_were_are_led_on_and_not_written(world: World, browser: Browser) -> None:
    html = sent(world)
    ours = TrackedLinks(SECRET, PUBLIC)
    target = links(html)[0].rpartition("/")[2]

    for ref in (f"{world.send().id}.2", f"{world.send().id + 1}.1", f"{2**62}.1"):
        (letter,) = ours.letters([ref])
        assert browser.ask(f"/c/{letter}/{target}").status_code == 302

    assert told(world) == []


def test_the_reader_waits_for_no_database(
    world: World, engine: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = links(sent(world))
    site = Site(engine, settings, LATER)
    begun, go = threading.Event(), threading.Event()

    def busy(_connection: sa.Connection) -> None:
        begun.set()
        go.wait()

    site.service.committer.submit(busy)
    begun.wait()
    answers = [site.ask("GET", first.removeprefix(PUBLIC), headers=FIREFOX)]
    monkeypatch.setattr(committing, "WAITING", 1)
    answers.append(site.ask("GET", second.removeprefix(PUBLIC), headers=FIREFOX))
    go.set()
    site.close()

    assert [answer.status_code for answer in answers] == [302, 302]
    assert told(world) == [("email.clicked", {"url": KAHVE})]


@pytest.fixture
def broken(engine: sa.Engine) -> Iterator[None]:
    def refuse_all(*_: Any) -> None:
        raise sa.exc.OperationalError("BEGIN", None, OSError("away"))

    sa.event.listen(engine, "begin", refuse_all)
    yield
    sa.event.remove(engine, "begin", refuse_all)


def test_the_reader_is_led_on_when_the_database_is_away(settings: Settings, engine: sa.Engine, broken: None) -> None:
    ours = TrackedLinks(SECRET, PUBLIC)
    (letter,) = ours.letters(["1.1"])

    answer = Browser(engine, settings).ask(f"/c/{letter}/{ours.target(ELSEWHERE)}")

    assert answer.headers["location"] == ELSEWHERE


def test_journeys_hear_of_clicks(world: World, browser: Browser) -> None:
    from vefa.language.conditions import Reacted
    from vefa.plan.steps import Arm, Branch

    plan = make_plan(
        email(next="rest"),
        wait("rest", "fork", days=1),
        Branch("fork", "fork", None, (Arm(Reacted("hello", "clicked"), "glad"),)),
        wait("glad", None, days=1),
    )
    world.deploy(plan)
    world.order(world.customer(), NOON)
    world.tick(NOON)

    browser.ask(links(str(world.email.got[0].html))[0])
    world.tick(NOON + DAY)

    assert world.place() == "glad"
