"""What Twilio posts: how far an SMS has come, and what people write back."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.engine.worlds import HOUR, MINUTE, NOON, World, email, make_plan, wait
from tests.web.hooks import Site, everything
from vefa.channels.base import Accepted, Doubtful
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.channels.fakes.webhooks import twilio_signature
from vefa.channels.registry import make_channel
from vefa.channels.twilio_hooks import INBOUND_PATH, SIGNATURE, STATUS_PATH, status_url
from vefa.crm.identity import address_key
from vefa.crm.tables import consents, contacts, events, suppressions, tickets
from vefa.database import writing
from vefa.engine.shop import open_shop
from vefa.plan.policy import Policy
from vefa.settings import Channels, Settings, Shop

SOON = NOON + HOUR
TOKEN = "a token of tests only"
PUBLIC = "https://vefa.ornek.example/shop"
ADA = "+905320000001"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    more = {
        "shop": Shop(locales=("tr",)),
        "public_url": PUBLIC,
        "channels": Channels(sms="twilio"),
        "twilio_account_sid": "AC" + "0" * 32,
        "twilio_auth_token": SecretStr(TOKEN),
    }
    return settings.model_copy(update=more)


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def site(engine: sa.Engine, settings: Settings) -> Iterator[Site]:
    site = Site(engine, settings, SOON)
    yield site
    site.close()


def post(site: Site, path: str, form: Mapping[str, str], query: str = "", **headers: str) -> Any:
    url = f"{PUBLIC}{path}" + (f"?{query}" if query else "")
    signed = {SIGNATURE: twilio_signature(TOKEN, url, form), "Content-Type": "application/x-www-form-urlencoded"}
    address = path + (f"?{query}" if query else "")
    return site.ask("POST", address, content=urlencode(form), headers=signed | headers)


def status(site: Site, ref: str, word: str, **more: str) -> int:
    form = {"MessageSid": "SM1", "MessageStatus": word, "To": ADA, "AccountSid": "AC1", "ApiVersion": "2010-04-01"}
    return int(post(site, STATUS_PATH, form | more, f"ref={ref}").status_code)


def write(site: Site, text: str, sid: str = "SM1", number: str = ADA, **more: str) -> Any:
    form = {"MessageSid": sid, "From": number, "To": "+905550000000", "Body": text, "NumMedia": "0"}
    return post(site, INBOUND_PATH, form | more)


def in_doubt(world: World, purpose: str = "transactional") -> str:
    """An SMS of which nobody knows whether it went; its ref."""
    step = email(next="rest", medium="sms", purpose=purpose)
    world.deploy(make_plan(step, wait("rest", None, days=1), purpose=purpose))
    world.order(world.customer(email=False, sms=True), NOON)
    world.sms.script.append(Doubtful("time-out"))
    world.tick(NOON)
    return f"{world.send().id}.1"


@pytest.mark.parametrize(
    ("word", "code", "state", "kind", "stop"),
    [
        ("sent", "", "sent", "sms.processed", None),
        ("delivered", "", "sent", "sms.delivered", None),
        ("undelivered", "30003", "failed", "sms.undelivered", None),
        ("undelivered", "30005", "failed", "sms.bounced", "bounced"),
        ("failed", "30006", "failed", "sms.bounced", "bounced"),
        ("failed", "21610", "failed", "sms.dropped", "opted out, unsubscribed"),
        ("failed", "30007", "failed", "sms.dropped", None),
        ("canceled", "", "failed", "sms.dropped", None),
    ],
)
def test_a_status_settles_an_sms_in_doubt(
    world: World, site: Site, word: str, code: str, state: str, kind: str, stop: str | None
) -> None:
    ref = in_doubt(world)

    assert status(site, ref, word, ErrorCode=code) == 204
    site.take_in()

    assert world.send().state == state
    assert [row.type for row in world.rows(events, events.c.object_kind == "send")] == [kind]
    assert ", ".join(row.reason for row in world.rows(suppressions)) == (stop or "")


def test_statuses_doubled_and_in_any_order_leave_the_same_database(world: World, site: Site) -> None:
    ref = in_doubt(world)
    words = ["queued", "sending", "sent", "undelivered", "delivered"]
    for word in words:
        status(site, ref, word)
    site.take_in()
    before = everything(world.database)

    for seed in range(5):
        again = words * 2
        random.Random(seed).shuffle(again)
        for word in again:
            status(site, ref, word)
        site.take_in()

    assert everything(world.database) == before
    assert world.send().state == "sent"


def test_words_and_messages_that_are_not_ours_are_passed_over(world: World, site: Site) -> None:
    ref = in_doubt(world)

    for strange, word in ((ref, "juggling"), ("99.1", "delivered"), ("", "delivered"), ("%00", "delivered")):
        assert status(site, strange, word) == 204
    site.take_in()

    assert world.send().state == "unknown"
    assert site.problems() == []


@pytest.mark.parametrize("path", [STATUS_PATH, INBOUND_PATH])
def test_nothing_is_believed_without_the_right_signature(site: Site, path: str) -> None:
    form = {"MessageSid": "SM1", "From": ADA, "Body": "stop", "MessageStatus": "sent"}

    answers = [
        post(site, path, form, **{SIGNATURE: ""}),
        post(site, path, form, **{SIGNATURE: "made up"}),
        post(site, path, form, **{SIGNATURE: twilio_signature("another", PUBLIC + path, form)}),
        post(site, path, form, **{SIGNATURE: twilio_signature(TOKEN, f"http://vefa{path}", form)}),
        post(site, path, form, **{SIGNATURE: twilio_signature(TOKEN, PUBLIC + path, form | {"Body": "start"})}),
        post(site, path, form, "ref=1.1", **{SIGNATURE: twilio_signature(TOKEN, f"{PUBLIC}{path}?ref=1.2", form)}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert "public_url" in answers[1].json()["detail"]


def test_without_a_token_the_answer_says_which_variable_is_missing(engine: sa.Engine, settings: Settings) -> None:
    site = Site(engine, settings.model_copy(update={"twilio_auth_token": SecretStr("")}), SOON)
    answer = write(site, "stop")
    site.close()

    assert (answer.status_code, "VEFA_TWILIO_AUTH_TOKEN" in answer.text) == (403, True)


def test_the_answer_says_nothing_to_whoever_wrote(site: Site) -> None:
    answer = write(site, "merhaba")

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/xml")
    assert answer.text.endswith("<Response/>")


@pytest.mark.parametrize("text", ["STOP", "İPTAL", "ret ORNEK", "Çık"])
def test_a_word_that_stops_stops_at_once_and_is_a_refusal_of_consent(world: World, site: Site, text: str) -> None:
    customer = world.customer(email=False, sms=True)

    write(site, text)
    site.take_in()

    (stop,) = world.rows(suppressions)
    assert (stop.channel, stop.reason, stop.purpose) == ("sms", "unsubscribed", "commercial")
    assert stop.address_key == address_key(ADA)
    (refusal,) = world.rows(consents, consents.c.granted.is_(False))
    assert (refusal.customer_id, refusal.channel, refusal.source) == (customer, "sms", "HS_MESAJ")
    assert (refusal.evidence, refusal.occurred_at) == ("SMS SM1", SOON)
    assert world.rows(tickets) == []


def test_what_stopped_is_skipped_at_the_claim(world: World, site: Site) -> None:
    step = email(medium="sms")
    world.deploy(make_plan(step))
    world.order(world.customer(email=False, sms=True), NOON)
    write(site, "DUR")
    site.take_in()

    world.tick(SOON)

    assert world.send().state == "skipped"
    assert world.sms.got == []


def test_a_word_that_takes_back_lets_messages_go_on_and_a_late_double_changes_nothing(
    engine: sa.Engine, world: World, settings: Settings
) -> None:
    world.customer(email=False, sms=True)
    for minute, (text, sid) in enumerate([("stop", "SM1"), ("başla", "SM2"), ("stop", "SM1"), ("BAŞLA", "SM2")]):
        site = Site(engine, settings, SOON + minute * MINUTE)
        write(site, text, sid)
        site.take_in()
        site.close()

    assert world.rows(suppressions) == []
    assert [row.granted for row in world.rows(consents)] == [True, False, True]


def test_start_lifts_what_the_stop_kept_by_twilio_had_set(engine: sa.Engine, world: World, settings: Settings) -> None:
    number = "+15005550004"  # FakeTwilio answers 21610 to it, as Twilio does
    ada = world.customer(email=False, sms=True)
    with writing(engine) as connection:
        mine = contacts.c.customer_id == ada
        connection.execute(sa.update(contacts).where(mine).values(address=number, address_key=address_key(number)))
    world.deploy(make_plan(email(medium="sms", purpose="transactional"), purpose="transactional"))
    world.order(ada, NOON)
    with FakeTwilio() as fake:
        channel = make_channel("sms", settings.model_copy(update={"twilio_base_url": fake.url}))
        ways = {"email": world.email, "sms": channel}
        world.shop = open_shop(settings, database=engine, channels=ways, policy=Policy())
        world.tick(NOON)
        channel.close()
    assert {row.reason for row in world.rows(suppressions)} == {"opted out", "unsubscribed"}

    site = Site(engine, settings, SOON)
    write(site, "START", number=number)
    site.take_in()
    site.close()

    assert world.rows(suppressions) == []
    assert world.rows(tickets) == []
    assert world.rows(consents)[-1].granted


def test_whoever_never_said_stop_and_says_yes_is_read_by_a_person(world: World, site: Site) -> None:
    world.customer(email=False, sms=True)

    write(site, "yes")
    site.take_in()

    assert [row.subject for row in world.rows(tickets)] == ["yes"]
    assert [row.granted for row in world.rows(consents)] == [True]


def test_anything_else_becomes_a_ticket_once(world: World, site: Site) -> None:
    customer = world.customer(email=False, sms=True)

    for _ in range(3):
        write(site, "Paketim nerede?\x00 Şükran", "SM7")
    site.take_in()

    (ticket,) = world.rows(tickets)
    assert (ticket.source, ticket.outside_id, ticket.customer_id) == ("sms", "SM7", customer)
    assert (ticket.subject, ticket.opened_at) == ("Paketim nerede? Şükran", SOON)
    kinds = [(row.type, row.customer_id) for row in world.rows(events)]
    assert sorted(kinds) == [("sms.received", customer), ("ticket.opened", customer)]


def test_a_picture_without_words_becomes_a_ticket_too(world: World, site: Site) -> None:
    world.customer(email=False, sms=True)

    write(site, "", NumMedia="1")
    site.take_in()

    assert [row.subject for row in world.rows(tickets)] == ["(no words)"]


def test_of_several_with_one_number_it_is_the_ticket_of_who_ordered_last_and_all_are_stopped(
    world: World, site: Site
) -> None:
    first, second = (shared(world, name, NOON + n * MINUTE) for n, name in enumerate(("Ada", "Can")))

    write(site, "Nerede kaldı?", "SM1")
    write(site, "stop", "SM2")
    site.take_in()

    assert [row.customer_id for row in world.rows(tickets)] == [second]
    assert sorted(row.customer_id for row in world.rows(consents, consents.c.granted.is_(False))) == [first, second]
    assert len(world.rows(suppressions)) == 1


def shared(world: World, name: str, at: datetime) -> int:
    """A customer with Ada's number, who ordered then."""
    from vefa.crm.tables import contacts

    number = world.customer(name, email=False)
    world.insert(contacts, customer_id=number, channel="sms", address=ADA, address_key=address_key(ADA))
    world.order(number, at)
    return number


