"""What customers agree to or refuse here is told to the shop: once, late rather than never, and never as news to us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON
from tests.errands.offices import KEY, Office, tools
from vefa.channels.fakes.behaviours import Answer, Drop
from vefa.channels.fakes.shopify import FakeShopify, KeptConsent, denied, throttled
from vefa.crm import permissions
from vefa.crm.consent_echoes import consents_passed_on
from vefa.crm.lifting import Signal
from vefa.crm.permissions import Said, Word, put_consents
from vefa.crm.tables import consents, suppressions
from vefa.database import reading, writing
from vefa.engine.consent_relay import queue_consents
from vefa.engine.forgetting import forget
from vefa.errands import shopify_admin
from vefa.errands.book import LEASE
from vefa.errands.fake_tool import FakeTool
from vefa.errands.tables import errands
from vefa.foresight.errands import stuck
from vefa.plan.outside import Outside, Tool
from vefa.settings import Settings, Web
from vefa.shop_settings import Consents, Shopify

TOKEN = "shpat_of_tests"
LATER = NOON + LEASE + MINUTE


@pytest.fixture
def shopify() -> Iterator[FakeShopify]:
    both = ("email", "sms")
    with FakeShopify(TOKEN, {"7001": both, "7002": both, "7003": ("sms",)}) as fake:
        yield fake


@pytest.fixture
def office(engine: sa.Engine, settings: Settings, shopify: FakeShopify) -> Office:
    return Office(engine, connected(settings, shopify.url))


@pytest.fixture
def quick(sqlite_engine: sa.Engine, settings: Settings, shopify: FakeShopify) -> Office:
    return Office(sqlite_engine, connected(settings, shopify.url))


def connected(settings: Settings, url: str, token: str = TOKEN) -> Settings:
    web = Web(shopify=Shopify(tell_consents=True, shop=url))
    return settings.model_copy(update={"web": web, "shopify_access_token": SecretStr(token)})


def gave(
    office: Office,
    customer: int,
    granted: bool,
    at: datetime = NOON,
    channel: str = "email",
    signal: Signal = "page",
) -> None:
    """The customer said so, by us unless the signal is another's."""
    word = Word(granted, channel, signal, "HS_WEB", at, at, (customer,))
    with writing(office.database) as connection:
        permissions.record(connection, [word])


def person(office: Office, outside_id: str = "7001") -> int:
    return office.customer("Ayşe", outside_id=outside_id, sms=True, consent=False)


def reasons(office: Office) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in office.errands()]


def shown(office: Office, now: datetime) -> list[str]:
    with reading(office.database) as connection:
        return [each.reason for each in stuck(connection, now)]


def test_a_no_and_a_yes_reach_the_shop_once_and_only_the_latest_of_each_channel(
    office: Office, shopify: FakeShopify
) -> None:
    customer, stranger = person(office), person(office, "guest-4")
    gave(office, customer, True)
    gave(office, customer, False, NOON + MINUTE, signal="provider")
    gave(office, customer, True, NOON + MINUTE, channel="sms", signal="reply")
    gave(office, stranger, False)
    for minutes in (2, 3, 30):
        office.run(NOON + minutes * MINUTE)

    assert sorted(shopify.calls) == [("7001", "email", "UNSUBSCRIBED"), ("7001", "sms", "SUBSCRIBED")]
    assert shopify.kept["7001", "email"] == KeptConsent("unsubscribed", "2026-03-10T09:01:00Z")

    gave(office, customer, True, NOON + HOUR)
    office.run(NOON + HOUR + MINUTE)
    assert shopify.kept["7001", "email"].state == "subscribed"
    assert office.states() == ["done"] * 3


def test_what_comes_back_from_the_shop_repeats_and_lifts_nothing(office: Office) -> None:
    customer = person(office)
    gave(office, customer, True)
    office.run(NOON + MINUTE)
    gave(office, customer, False, NOON + HOUR)
    office.run(NOON + HOUR + MINUTE)
    before = len(office.rows(consents))

    with writing(office.database) as connection:
        echoes = [
            Said(customer, "email", True, "shopify", NOON + timedelta(seconds=61)),
            Said(customer, "email", False, "shopify", NOON + HOUR + timedelta(seconds=63)),
        ]
        put_consents(connection, echoes, "shopify", NOON + 2 * HOUR)

    assert len(office.rows(consents)) == before
    assert [row.reason for row in office.rows(suppressions)] == ["unsubscribed"]
    office.run(NOON + 3 * HOUR)
    assert office.states() == ["done", "done"]


