"""What a Prefect server has written down of a flow run's tasks: it hears of them as events, and is often behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

#: Seconds between two looks: each costs the server a little, and it is on our core.
LOOK = 1.0
#: Seconds without anything new after which all is taken to be written down; and after which we give up.
CALM, PATIENCE = 3.0, 300.0
#: task runs that the server gives at once
PAGE = 200
_ENDED = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}


async def wait_for_runs(flow_run_id: object, number: int) -> None:
    """Until the server has written down the end of so many task runs."""
    deadline = time.monotonic() + PATIENCE
    async with get_client() as client:
        while await _count(client, flow_run_id, _ENDED) < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the Prefect server did not write down {number} task runs within {PATIENCE:g} s")
            await asyncio.sleep(LOOK)


async def written_runs(flow_run_id: object) -> Sequence[Any]:
    """Every task run of a flow run that has ended, once the server has nothing more to write."""
    known, calm_since, deadline = -1, time.monotonic(), time.monotonic() + PATIENCE
    async with get_client() as client:
        while time.monotonic() < deadline:
            ended, begun = await _count(client, flow_run_id, _ENDED), await _count(client, flow_run_id, {})
            if ended != known or ended < begun:
                known, calm_since = ended, time.monotonic()
            elif ended and time.monotonic() - calm_since > CALM:
                return await _all_pages(client, flow_run_id)
            await asyncio.sleep(LOOK)
    raise TimeoutError(f"the Prefect server was not through with the task runs within {PATIENCE:g} s")


async def _count(client: PrefectClient, flow_run_id: object, which: Mapping[str, Any]) -> int:
    asked = {"flow_runs": {"id": {"any_": [str(flow_run_id)]}}, "task_runs": which}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{str(client.api_url).rstrip('/')}/task_runs/count", json=asked, timeout=60)
    return int(answer.raise_for_status().json())


async def _all_pages(client: PrefectClient, flow_run_id: Any) -> list[Any]:
    ours = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    runs: list[Any] = []
    while page := await client.read_task_runs(flow_run_filter=ours, limit=PAGE, offset=len(runs)):
        runs += page
    return runs