def test_a_number_that_nobody_has_is_stopped_all_the_same(world: World, site: Site) -> None:
    write(site, "STOP", number="+905329999999")
    site.take_in()

    assert [row.address_key for row in world.rows(suppressions)] == [address_key("+905329999999")]
    assert site.problems() == []


def test_words_from_a_number_that_nobody_has_are_kept_for_a_person(world: World, site: Site) -> None:
    world.customer(email=False, sms=True)
    write(site, "Kimsiniz?", "SM1", number="+905329999999")
    write(site, "Paketim nerede?", "SM2")
    site.take_in()

    assert site.problems() == ["An SMS from a number that no customer has; read it in the row's body."]
    assert len(world.rows(tickets)) == 1


@pytest.mark.parametrize(("says", "expected"), [("STOP", False), ("START", True)])
def test_twilios_own_opt_out_counts_as_well(world: World, site: Site, says: str, expected: bool) -> None:
    customer = world.customer(email=False, sms=True)
    if expected:
        write(site, "stop", "SM0")
        site.take_in()
        with world.database.begin() as connection:  # a minute earlier, so that the words differ in time
            connection.execute(sa.update(consents).where(consents.c.granted.is_(False)).values(occurred_at=NOON))
            connection.execute(sa.update(suppressions).values(occurred_at=NOON))

    write(site, "no more of this", OptOutType=says)
    site.take_in()

    last = world.rows(consents, consents.c.customer_id == customer)[-1]
    assert last.granted is expected
    assert len(world.rows(suppressions)) == (0 if expected else 1)


