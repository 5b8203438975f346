"""Who was erased is found nowhere in the shop's folder and database, byte by byte, in whatever way it is written."""

from __future__ import annotations

import base64
import gzip
import quopri
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
import sqlalchemy as sa

from tests.engine.worlds import NOON, World
from tests.web.visiting import contents
from vefa.channels.base import Email, Sender, Sms
from vefa.channels.outbox import Outbox
from vefa.crm import tables as t
from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.database import reading, writing
from vefa.engine.erasures import carry_out
from vefa.engine.forgetting import forget
from vefa.engine.privacy_requests import note_privacy_request, open_requests, privacy_requests
from vefa.engine.traces import fold
from vefa.errands.outbox import keep_event
from vefa.inbox import inbox, put
from vefa.settings import Settings

LATER = NOON + timedelta(hours=1)
NUMBER, ORDER, MAIL, OLD, PHONE = (
    "910000000021",
    "450000000077",
    "Isil.Yaman@ornek.example",
    "eski.adres@ornek.example",
    "+905321110013",
)
NAME = "Işıl Yaman"
PLAIN = (NUMBER, ORDER, MAIL, OLD, PHONE, PHONE.removeprefix("+90"), NAME)


@pytest.fixture
def world(engine: sa.Engine, settings: Settings, database_url: str) -> World:
    return World(engine, settings.model_copy(update={"database_url": database_url}))


def in_every_writing(text: str) -> Iterator[bytes]:
    """The text as it may stand in a file, letter case aside."""
    raw = text.encode()
    yield raw
    yield quote(text).encode()
    yield quote_plus(text).encode()
    yield orjson.dumps(text)[1:-1]
    yield "".join(f"\\u{ord(letter):04x}" if ord(letter) > 126 else letter for letter in text).encode()
    yield quopri.encodestring(raw)
    for lead in (b"", b"x", b"xx"):  # wherever it stands in what is encoded
        yield base64.b64encode(lead + raw)[4 if lead else 0 : -4]


def of_all_files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in root.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            yield str(path), gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def assert_nowhere(world: World) -> None:
    places = dict(of_all_files(world.settings.root))
    places["the database"] = str(contents(world.database)).encode()
    for place, raw in places.items():
        text, folded = raw.lower(), fold(raw.decode("utf-8", "ignore"))
        for each in PLAIN:
            assert fold(each) not in folded, (place, each)
            assert not any(way.lower() in text for way in in_every_writing(each)), (place, each)


def fill(world: World) -> int:
    """One person, in every place in which a shop holds people."""
    isil = world.customer("Işıl", outside_id=NUMBER, last_name="Yaman", email=False)
    person = Person(NUMBER, OLD, PHONE)
    receipt = Receipt("shopify", NOON, True, world.settings)
    with writing(world.database) as connection:
        take(connection, [Arrival("s1", "customer.created", person, NOON, {})], receipt)
        moved = Person(NUMBER, MAIL.lower(), PHONE)
        take(connection, [Arrival("s2", "customer.created", moved, NOON, {})], receipt)
        order = {"total": "10", "number": f"#{ORDER}"}
        take(connection, [Arrival("o1", "order.placed", moved, NOON, order, "order", ORDER)], receipt)
        for body in raw_bodies():
            put(connection, "shopify", body, NOON, {"topic": "orders/updated"})
        connection.execute(sa.update(inbox).values(taken_at=NOON))
        waiting = [{"id": 1, "mail": "somebody@ornek.example"}, {"id": 2, "mail": MAIL}]
        put(connection, "mapped:rows", orjson.dumps(waiting), NOON)
        put(connection, "shopify", orjson.dumps({"id": 5, "email": MAIL.upper()}), NOON)
        parked = {"source": "shopify", "kind": "shopify", "about": {}, "received_at": NOON}
        for key, body in ((ORDER, b"{}"), ("77", orjson.dumps({"email": MAIL}))):
            connection.execute(sa.insert(t.told_early).values(order_key=key, body=body, **parked))
        asked: Any = {"outside_id": NUMBER, "email": MAIL, "phone": None, "orders": []}
        note_privacy_request(connection, source="shopify", kind="export", now=NOON, **asked)
        said = {"source": "shopify", "said_at": NOON}
        for kind, key in (("customer", NUMBER), ("order", ORDER)):
            connection.execute(sa.insert(t.told_last).values(kind=kind, outside_id=key, **said))
    run = world.insert(t.imports, name="shop", path="x", started_at=NOON)
    for line, detail in enumerate((MAIL.upper(), f"{NAME}; 0532 111 00 13", f"order {ORDER}", "2026-02-30")):
        world.insert(t.rejects, import_id=run, file="x", line=line, reason="r", detail=detail)
    letters(world)
    return isil