def test_a_crash_on_either_side_of_the_call_loses_nothing(
    quick: Office, shopify: FakeShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The worker is gone."""

    gave(quick, person(quick), False)
    call = shopify_admin.post

    def before(*_given: Any) -> Any:
        raise Killed

    def after(*given: Any) -> Any:
        call(*given)
        raise Killed

    for n, dies in enumerate((before, after)):
        monkeypatch.setattr(shopify_admin, "post", dies)
        with pytest.raises(Killed):
            quick.run(NOON + n * (LEASE + MINUTE))
        assert quick.errand().state == "claimed"
    assert len(quick.rows(consents_passed_on)) == 1  # its echo is known, though nobody heard the answer
    monkeypatch.setattr(shopify_admin, "post", call)
    quick.run(NOON + 2 * (LEASE + MINUTE))

    assert (quick.errand().state, shopify.calls) == ("done", [("7001", "email", "UNSUBSCRIBED")] * 2)


def test_what_the_shop_never_takes_is_given_up_and_shown(quick: Office, shopify: FakeShopify) -> None:
    gave(quick, person(quick, "7003"), False)
    gave(quick, person(quick, "7999"), False, channel="sms")
    quick.run(NOON + MINUTE)

    assert reasons(quick) == [
        ("failed", "Shopify: The customer must have an email address"),
        ("failed", "Shopify: Customer does not exist"),
    ]
    assert len(shown(quick, NOON + HOUR)) == 2
    assert (quick.rows(consents_passed_on), shopify.calls) == ([], [])
    quick.run(NOON + DAY)
    assert shopify.requests == 2


@pytest.mark.parametrize(
    ("answer", "reason", "again"),
    [
        (throttled(asked=100, rate=0.5), "Shopify is throttling", timedelta(seconds=200)),
        (Answer(429, headers={"Retry-After": "90"}), "Shopify is throttling (429)", timedelta(seconds=90)),
        (Answer(503), "Shopify answered 503", MINUTE),
        (Answer(200, b'{"data":null}'), "strange answer from Shopify", MINUTE),
        (Drop(keeps=True), "connection to Shopify lost", MINUTE),
    ],
)
def test_what_goes_later_is_tried_later(
    quick: Office, shopify: FakeShopify, answer: Any, reason: str, again: timedelta
) -> None:
    gave(quick, person(quick), False)
    shopify.script.queue(answer)
    quick.run(NOON)
    row = quick.errand()
    state = "strange answer from Shopify" if isinstance(answer, Drop) else reason
    assert (row.state, row.reason in (reason, state), row.next_try_at) == ("queued", True, NOON + again)

    quick.run(NOON + again - timedelta(seconds=1))
    assert shopify.requests == 1
    quick.run(NOON + again)
    assert (quick.errand().state, shopify.kept["7001", "email"].state) == ("done", "unsubscribed")


@pytest.mark.parametrize("answer", [Answer(401), Answer(403), Answer(302), denied()])
def test_a_refused_token_stops_all_of_them_until_it_is_mended(
    quick: Office, shopify: FakeShopify, answer: Answer
) -> None:
    gave(quick, person(quick), False)
    shopify.script.rule(lambda _asked: answer)
    quick.run(NOON)
    gave(quick, person(quick, "7002"), False, NOON + MINUTE)
    quick.run(NOON + MINUTE)
    for hours in range(1, 10):
        quick.run(NOON + hours * HOUR)
    assert [row.state for row in quick.errands()] == ["queued", "queued"]
    told = shown(quick, NOON + 10 * HOUR)
    assert told and all(reason.startswith("stopped: ") for reason in told)

    shopify.script.clear()
    quick.run(NOON + 10 * HOUR)
    assert sorted(number for number, _, _ in shopify.calls) == ["7001", "7002"]


def test_without_a_token_it_waits_and_says_so(sqlite_engine: sa.Engine, settings: Settings) -> None:
    office = Office(sqlite_engine, connected(settings, "ornek.myshopify.com", token=""))
    gave(office, person(office), False)
    office.run(NOON)
    assert shown(office, NOON) == ["stopped: VEFA_SHOPIFY_ACCESS_TOKEN is not set"]
    assert office.rows(consents_passed_on) == []


def test_what_the_shop_says_meanwhile_and_who_is_forgotten_end_it(quick: Office, shopify: FakeShopify) -> None:
    first, second = person(quick), person(quick, "7002")
    shopify.script.queue(Answer(500), Answer(500))
    gave(quick, first, False)
    gave(quick, second, False)
    quick.run(NOON)
    gave(quick, first, True, NOON + timedelta(seconds=30), signal="shop")
    forget(quick.database, quick.settings, second, NOON + timedelta(seconds=30))
    quick.run(NOON + HOUR)

    assert reasons(quick) == [("skipped", "a later consent counts"), ("skipped", "forgotten")]
    assert shopify.calls == []


def test_a_later_one_waits_while_an_earlier_one_is_on_its_way(quick: Office, shopify: FakeShopify) -> None:
    customer = person(quick)
    gave(quick, customer, True)
    queue_consents(quick.database, quick.settings, NOON)
    hands = {"owner": "another", "lease_until": LATER, "state": "claimed", "attempts": 1}
    with writing(quick.database) as connection:
        connection.execute(sa.update(errands).values(hands))
    gave(quick, customer, False, NOON + MINUTE)
    quick.run(NOON + MINUTE)
    assert shopify.calls == []

    quick.run(LATER + MINUTE, wall=LATER + MINUTE)
    assert shopify.calls == [("7001", "email", "UNSUBSCRIBED")]


def test_when_it_is_switched_on_every_no_that_counts_goes_and_no_old_yes(quick: Office, shopify: FakeShopify) -> None:
    old = NOON - 100 * DAY
    gave(quick, person(quick), False, old)
    gave(quick, person(quick, "7002"), True, old)
    quick.run(NOON)
    assert shopify.calls == [("7001", "email", "UNSUBSCRIBED")]


def test_unless_it_is_switched_on_nothing_is_queued(sqlite_engine: sa.Engine, settings: Settings) -> None:
    office = Office(sqlite_engine, settings)
    gave(office, person(office), False)
    office.run(NOON)
    assert office.errands() == []


def test_a_row_of_the_log_that_was_committed_late_goes_too(quick: Office, shopify: FakeShopify) -> None:
    first, second = person(quick), person(quick, "7002")
    gave(quick, first, False)
    with writing(quick.database) as connection:
        connection.execute(sa.update(consents).values(id=50))
    quick.run(NOON)
    row = {"id": 20, "customer_id": second, "channel": "email", "purpose": "commercial", "granted": False}
    row |= {"source": "HS_WEB", "signal": "page", "occurred_at": NOON, "known_at": NOON}
    quick.insert(consents, **row)
    gave(quick, second, False, NOON + MINUTE, channel="sms")
    quick.run(NOON + MINUTE)

    assert len(shopify.calls) == 3


def test_any_other_shop_gets_a_signed_event(
    sqlite_engine: sa.Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEFA_TOOL_SHOP_SYSTEM_SECRET", KEY)
    office = Office(sqlite_engine, settings.model_copy(update={"consents": Consents(tell="shop-system")}))
    with FakeTool(KEY, lambda: NOON) as tool:
        office.knows(Outside(tools=tools(Tool("shop-system", url=tool.url))))
        tool.script.queue(Answer(500, keeps=True))
        gave(office, person(office, "guest-4"), False, channel="sms")
        office.run(NOON)
        office.run(NOON + MINUTE)
        (event,) = tool.events.values()

    assert len(tool.calls) == 2 and all(call.signed for call in tool.calls)
    assert event.pop("id").startswith("evt_")
    assert event == {
        "type": "consent.changed",
        "moment": "2026-03-10T09:00:00+00:00",
        "customer": {"outside_id": "guest-4"},
        "consent": {"channel": "sms", "granted": False, "occurred_at": "2026-03-10T09:00:00+00:00"},
    }
    assert office.states() == ["done"]


def test_the_token_goes_to_no_host_but_the_shops_own(settings: Settings) -> None:
    for shop in ("ornek.example", "https://ornek.myshopify.com.example", "http://10.0.0.1:80", "a.b.myshopify.com"):
        with pytest.raises(ValueError, match=r"such as ornek\.myshopify\.com"):
            Shopify(tell_consents=True, shop=shop)
    with pytest.raises(ValueError, match="needs shop"):
        Shopify(tell_consents=True)
    assert TOKEN not in repr(connected(settings, "ornek.myshopify.com"))
