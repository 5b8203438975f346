"""The very requests that our channels send. `GOLDEN_FILES=write` writes them anew, for you to read the difference.

`make contracts` sends the same messages to the providers' own OpenAPI files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.cases import CASES, Case
from tests.contracts.recorder import Recorder, written
from vefa.channels.base import Accepted
from vefa.channels.fakes.behaviours import Asked
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.server import FakeServer
from vefa.channels.fakes.twilio import FakeTwilio

GOLDEN = Path(__file__).parent / "golden"
ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def fake(provider: str) -> FakeServer:
    """The provider's stand-in, with all the rules that we know of the real one."""
    return FakeTwilio() if provider == "twilio" else FakeSendGrid()


def lines(requests: list[dict[str, Any]]) -> str:
    """JSON with a line for each key and each recipient, so that a difference can be read."""
    told = []
    for request in requests:
        body = ",\n".join(f"  {_json(key)}: {_many(value)}" for key, value in request["body"].items())
        rest = "".join(f"{_json(key)}: {_json(value)}, " for key, value in request.items() if key != "body")
        told.append(f'{{{rest}"body": {{\n{body}\n}}}}')
    return "[\n" + ",\n".join(told) + "\n]\n"


def _many(value: Any) -> str:
    return "[\n" + ",\n".join(f"   {_json(each)}" for each in value) + "]" if isinstance(value, list) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@ALL
def test_our_channel_sends_exactly_the_golden_requests(case: Case) -> None:
    provider = fake(case.provider)
    with Recorder(lambda asked: provider.answer(asked, keep=True)) as recorder:
        outcomes = case.send(recorder.url)

    sent = lines([exchange.request for exchange in recorder.exchanges])
    path = GOLDEN / f"{case.name}.json"
    if os.environ.get("GOLDEN_FILES") == "write":
        path.write_text(sent, encoding="utf-8")
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert sent == path.read_text(encoding="utf-8")


@ALL
def test_golden_requests_obey_every_rule_that_the_specifications_do_not_tell(case: Case) -> None:
    login = {"sendgrid": "Bearer key", "twilio": "Basic login"}[case.provider]
    provider = fake(case.provider)

    for request in json.loads((GOLDEN / f"{case.name}.json").read_text(encoding="utf-8")):
        body = written(request["content_type"], request["body"])
        asked = Asked(1, request["method"], request["path"], {"Authorization": login}, body)
        answer = provider.answer(asked, keep=False)
        assert answer.status in (201, 202), answer.body.decode()


def test_every_golden_file_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {case.name for case in CASES}
