"""Rows of whatever a shop can send as JSON, by the column maps of its imports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from vefa.crm.importers.json_files import flat
from vefa.crm.importers.map_files import find_map, map_names
from vefa.crm.importers.maps import ImportMap, unknown
from vefa.crm.importers.messages import take_rows
from vefa.errors import ImportMapError
from vefa.inbox import Postponed, Received, Taker
from vefa.settings import Settings
from vefa.web.bodies import read_json
from vefa.web.doors import needs
from vefa.web.events import PROBLEMS, Problem
from vefa.web.keys import ApiKey
from vefa.web.service import Service

#: Rows in one request.
MOST = 1000
#: Kinds in the inbox begin with this; the map's name follows.
KIND = "mapped:"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]

_OWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such map."},
    409: {"model": Problem, "description": "The map holds mistakes; nothing was kept."},
    422: {"model": Problem, "description": "These are no rows for the map."},
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "One row, a list of rows, or for a map of several inputs an object with the rows of each.",
        "content": {"application/json": {"schema": {"oneOf": [{"type": "object"}, {"type": "array"}]}}},
    }
}


class RowsKept(BaseModel):
    """How many rows were written down. Those that cannot be used are in `rejects` a moment later."""

    rows: int = Field(ge=0)


def mapped_hooks_room(service: Service) -> APIRouter:
    """The path for rows of any form."""
    router, door = APIRouter(tags=["shop systems"]), Depends(needs(service, "hooks:write"))

    @router.post(
        "/v1/hooks/mapped/{name}",
        summary="Rows by a column map",
        status_code=202,
        response_model=RowsKept,
        responses=PROBLEMS | _OWN,
        openapi_extra=_BODY,
    )
    async def mapped_hook(name: str, request: Request, key: ApiKey = door) -> RowsKept:
        """Rows for the map `config/importers/NAME.yaml`. What stands inside an object is the column `outer.inner`."""
        body = await request.body()
        rows = await run_in_threadpool(_checked, service.settings, name, body)
        if count := sum(map(len, rows.values())):
            await service.inbox.put(f"{KIND}{name}", body, {"key": key.name})
        return RowsKept(rows=count)

    return router


def _checked(settings: Settings, name: str, body: bytes) -> Rows:
    """The rows of a body. Raises HTTPException."""
    if name not in map_names(settings.root):
        raise HTTPException(404, "There is no such map in config/importers.")
    try:
        given = find_map(settings, name)
    except ImportMapError:
        raise HTTPException(409, f'The map "{name}" has mistakes; vefa import {name} tells them.') from None
    try:
        rows = rows_of(given, read_json(body))
    except ValueError as problem:
        raise HTTPException(422, str(problem)) from None
    if (count := sum(map(len, rows.values()))) > MOST:
        raise HTTPException(413, f"{count} rows are more than the {MOST} of one request. Send them in parts.")
    return rows


def rows_of(given: ImportMap, body: Any) -> Rows:
    """The rows of each input; raises ValueError with a sentence."""
    if len(given.inputs) == 1:
        return {next(iter(given.inputs)): _listed(body)}
    if not isinstance(body, dict):
        raise ValueError(f"This map has several inputs: send an object with rows for {', '.join(given.inputs)}.")
    for name in body:
        if name not in given.inputs:
            raise ValueError(unknown("input", name[:80], given.inputs))
    return {name: _listed(those) for name, those in body.items()}


def _listed(given: Any) -> list[Mapping[str, Any]]:
    rows = given if isinstance(given, list) else [given]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("Each row must be an object.")
    return rows


def mapped_takers(settings: Settings) -> Mapping[str, Taker]:
    """A taker for each map that the shop has now."""
    return {f"{KIND}{name}": _taker(settings, name) for name in map_names(settings.root)}


def _taker(settings: Settings, name: str) -> Taker:
    def taker(connection: Connection, received: Sequence[Received], now: datetime) -> None:
        rows: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        try:
            given = find_map(settings, name)
            for each in received:
                for input_name, those in rows_of(given, read_json(each.body)).items():
                    rows[input_name] += map(flat, those)
        except (ImportMapError, ValueError):  # the rows were right when they came
            raise Postponed(f"the map {name} holds mistakes: vefa import {name} tells them") from None
        take_rows(connection, given, rows, now, settings)

    return taker
