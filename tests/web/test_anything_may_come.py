"""Whatever is sent to whatever path, the answer is never a fault of ours, and what is kept can be taken in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
import requests
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.acceptance.small_shop import NOON
from tests.web.asking import Asked
from tests.web.shop_systems import SECRET, parcel, shopify_order, woo_order
from tests.web.test_events_in import JOINED, PLACED
from tests.web.test_mapped_hooks import MAP, TICKET
from vefa.crm.happenings import FACT_TABLES
from vefa.crm.importers.targets import TARGETS
from vefa.crm.shops import shopify, woocommerce
from vefa.settings import Limits, Settings, Web

NASTY = [
    "\x00",
    "'; DROP TABLE orders;--",
    "{{ 7*7 }}",
    "{% include 'x' %}",
    "ı" * 300,
    "\u202e",
    "1e400",
    "NaN",
    "",
    " ",
]
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(NASTY))
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([2**31, 2**63, -(2**63), 10**30, 0.1, 1e300]),
    st.floats(allow_nan=False, allow_infinity=False),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, TEXTS, st.sampled_from(["2026-03-10T08:00:00Z", "2026-03-10", "TRY"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
COLUMNS = sorted({name for target in TARGETS.values() for name in target.names} | {"lines"})
TYPES = [moment.type for fact in FACT_TABLES.values() for moment in fact.moments]


def like(example: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The example, with some of its values gone mad."""
    return st.dictionaries(st.sampled_from(sorted(example)), VALUES, max_size=3).map(
        lambda change: {**example, **change}
    )


DATA = st.dictionaries(st.one_of(st.sampled_from(COLUMNS), TEXTS), VALUES, max_size=4)
EVENTS = st.one_of(
    like(JOINED),
    like(PLACED),
    st.builds(
        lambda type_, data, own: {**own, "type": type_, "data": data}, st.sampled_from(TYPES), DATA, like(PLACED)
    ),
    VALUES,
)
RAW = st.one_of(st.binary(max_size=200), st.just(b"[" * 3000), st.just(b"\xff\xfe{}"))


