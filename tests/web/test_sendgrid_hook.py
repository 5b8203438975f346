"""What SendGrid tells settles messages and stops addresses: signed, in any order, any number of times."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from tests.web.hooks import Site, everything, what_is_said
from vefa.channels.base import Accepted, Doubtful
from vefa.channels.fakes.webhooks import EventSigner
from vefa.channels.sendgrid_events import SIGNATURE, TIMESTAMP, read_events
from vefa.crm.identity import address_key
from vefa.crm.tables import consents, events, suppressions
from vefa.database import reading, writing
from vefa.errors import SettingsError
from vefa.inbox import Received, inbox
from vefa.settings import Settings, Shop
from vefa.web.sendgrid_hook import take_sendgrid

SOON = NOON + HOUR
PATH = "/hooks/sendgrid"
KEYS = EventSigner()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    more = {"shop": Shop(locales=("tr",)), "sendgrid_webhook_public_key": KEYS.public_key}
    return settings.model_copy(update=more)


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def site(engine: sa.Engine, settings: Settings) -> Iterator[Site]:
    site = Site(engine, settings, SOON)
    yield site
    site.close()


def post(site: Site, told: Any, **headers: str) -> int:
    body = told if isinstance(told, bytes) else orjson.dumps(told)
    return site.ask("POST", PATH, content=body, headers={**KEYS.headers(body, SOON), **headers}).status_code


def told(ref: str, event: str, at: Any = SOON, **more: Any) -> dict[str, Any]:
    """An event as SendGrid writes it."""
    return {
        "email": "ada@ornek.example",
        "timestamp": int(at.timestamp()),
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "event": event,
        "category": ["thanks", "hello"],
        "sg_event_id": random.randbytes(12).hex(),
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "send_id": ref,
        "journey": "thanks",
        "step": "hello",
        **more,
    }


def written_to(world: World, count: int) -> list[str]:
    """So many customers got a letter; of every third one nobody knows whether it went. The refs."""
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    for number in range(count):
        world.order(world.customer(outside_id=f"c{number}"), NOON)
        world.email.script.append(Doubtful("time-out") if number % 3 == 0 else Accepted())
    world.tick(NOON)
    return [f"{row.id}.1" for row in world.sends()]


def stories(refs: list[str]) -> list[dict[str, Any]]:
    """What SendGrid tells of each: a story with all of its words in it, deferred more than once."""
    endings = [
        ["delivered", "open", "click", "click"],
        ["bounce"],
        [("bounce", {"type": "blocked"})],
        ["delivered", "spamreport"],
        ["delivered", "unsubscribe"],
        ["delivered", ("group_unsubscribe", {"asm_group_id": 3}), ("group_resubscribe", {"asm_group_id": 3})],
        [("dropped", {"reason": "Bounced Address"})],
        [("dropped", {"reason": "Unsubscribed Address"})],
        [("dropped", {"reason": "Spam Content"}), "bounce"],
        [("open", {"sg_machine_open": True})],
        ["deferred"],
        ["never heard of"],
    ]
    batch = []
    for number, ref in enumerate(refs):
        words = ["processed", "deferred", "deferred", *endings[number % len(endings)]]
        for minute, word in enumerate(words):
            name, more = word if isinstance(word, tuple) else (word, {})
            at = NOON + minute * MINUTE
            batch.append(told(ref, name, at, **({"email": f"c{number}@ornek.example"} | more)))
    return batch


def test_a_signed_batch_replayed_shuffled_and_doubled_ten_times_leaves_the_same_database(
    world: World, site: Site
) -> None:
    batch = stories(written_to(world, 36))
    assert post(site, batch) == 204
    site.take_in()
    before = everything(world.database)
    assert {row.state for row in before["sends"]} == {"sent", "failed"}
    assert len(before["suppressions"]) == 7 * 3

    for seed in range(10):
        doubled = [event | {"sg_event_id": f"again-{seed}-{n}"} for n, event in enumerate([*batch, *batch])]
        random.Random(seed).shuffle(doubled)
        assert post(site, doubled) == 204
        site.take_in()

        assert everything(world.database) == before
    assert site.problems() == []


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_and_portions_it_comes_the_end_is_the_same(world: World, site: Site, seed: int) -> None:
    batch = stories(written_to(world, 24))
    chance = random.Random(seed)
    with writing(world.database) as connection:
        at_once = connection.begin_nested()
        take_sendgrid(connection, [Received(1, "sendgrid", {}, orjson.dumps(batch), SOON)], SOON)
        expected = what_is_said(connection)
        at_once.rollback()

    portions = [*batch, *chance.choices(batch, k=len(batch))]
    chance.shuffle(portions)
    while portions:
        size = chance.randint(1, 12)
        post(site, portions[:size])
        del portions[:size]
        if chance.random() < 0.5:
            site.take_in()
    site.take_in()

    with reading(world.database) as connection:
        assert what_is_said(connection) == expected


def test_a_message_in_doubt_is_settled_by_what_comes_in(world: World, site: Site) -> None:
    (ref,) = written_to(world, 1)
    assert world.send().state == "unknown"

    post(site, [told(ref, "delivered")])
    site.take_in()
    world.tick(SOON)

    assert (world.send().state, world.place()) == ("sent", "rest")


@pytest.mark.parametrize(
    ("event", "reason", "purpose"),
    [
        (told("", "bounce"), "bounced", None),
        (told("", "spamreport"), "complained", None),
        (told("", "unsubscribe"), "unsubscribed", "commercial"),
        (told("", "group_unsubscribe"), "unsubscribed", "commercial"),
        (told("", "dropped", reason="Bounced Address"), "blocked", None),
        (told("", "dropped", reason="Unsubscribed Address"), "unsubscribed", "commercial"),
    ],
    ids=lambda value: value.get("event") if isinstance(value, dict) else None,
)
def test_what_stops_an_address_stops_it_at_once(
    world: World, site: Site, event: dict[str, Any], reason: str, purpose: str | None
) -> None:
    (ref,) = written_to(world, 1)

    post(site, [event | {"send_id": ref, "email": "C0@ornek.example"}])
    site.take_in()
    world.order(1, SOON)
    world.tick(SOON + MINUTE)

    (row,) = world.rows(suppressions)
    assert (row.reason, row.purpose, row.address_key) == (reason, purpose, address_key("c0@ornek.example"))
    assert [send.state for send in world.sends()][1:] == ["skipped"]


def test_unsubscribing_is_a_refusal_of_consent_and_the_way_back_takes_it_back(world: World, site: Site) -> None:
    (ref,) = written_to(world, 1)
    back = told(ref, "group_resubscribe", SOON - MINUTE)

    post(site, [told(ref, "group_unsubscribe", SOON - 2 * MINUTE)])
    site.take_in()
    said = [(row.granted, row.source) for row in world.rows(consents)][1:]
    post(site, [back])
    site.take_in()
    after = world.rows(suppressions)
    post(site, [told(ref, "unsubscribe", SOON)])
    site.take_in()

    assert said == [(False, "HS_EPOSTA")]
    assert after == []
    assert [row.granted for row in world.rows(consents)][1:] == [False, True, False]
    assert len(world.rows(suppressions)) == 1


def test_a_program_that_fetches_pictures_has_not_opened_the_letter(world: World, site: Site) -> None:
    (ref,) = written_to(world, 1)

    post(site, [told(ref, "open", sg_machine_open=True)])
    site.take_in()

    assert [row.type for row in world.rows(events, events.c.object_kind == "send")] == ["email.scanned"]


def test_nothing_is_believed_without_the_right_signature(site: Site) -> None:
    body = orjson.dumps([told("1.1", "delivered")])
    good = KEYS.headers(body, SOON)

    refused = [
        site.ask("POST", PATH, content=body, headers=headers)
        for headers in (
            {},
            {SIGNATURE: good[SIGNATURE]},
            {TIMESTAMP: good[TIMESTAMP]},
            {**good, SIGNATURE: "no base64!"},
            {**good, SIGNATURE: ""},
            {**good, TIMESTAMP: "soon"},
            EventSigner().headers(body, SOON),
            KEYS.headers(body + b" ", SOON),
            KEYS.headers(body, SOON - DAY - 2 * HOUR),
            KEYS.headers(body, SOON + HOUR),
        )
    ]
    binary = site.ask("POST", PATH, content=b"\xff\xfe", headers=KEYS.headers(b"\xff\xfe", SOON))

    assert [answer.status_code for answer in [*refused, binary]] == [403] * 11
    assert all(answer.json()["detail"].endswith(".") for answer in refused)
    with site.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(inbox)) == 0


def test_a_request_that_is_tried_again_for_a_day_is_still_believed(site: Site) -> None:
    body = orjson.dumps([])

    assert site.ask("POST", PATH, content=body, headers=KEYS.headers(body, SOON - DAY)).status_code == 204


def test_without_a_key_the_answer_says_which_setting_is_missing(engine: sa.Engine, settings: Settings) -> None:
    site = Site(engine, settings.model_copy(update={"sendgrid_webhook_public_key": ""}), SOON)
    answer = site.ask("POST", PATH, content=b"[]", headers=KEYS.headers(b"[]", SOON))
    site.close()

    assert answer.status_code == 403
    assert "sendgrid_webhook_public_key" in answer.json()["detail"]


def test_a_key_that_is_none_is_refused_when_the_service_starts(sqlite_engine: sa.Engine, settings: Settings) -> None:
    with pytest.raises(SettingsError, match="sendgrid_webhook_public_key"):
        Site(sqlite_engine, settings.model_copy(update={"sendgrid_webhook_public_key": "abc"}), SOON)


def test_what_is_too_large_is_not_read_to_the_end(site: Site) -> None:
    assert post(site, b" " * (4 * 1024 * 1024 + 1)) == 413


def test_what_cannot_be_read_is_kept_with_its_problem_and_the_rest_is_taken(world: World, site: Site) -> None:
    (ref,) = written_to(world, 1)

    for body in (b"{}", b"not json", orjson.dumps([told(ref, "delivered")]), b'["what", 1, null, {}]'):
        assert post(site, body) == 204
    site.take_in()

    assert site.problems() == ["ValueError", "JSONDecodeError"]
    assert world.send().state == "sent"


@pytest.mark.parametrize("timestamp", [None, "x", True, -1e30, 1e30, "nan", [], {}])
def test_a_strange_moment_is_the_moment_of_receipt(world: World, site: Site, timestamp: Any) -> None:
    (ref,) = written_to(world, 1)

    post(site, [told(ref, "delivered") | {"timestamp": timestamp}])
    site.take_in()

    (event,) = world.rows(events, events.c.object_kind == "send")
    assert event.occurred_at == SOON


def test_nothing_has_happened_before_we_heard_of_it_and_after_that(world: World, site: Site) -> None:
    (ref,) = written_to(world, 1)

    post(site, [told(ref, "delivered", SOON + timedelta(minutes=3))])
    site.take_in()

    (event,) = world.rows(events, events.c.object_kind == "send")
    assert (event.occurred_at, event.known_at) == (SOON, SOON)


@pytest.mark.parametrize("strange", [{"send_id": 12}, {"event": None}, {"send_id": "1.1\x00"}, {"email": ["a"]}])
def test_strange_events_are_passed_over(strange: dict[str, Any]) -> None:
    body = orjson.dumps([told("1.1", "delivered") | strange, told("1.1", "open")])

    assert [event.kind for event in read_events(body)][-1] == "opened"
