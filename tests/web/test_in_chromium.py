"""Customers' pages in a real Chromium: as wide as a phone, without scripts, by keyboard, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan
from tests.web.chromium import PHONE, Phone, chromium, needs_chromium
from tests.web.serving import served
from vefa.content.survey_links import Ask, SurveyLinks
from vefa.crm.tables import survey_answers
from vefa.settings import load_settings
from vefa.web.service import Service, open_service

pytestmark = needs_chromium

LATER = NOON + HOUR
#: What stands in one page, and its least contrast: of each text against what lies behind it (WCAG 2, AA), of buttons'
#: and boxes' sizes, of labels and headings.
LOOKED_AT = """(() => {
  const parse = color => {
    const n = color.match(/[\\d.]+/g).map(Number)
    return n.length > 3 && n[3] === 0 ? null : n.slice(0, 3)
  }
  const linear = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4
  const light = color => color.map(linear).reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0)
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor)
      if (color) return color
    }
    return [255, 255, 255]
  }
  const contrast = e => {
    const [y, x] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((p, q) => p - q)
    return (x + .05) / (y + .05)
  }
  const seen = e => e.getClientRects().length > 0
  const all = names => [...document.querySelectorAll(names)]
  const texts = all('body *').filter(e => seen(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  const touched = all('button, .button, .link, summary, label').filter(seen)
  return {
    width: document.documentElement.scrollWidth,
    contrast: Math.min(...texts.map(contrast)),
    small: touched.filter(e => e.getBoundingClientRect().height < 44).map(e => e.innerText),
    unlabelled: all('input:not([type=hidden])').filter(e => !e.labels.length).length,
    nameless: all('a, button').filter(e => !e.innerText.trim()).length,
    headings: all('h1').length,
    lang: document.documentElement.lang,
    scripts: document.scripts.length,
  }
})()"""


@pytest.fixture
def world(sqlite_engine: sa.Engine, example_root: Path) -> World:
    settings = load_settings(example_root)
    world = World(sqlite_engine, settings)
    world.customer("Ayşe", outside_id="a-1", sms=True)
    world.customer("Ben", outside_id="b-1", language="en")
    for customer in (1, 2):
        world.order(customer, NOON)
    world.deploy(make_plan(email()))
    world.tick(NOON + HOUR)
    return world


@pytest.fixture
def service(world: World) -> Iterator[Service]:
    ticks = count()

    def clock() -> datetime:
        return LATER.replace(microsecond=next(ticks) % 10**6)

    service = open_service(world.settings, world.database, world.shop.secret, clock)
    yield service
    service.close()


@pytest.fixture
def site(service: Service) -> Iterator[str]:
    with served(service) as url:
        yield url


@pytest.fixture
def tab() -> Iterator[Phone]:
    with chromium() as tab:
        yield tab


def pages(service: Service, customer: int) -> list[str]:
    """Every page that a customer can come to by a link."""
    data = service.links.data_url(customer, LATER + HOUR).rpartition("/")[2]
    tokens = {kind: service.links.token(customer, "commercial", kind) for kind in ("unsubscribe", "preferences")}
    own = [f"/u/{tokens['unsubscribe']}", f"/p/{tokens['preferences']}", f"/d/{data}", f"/d/{data}/forget", "/u/wrong"]
    return [*own, *(survey(service, customer, name) for name in ("nps", "packaging", "what-went-wrong"))]


def survey(service: Service, customer: int, name: str) -> str:
    """The link of an answer; each customer was sent the message of their own number."""
    links = SurveyLinks(service.secret, service.settings.public_url)
    return f"/s/{links.url(Ask(customer, customer, name, 3), LATER + DAY).rpartition('/')[2]}"


def is_fit(found: dict[str, Any], language: str) -> None:
    assert found["width"] == PHONE[0], "nothing is wider than the phone"
    assert found["contrast"] >= 4.5, "every word can be read"
    assert found["small"] == [], "whatever is touched is large enough for a finger"
    assert (found["unlabelled"], found["nameless"], found["headings"]) == (0, 0, 1)
    assert (found["lang"], found["scripts"]) == (language, 0)


@pytest.mark.parametrize("dark", [False, True], ids=["by day", "by night"])
@pytest.mark.parametrize(("customer", "language"), [(1, "tr"), (2, "en")])
def test_every_page_fits_a_phone_and_everybodys_eyes_and_fingers(
    service: Service, site: str, tab: Phone, customer: int, language: str, dark: bool
) -> None:
    tab.show("dark" if dark else "light")
    tab.call("Network.enable")
    tab.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
    for path in pages(service, customer):
        tab.open(site + path)
        is_fit(tab.value(LOOKED_AT), language)


def test_a_customer_goes_all_the_way_by_keyboard(world: World, service: Service, site: str, tab: Phone) -> None:
    tab.open(site + pages(service, 1)[0])
    tab.press("Evet, abonelikten çıkar")
    assert "Abonelikten çıktınız" in tab.words
    tab.press("SMS de gelmesin")
    assert "Peki ya SMS?" not in tab.words
    tab.press("Yeniden abone ol")
    assert "Yeniden abone oldunuz" in tab.words
    tab.press("Ne alacağımı seçeyim")
    assert "Fırsatlar ve kuponlar" in tab.words


def test_a_customer_chooses_with_a_finger(service: Service, site: str, tab: Phone) -> None:
    tab.open(site + pages(service, 1)[1])
    tab.toggle("topic", "offers")
    tab.toggle("pause", "yes")
    tab.toggle("language", "en")
    tab.press("Kaydet")

    assert "Saved. It holds from now on." in tab.words
    assert re.search(r"Your break lasts until: 9 April 2026", tab.words)
    assert tab.value("document.querySelector('[type=checkbox][value=offers]').checked") is False
    assert tab.value("document.querySelector('[type=checkbox][value=celebrations]').checked") is True


def test_a_customer_answers_changes_their_mind_and_adds_a_word(
    world: World, service: Service, site: str, tab: Phone
) -> None:
    tab.open(site + survey(service, 1, "nps"))
    is_fit(tab.value(LOOKED_AT), "tr")
    assert tab.value("document.querySelector(':checked').value") == "3"
    tab.press("Gönder")
    assert "Yanıtınız bize ulaştı" in tab.words
    is_fit(tab.value(LOOKED_AT), "tr")
    tab.press("Yanıtımı değiştir")
    tab.toggle("score", "9")
    tab.press("Gönder")
    tab.value("document.querySelector('textarea').value = 'çok iyi'")
    tab.press("Gönder")

    assert "Zaman ayırdığınız için teşekkür ederiz." in tab.words
    assert [(row.survey, row.score, row.comment) for row in world.rows(survey_answers)] == [("nps", 9, "çok iyi")]


def test_a_customer_is_forgotten_in_two_steps(world: World, service: Service, site: str, tab: Phone) -> None:
    tab.open(site + pages(service, 2)[2])
    assert "This is everything" in tab.words
    tab.press("Delete what you know of me")
    assert "Yes, forget me" in tab.words
    tab.press("Yes, forget me")

    assert "We have forgotten you" in tab.words