def raw_bodies() -> list[bytes]:
    return [
        orjson.dumps({"email": MAIL.upper(), "id": 1}),
        b'{"email": "' + MAIL.replace("@", "\\u0040").encode() + b'"}',
        f"Email={quote_plus(MAIL)}&From={quote_plus(PHONE)}".encode(),
        orjson.dumps({"raw": base64.b64encode(f"To: {OLD}".encode()).decode()}),
        quopri.encodestring(f"Name: {NAME}".encode()),
        orjson.dumps({"order_id": int(ORDER)}),
        orjson.dumps({"customer": {"admin_graphql_api_id": f"gid://shopify/Customer/{NUMBER}"}}),
        orjson.dumps({"phone": "0532 111 00 13"}),
    ]


def letters(world: World) -> None:
    """What channels that write files have written, to both addresses, and what else lies in the folder."""
    box = world.settings.var / "outbox"
    sender = Sender("a@b.example")
    for number, to in enumerate((MAIL, OLD, "somebody@ornek.example"), start=1):
        Outbox(box, "email").deliver([Email(f"{number}.1", to, sender, "Merhaba", f"<p>{to}</p>", "x")])
    Outbox(box, "sms").deliver([Sms("4.1", PHONE, "ORNEK", "Merhaba")])
    keep_event(box, 9, orjson.dumps({"customer": NUMBER, "email": MAIL}).decode())
    (world.settings.var / "preview").mkdir()
    (world.settings.var / "preview" / "1.html").write_text(NAME)
    (world.settings.var / "log").mkdir(exist_ok=True)
    (world.settings.var / "log" / "2026-03-10.log").write_text(f"one line\n{MAIL}\nanother\n")


def test_not_one_byte_is_left_while_others_have_the_database_open(world: World) -> None:
    isil = fill(world)
    beside = sa.create_engine(world.database.url)
    with beside.connect() as serving:
        serving.execute(sa.select(sa.func.count()).select_from(t.customers))
        serving.rollback()
        done = forget(world.database, world.settings, isil, LATER)

        assert done is not None
        assert_nowhere(world)
    beside.dispose()
    told = str(contents(world.database)) + "".join(str(raw) for _, raw in of_all_files(world.settings.root))
    assert "somebody@ornek.example" in told
    assert "2026-02-30" in told
    assert done.raw is not None and done.raw["webhooks that waited for an order"] == 2
    assert done.outbox == 3


def test_a_request_is_carried_out_behind_what_came_before_and_leaves_a_trace_without_a_name(world: World) -> None:
    fill(world)
    with writing(world.database) as connection:
        named: Any = {"outside_id": NUMBER, "email": MAIL, "phone": PHONE, "orders": [ORDER], "now": NOON}
        for _ in range(2):
            note_privacy_request(connection, source="shopify", kind="erase", **named)
    carry_out(world.database, world.settings, LATER)
    with reading(world.database) as connection:
        assert len(open_requests(connection)) == 2  # something from before still waits
    with writing(world.database) as connection:
        connection.execute(sa.update(inbox).values(taken_at=NOON))

    assert carry_out(world.database, world.settings, LATER) == 1
    assert_nowhere(world)
    copied, request = world.rows(privacy_requests)
    assert copied.outcome == "they were forgotten before"
    assert (request.done_at, request.subject, request.done_by) == (LATER, None, "vefa")
    assert "1 records" in request.outcome


def test_somebody_unknown_is_kept_out_all_the_same(world: World) -> None:
    with writing(world.database) as connection:
        named: Any = {"outside_id": "55", "email": OLD, "phone": None, "orders": ["7"], "now": NOON}
        note_privacy_request(connection, source="shopify", kind="erase", **named)
    carry_out(world.database, world.settings, LATER)
    with writing(world.database) as connection:
        old = Arrival("o", "order.placed", Person(None, OLD), NOON, {"total": "1"}, "order", "8")
        of_order = Arrival("p", "order.placed", None, NOON, {"total": "1"}, "order", "7")
        outcomes = take(connection, [old, of_order], Receipt("shopify", LATER, True, world.settings))

    assert [each.state for each in outcomes] == ["refused", "refused"]
    assert (world.rows(t.customers), world.rows(t.orders)) == ([], [])
    (request,) = world.rows(privacy_requests)
    assert "nobody" in request.outcome