def encodable(value: Any) -> bytes:
    """As JSON, numbers that are too large for it as text."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return repr(value).encode("utf-8", "replace")


BODIES = st.one_of(
    RAW, *((each | st.lists(each, max_size=4)).map(encodable) for each in (EVENTS, like(TICKET), VALUES))
)
HEADER_NAMES = st.sampled_from(
    [
        *("content-type", "content-encoding", "accept", "authorization", "x-forwarded-for", "host", "cookie", "range"),
        *(
            "x-wc-webhook-signature",
            "x-wc-webhook-topic",
            "x-shopify-topic",
            "x-shopify-hmac-sha256",
            "origin",
            "expect",
        ),
    ]
)
HEADERS = st.lists(st.tuples(HEADER_NAMES.map(str.encode), st.binary(max_size=40)), max_size=4)


@pytest.fixture
def open_shop(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    """A shop that knows two events and a map, and limits nobody."""
    config = settings.root / "config"
    (config / "importers").mkdir()
    (config / "importers" / "desk.yaml").write_text(MAP)
    (config / "events.yaml").write_text("loyalty.joined: joined\n")
    web = Web(limits=Limits(address_per_second=0, key_per_second=0))
    secrets = {"woocommerce_secret": SecretStr(SECRET), "shopify_secret": SecretStr(SECRET)}
    asked = Asked(engine, settings.model_copy(update={"web": web, **secrets}))
    yield asked
    asked.service.close()


#: Not among them: that all of the right form is taken. It may be about an event or a map that this shop has not.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
ONE_SHOP = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def send(asked: Asked, method: str, path: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> httpx.Response:
    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app=asked.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://vefa") as client:
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(asking())


@ONE_SHOP
@given(data=st.data())
def test_no_path_ever_answers_with_a_fault_of_ours(open_shop: Asked, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from([*open_shop.paths(), ("PUT", "/v1/events"), ("POST", "/nowhere")]))
    path = re.sub(r"\{[^}]*\}", lambda _: quote(data.draw(st.just("desk") | TEXTS), safe=""), path)
    mine = [(b"authorization", f"Bearer {open_shop.key}".encode())] if data.draw(st.booleans()) else []

    answer = send(open_shop, method, path, data.draw(BODIES), [*mine, *data.draw(HEADERS)])

    assert answer.status_code < 500 or path == "/health/status"  # which says so when something is late


@pytest.fixture
def operations(open_shop: Asked) -> list[APIOperation]:
    """All that the OpenAPI document has, as it is served."""
    document = open_shop.ask("GET", "/v1/openapi.json", key=None).json()
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


@ONE_SHOP
@given(data=st.data())
def test_whatever_the_document_lets_one_ask_or_does_not_is_answered_as_it_says(
    open_shop: Asked, operations: list[APIOperation], data: st.DataObject
) -> None:
    for operation in operations:
        case = data.draw(operation.as_strategy(data.draw(st.sampled_from(GenerationMode))))
        if data.draw(st.integers(0, 4)):
            case.headers["Authorization"] = f"Bearer {open_shop.key}"
        if "name" in case.path_parameters and data.draw(st.booleans()):
            case.path_parameters["name"] = "desk"

        case.validate_response(as_asked(open_shop, case), checks=CHECKS)
    open_shop.take()


def as_asked(asked: Asked, case: Case) -> httpx.Response:
    """What the service answers to it."""
    made = requests.Request(**case.as_transport_kwargs("http://vefa")).prepare()
    body = made.body.encode() if isinstance(made.body, str) else made.body or b""
    headers = [(name.encode(), str(value).encode("latin-1")) for name, value in made.headers.items()]
    return send(asked, made.method or "", made.url or "", body, headers)


@ONE_SHOP
@given(body=st.one_of(EVENTS, st.lists(EVENTS, max_size=5)).map(encodable))
def test_events_of_any_kind_are_answered_one_by_one(open_shop: Asked, body: bytes) -> None:
    answer = open_shop.ask("POST", "/v1/events", content=body)

    assert answer.status_code in (200, 400, 422)
    again = open_shop.ask("POST", "/v1/events", content=body)
    if answer.status_code != 400:
        said, repeated = answer.json()["results"], again.json()["results"]
        assert [each["state"] == "refused" for each in said] == [each["state"] == "refused" for each in repeated]
        assert {each["state"] for each in repeated} <= {"known", "refused"}


@ONE_SHOP
@given(
    kind=st.sampled_from(["woocommerce", "shopify"]),
    body=st.one_of(like(woo_order()), like(shopify_order(fulfillments=[parcel(1)])), like(parcel(1)), VALUES).map(
        encodable
    ),
    data=st.data(),
)
def test_what_a_shop_system_signs_is_taken_in_or_kept_with_its_problem(
    open_shop: Asked, kind: str, body: bytes, data: st.DataObject
) -> None:
    signed = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    topic = data.draw(st.sampled_from((woocommerce if kind == "woocommerce" else shopify).TOPICS))
    names = ("X-WC-Webhook-Topic", "X-WC-Webhook-Signature", "X-Shopify-Topic", "X-Shopify-Hmac-Sha256")
    headers = dict(zip(names, (topic, signed, topic, signed), strict=True))

    assert open_shop.ask("POST", f"/v1/hooks/{kind}", key=None, content=body, headers=headers).status_code in (200, 400)
    open_shop.take()


@ONE_SHOP
@given(body=st.one_of(like(TICKET), st.lists(like(TICKET), max_size=4), VALUES).map(encodable))
def test_rows_of_any_form_are_taken_in(open_shop: Asked, body: bytes) -> None:
    answer = open_shop.ask("POST", "/v1/hooks/mapped/desk", content=body)

    assert answer.status_code in (202, 400, 422)
    open_shop.take()
    assert open_shop.clock.now == NOON
