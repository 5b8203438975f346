"""Codes made here reach the shop's checkout: none lost, none counted twice, and before anybody reads them if asked."""

from __future__ import annotations

import csv
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from tests.engine.gifts import codes, fill, gift, pooled
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan
from vefa.channels.base import Accepted
from vefa.clock import stopped_at
from vefa.database import reading
from vefa.engine.checkout import NO_KEY, push_codes
from vefa.errands.keys import Access
from vefa.errors import UserError
from vefa.foresight.status import status
from vefa.plan.pools import Checkout
from vefa.rewards import export_files, exports
from vefa.rewards.export_files import Layout, write_new, write_some
from vefa.rewards.tables import coupon_exports, coupons

ISTANBUL = Layout(ZoneInfo("Europe/Istanbul"))
KEY = "a key of the checkout's, long enough"


def make(world: World, count: int, at: Any = NOON, **more: Any) -> None:
    """So many coupons, each of another customer."""
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(**more), email()))
    for _ in range(count):
        world.order(world.customer("Ada"), at)
    world.tick(at)


def new(world: World, path: Path, at: Any = NOON) -> list[str]:
    """The codes of an export of what is new."""
    path.unlink(missing_ok=True)
    write_new(world.database, path, ISTANBUL, at, stopped_at(at))
    return [row["code"] for row in rows(path)] if path.exists() else []


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- files


def test_a_file_holds_all_that_the_checkout_must_know(world: World, tmp_path: Path) -> None:
    from decimal import Decimal

    make(world, 1, minimum=Decimal("500.00"), minimum_currency="TRY")
    new(world, tmp_path / "codes.csv")

    (row,) = rows(tmp_path / "codes.csv")
    (code,) = codes(world)
    assert row == {
        "code": code, "percent": "15", "amount": "", "currency": "", "free_shipping": "no", "minimum": "500",
        "minimum_currency": "TRY", "valid_from": "2026-03-10T12:00:00+03:00",
        "valid_until": "2026-03-24T23:59:59+03:00", "valid_days": "", "single_use": "yes",
    }  # fmt: skip


def test_each_code_is_new_once(world: World, tmp_path: Path) -> None:
    make(world, 2)
    first = new(world, tmp_path / "1.csv")
    world.order(world.customer("Can"), NOON + HOUR)
    world.tick(NOON + HOUR)
    second = new(world, tmp_path / "2.csv", NOON + HOUR)
    third = new(world, tmp_path / "3.csv", NOON + HOUR)
    everything = write_some(world.database, tmp_path / "all.csv", None, replace(ISTANBUL, customers=True))
    since = write_some(world.database, tmp_path / "since.csv", NOON + MINUTE, ISTANBUL)

    assert first + second == codes(world) and third == []
    assert (everything.codes, since.codes) == (3, 1)
    assert {row["customer"].partition("-")[0] for row in rows(tmp_path / "all.csv")} == {"Ada", "Can"}


def test_a_code_told_later_is_given_again_with_its_last_moment(world: World, tmp_path: Path) -> None:
    from tests.engine.worlds import wait

    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(gift(next="rest"), wait("rest", "hello", days=2), email()))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    first = new(world, tmp_path / "1.csv")
    (undated,) = rows(tmp_path / "1.csv")
    between = new(world, tmp_path / "2.csv")
    world.tick(NOON + 2 * DAY)
    second = new(world, tmp_path / "3.csv", NOON + 2 * DAY)
    (dated,) = rows(tmp_path / "3.csv")

    assert first == second == codes(world) and between == []
    assert (undated["valid_until"], undated["valid_days"]) == ("", "14")
    assert (dated["valid_until"], dated["valid_days"]) == ("2026-03-26T23:59:59+03:00", "")
    assert new(world, tmp_path / "4.csv", NOON + 2 * DAY) == []


def test_codes_of_a_pool_are_the_checkouts_own_and_are_not_told_to_it(world: World, tmp_path: Path) -> None:
    world.deploy(make_plan(pooled(), email()))
    fill(world, 2)
    world.order(world.customer(), NOON)
    world.tick(NOON)

    assert codes(world) == ["SPRING-001"]
    assert new(world, tmp_path / "1.csv") == []


