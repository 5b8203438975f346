"""What Prefect hears of a run: the same lines, and of an error nothing that may quote a customer."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from flows.housekeeping import housekeeping
from flows.lines import run_lines
from flows.loyalty import loyalty
from tasks.discretion import Broken, RunStopped, discreetly
from tasks.steps import may_repeat
from vefa.errors import UserError
from vefa.settings import Settings

PRIVATE = "Dear Ayşe, at ayse@ornek.example or +905321234567"


def test_an_error_comes_out_as_its_kind_and_place() -> None:
    with pytest.raises(Broken) as caught, discreetly():
        raise KeyError(PRIVATE)

    assert re.fullmatch(r"KeyError at [\w/]*test_discretion\.py:\d+", str(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [UserError("Mend the file."), RunStopped("cancelled")])
def test_our_own_sentences_come_out_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, discreetly():
        try:
            raise KeyError(PRIVATE)
        except KeyError as cause:
            raise error from cause

    assert caught.value is error
    assert caught.value.__cause__ is None


def test_what_broke_may_be_tried_again_and_what_a_person_must_mend_may_not() -> None:
    class Ended:
        def __init__(self, data: Exception) -> None:
            self.data = data

    assert may_repeat(None, None, Ended(Broken("KeyError at x.py:1")))
    assert not may_repeat(None, None, Ended(UserError("Mend the file.")))


pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def prefect(prefect_server: str) -> Iterator[None]:
    """A server that gets the runs' logs."""
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: True}):
        yield
    gc.collect()  # what Prefect left is this test's, not the next one's


def logged(run_id: Any, wanted: str) -> str:
    """All lines of the run on the server, once the wanted one is among them."""

    async def asked() -> str:
        async with get_client() as client:
            found = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))
            return "\n".join(each.message for each in found)

    deadline = time.monotonic() + 30
    while wanted not in (said := asyncio.run(asked())) and time.monotonic() < deadline:
        time.sleep(0.2)
    return said


@pytest.mark.prefect
def test_neither_the_server_nor_our_file_gets_what_an_error_quotes(
    prefect: None, settings: Settings, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    @flow(name="breaks", persist_result=False)
    async def breaks() -> None:
        with run_lines(settings, journey="win-back"), discreetly():
            raise KeyError(PRIVATE)

    state = asyncio.run(breaks(return_state=True))
    said = logged(state.state_details.flow_run_id, "Finished in state")
    (file,) = (settings.var / "log").iterdir()
    written = file.read_text(encoding="utf-8")
    everything = "".join((said, written, str(state.message), caplog.text, *capfd.readouterr()))

    assert "something broke  journey=win-back  error=KeyError" in said
    line = json.loads(written)
    assert (line["journey"], line["error"]) == ("win-back", "KeyError")
    assert line["flow_run"] == str(state.state_details.flow_run_id)
    assert "test_discretion.py" in str(state.message)
    assert not [word for word in ("Ayşe", "ayse@", "+9053") if word in everything]


@pytest.mark.prefect
def test_housekeeping_runs_as_a_flow(prefect: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEFA_ROOT", str(settings.root))

    state = asyncio.run(housekeeping(return_state=True))

    assert state.message == "nothing was old"


@pytest.mark.prefect
def test_points_are_posted_by_a_flow(prefect: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEFA_ROOT", str(settings.root))
    file = settings.root / "config" / "loyalty.yaml"

    none = asyncio.run(loyalty(return_state=True))
    file.write_text("starts: 2026-01-01\n")
    idle = asyncio.run(loyalty(return_state=True))
    file.write_text("start: 2026-01-01\n")
    wrong = asyncio.run(loyalty(return_state=True))

    assert [none.message, idle.message] == ["there is no loyalty programme", "nothing was due"]
    assert wrong.is_failed()
    assert 'Did you mean "starts"?' in str(wrong.message)