def test_a_post_that_says_nothing_keeps_its_problem(site: Site) -> None:
    post(site, INBOUND_PATH, {"Body": "stop"})
    site.take_in()

    assert site.problems() == ["ValueError"]


def test_an_sms_tells_twilio_where_to_report_and_the_report_comes_home(
    engine: sa.Engine, world: World, settings: Settings, site: Site
) -> None:
    ref = in_doubt(world)
    (sent,) = world.sms.got
    with FakeTwilio() as fake:
        channel = make_channel("sms", settings.model_copy(update={"twilio_base_url": fake.url}))
        assert isinstance(channel.deliver([sent])[0], Accepted)
        channel.close()
        callback = fake.received[0].form["StatusCallback"]

    assert callback == f"{PUBLIC}{STATUS_PATH}?ref={ref}"
    form = {"MessageStatus": "delivered"}
    signed = {SIGNATURE: twilio_signature(TOKEN, callback, form)}
    assert site.ask("POST", callback.removeprefix(PUBLIC), content=urlencode(form), headers=signed).status_code == 204
    site.take_in()
    assert world.send().state == "sent"


@pytest.mark.parametrize("public", ["http://localhost:8020", "https://127.0.0.1", "http://ornek.example"])
def test_where_twilio_could_not_reach_us_it_is_not_told_to(public: str) -> None:
    assert status_url(public) is None