@pytest.mark.parametrize("dies", ["before the file", "after the file", "after the file was fetched"])
def test_an_export_that_dies_loses_nothing_and_gives_nothing_twice(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    make(world, 3)
    path = tmp_path / "1.csv"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        where = (export_files, "_write") if dies == "before the file" else (exports, "end")
        patch.setattr(*where, _die)
        write_new(world.database, path, ISTANBUL, NOON, stopped_at(NOON))
    there = [row["code"] for row in rows(path)] if path.exists() else []
    if dies == "after the file was fetched":
        path.unlink()
    world.order(world.customer("Can"), NOON + HOUR)
    world.tick(NOON + HOUR)
    with pytest.raises(UserError, match="Try again in a minute"):
        write_new(world.database, tmp_path / "2.csv", ISTANBUL, NOON, stopped_at(NOON))
    later = new(world, tmp_path / "2.csv", NOON + HOUR)

    expected = {
        "before the file": (0, 4),
        "after the file": (3, 1),
        "after the file was fetched": (3, 4),  # nobody can know: the checkout knows a code that it has
    }
    assert (len(there), len(later)) == expected[dies]
    assert set(there) | set(later) == set(codes(world))


def _die(*_given: Any) -> None:
    raise KeyboardInterrupt


# --- posted


class Till(BaseHTTPRequestHandler):
    """The checkout's door: keeps what came, and answers from its script, else that all is well."""

    got: list[tuple[dict[str, str], bytes]]
    script: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.script.pop(0) if self.script else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_given: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def till(world: World) -> Iterator[type[Till]]:
    """A checkout at which the world's shop posts its codes, two at a time."""
    kind = type("OneTill", (Till,), {"got": [], "script": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/codes"
    settings = world.settings.model_copy(update={"checkout_secret": SecretStr(KEY)})
    world.shop = replace(world.shop, checkout=Checkout(url, 2, before_telling=True), settings=settings)
    yield kind
    server.shutdown()
    thread.join()
    server.server_close()


def posted(till: type[Till]) -> list[list[str]]:
    return [[code["code"] for code in json.loads(body)["coupons"]] for _, body in till.got]


def test_codes_are_posted_in_signed_batches_before_anybody_reads_them(world: World, till: type[Till]) -> None:
    make(world, 3)
    headers, body = till.got[0]
    stamp = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signature = b64decode(headers["webhook-signature"].removeprefix("v1,"))

    assert posted(till)[:2] == [codes(world)[:2], codes(world)[2:]]
    assert hmac.compare_digest(signature, hmac.digest(KEY.encode(), stamp, sha256))
    assert json.loads(body)["id"] == headers["webhook-id"] == "coupons_1"
    assert {message.text.strip() for message in world.email.got} == set(codes(world))
    assert all("Ada" not in body.decode() for _, body in till.got)


def test_their_last_moment_follows_once_it_is_known(world: World, till: type[Till]) -> None:
    make(world, 1)

    first, second = (json.loads(body)["coupons"][0] for _, body in till.got)
    assert (first["valid_days"], first["valid_until"]) == (14, None)
    assert second["valid_until"] == "2026-03-24T20:59:59.999999+00:00"


def test_nobody_reads_a_code_that_the_checkout_did_not_take_and_it_goes_again_under_its_name(
    world: World, till: type[Till]
) -> None:
    till.script[:] = [503]
    make(world, 2)
    held = [row.state for row in world.enrolments()], len(world.email.got)
    with reading(world.database) as connection:
        (trouble,) = (one for one in status(connection, NOON, NOON).troubles if one.kind == "checkout")
    world.tick(NOON + MINUTE / 2)  # and those who wait do not hammer at its door
    calls = len(till.got)
    world.tick(NOON + HOUR)
    names = [headers["webhook-id"] for headers, _ in till.got]

    assert held == (["active", "active"], 0)
    assert trouble.says == "the checkout has not taken 2 codes: answered 503"
    assert calls == 1 and names[:2] == ["coupons_1", "coupons_1"]
    assert {message.text.strip() for message in world.email.got} == set(codes(world))


def test_a_push_that_dies_between_the_answer_and_its_mark_goes_again_under_its_name(
    world: World, till: type[Till], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.shop = replace(world.shop, checkout=replace(world.shop.checkout, before_telling=False))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(exports, "end", _die)
        make(world, 2)
    push_codes(world.shop, NOON + HOUR, stopped_at(NOON + HOUR))

    assert [headers["webhook-id"] for headers, _ in till.got] == ["coupons_1", "coupons_1"]
    assert posted(till)[0] == posted(till)[1] == codes(world)
    assert [row.ended_at for row in world.rows(coupon_exports)] == [NOON + HOUR]


def test_without_a_key_nothing_leaves(world: World, till: type[Till]) -> None:
    settings = world.settings.model_copy(update={"checkout_secret": SecretStr("")})
    world.shop = replace(world.shop, settings=settings)
    make(world, 1)

    assert till.got == [] and world.email.got == []
    assert [row.problem for row in world.rows(coupon_exports)] == [NO_KEY]


def test_a_checkout_that_reads_files_can_be_waited_for_too(world: World, tmp_path: Path) -> None:
    world.shop = replace(world.shop, checkout=Checkout(before_telling=True))
    make(world, 2)
    before = len(world.email.got)
    new(world, tmp_path / "codes.csv")
    world.tick(NOON + HOUR)
    after = len(world.email.got)
    world.order(world.customer("Can"), NOON + HOUR)
    world.tick(NOON + 2 * HOUR)
    world.shop = replace(world.shop, checkout=Checkout())
    world.tick(NOON + 3 * HOUR)

    assert (before, after, len(world.email.got)) == (0, 2, 3)
    assert {row.exported for row in world.rows(coupons)} == {0}


def test_the_way_codes_go_can_be_another(world: World, till: type[Till]) -> None:
    """Who brings them is an argument: it is told where, the name and the body."""
    world.shop = replace(
        world.shop, checkout=replace(world.shop.checkout, before_telling=False, url="https://x.example")
    )
    got: list[tuple[str, str]] = []

    def bring(access: Access, name: str, body: bytes, at: datetime, timeout: float) -> Accepted:
        got.append((access.url.get_secret_value(), name))
        assert json.loads(body)["id"] == name
        return Accepted()

    make_plan_of_one(world)
    world.shop = replace(world.shop, checkout=Checkout("https://x.example", 10))

    done = push_codes(world.shop, NOON, stopped_at(NOON), bring)

    assert (done.batches, done.codes, done.problem) == (1, 1, None)
    assert got == [("https://x.example", "coupons_1")]


def make_plan_of_one(world: World) -> None:
    world.shop = replace(world.shop, checkout=Checkout())
    make(world, 1)
