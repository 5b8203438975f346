"""A word that is for opening hours waits for them, on the shop's own clock, over nights, weekends and holidays."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, here, istanbul, make_plan, wait
from tests.errands.offices import CARE, Office, notify
from vefa.channels.base import Busy
from vefa.crm.tables import orders
from vefa.database import writing
from vefa.engine.agenda import due_journeys, next_moment
from vefa.errands.book import notify_staff
from vefa.errands.hours import opening
from vefa.plan.outside import Hours, Outside
from vefa.plan.plans import Exits

NINE_TO_SIX = (time(9), time(18))
WEEK = Hours({**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), NINE_TO_SIX), "sat": (time(10), time(14))}, True)
FRIDAY = date(2026, 3, 13)
LEAVES = Exits((here("order.cancelled"),))


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ((FRIDAY, "08:59"), (FRIDAY, "09:00")),
        ((FRIDAY, "09:00"), (FRIDAY, "09:00")),
        ((FRIDAY, "17:59"), (FRIDAY, "17:59")),
        ((FRIDAY, "18:00"), (date(2026, 3, 14), "10:00")),
        ((date(2026, 3, 14), "14:00"), (date(2026, 3, 16), "09:00")),
        # Ramazan Bayramı: Thursday's eve is a working day, Friday to Sunday are not.
        ((date(2026, 3, 19), "18:30"), (date(2026, 3, 23), "09:00")),
    ],
)
def test_it_opens_on_its_own_clock(at: tuple[date, str], opens: tuple[date, str]) -> None:
    assert opening(WEEK, istanbul(*at), "Europe/Istanbul", "TR") == istanbul(*opens)


def test_a_shop_that_is_open_to_midnight_and_one_that_never_opens() -> None:
    late = Hours({"fri": (time(20), time())})
    moment = istanbul(FRIDAY, "23:59")

    assert opening(late, moment, "Europe/Istanbul", "TR") == moment
    assert opening(late, moment + MINUTE, "Europe/Istanbul", "TR") == istanbul(date(2026, 3, 20), "20:00")
    assert opening(Hours({}), moment, "Europe/Istanbul", "TR") == moment


def test_a_country_whose_holidays_nobody_wrote_down_has_none() -> None:
    assert opening(WEEK, istanbul(date(2026, 3, 20), "10:00"), "Europe/Istanbul", "XX").day == 20


@pytest.fixture
def closed(office: Office) -> datetime:
    """A shop with hours, and a word queued on a Friday evening."""
    office.knows(Outside(teams={"care-team": CARE}, hours=WEEK))
    evening = istanbul(FRIDAY, "19:00")
    office.deploy(make_plan(notify(shop_hours=True), exits=LEAVES), evening - DAY)
    office.order(office.customer("Ayşe"), evening)
    office.tick(evening)
    return evening


def test_it_waits_until_the_shop_opens(office: Office, closed: datetime) -> None:
    saturday = istanbul(date(2026, 3, 14), "10:00")
    assert (office.errand().state, office.errand().next_try_at, office.email.got) == ("queued", saturday, [])
    assert next_moment(office.database, closed, "Europe/Istanbul") == saturday
    assert due_journeys(office.database, saturday, "Europe/Istanbul") == ("thanks",)

    office.tick(saturday)
    assert (office.states(), len(office.email.got)) == (["done"], 1)


def test_another_try_waits_too(office: Office, closed: datetime) -> None:
    office.email.script.append(Busy("down"))
    office.run(istanbul(date(2026, 3, 14), "13:59"))
    office.run(istanbul(date(2026, 3, 14), "14:00"))
    assert office.errand().next_try_at == istanbul(date(2026, 3, 16), "09:00")

    office.run(istanbul(date(2026, 3, 16), "09:00"))
    assert (office.states(), len(office.email.got)) == (["done"], 2)


def test_who_has_left_by_an_exit_meanwhile_is_no_news_any_more(office: Office, closed: datetime) -> None:
    steps = notify(next="rest", shop_hours=True), wait("rest", None, days=9)
    office.deploy(make_plan(*steps, exits=LEAVES, journey="late"), closed + MINUTE)
    order = office.order(office.customer("Bora"), closed + MINUTE)
    office.tick(closed + MINUTE, "late")
    office.change(orders, "order", order, cancelled_at=closed + HOUR)
    office.tick(closed + 2 * HOUR, "late")
    office.run(istanbul(date(2026, 3, 14), "10:00"))

    assert [row.state for row in office.errands()] == ["done", "skipped"]
    assert office.errands()[1].reason == "left: exit: order.cancelled"


def test_a_notice_may_wait_for_the_shop(office: Office) -> None:
    office.knows(Outside(teams={"care-team": CARE}, hours=WEEK))
    evening = istanbul(FRIDAY, "19:00")
    with writing(office.database) as connection:
        notify_staff(connection, "care-team", "k", "Bir not", evening, shop_hours=True)
    office.run(evening)
    office.run(evening + HOUR)
    assert office.email.got == []

    office.run(istanbul(date(2026, 3, 14), "10:00"))
    assert len(office.email.got) == 1
