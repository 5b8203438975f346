"""Events in: `POST /v1/events`, one or many, kept before they are answered."""

from __future__ import annotations

from asyncio import wrap_future
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from vefa.crm.arrivals import Arrival, Outcome, Receipt, refused
from vefa.crm.arriving import take
from vefa.crm.source_activity import note_activity
from vefa.engine.merging import unite_pending
from vefa.language.catalogue import EventType
from vefa.settings import Settings
from vefa.web.bodies import read_json
from vefa.web.committing import Gathered
from vefa.web.doors import needs
from vefa.web.event_forms import Refusal, read_event
from vefa.web.keys import ApiKey, note_use
from vefa.web.occasions import Occasions, watch_events
from vefa.web.service import Service

#: Events in one request.
MOST = 1000


class EventOut(BaseModel):
    """What became of one event."""

    id: str | None = Field(description="the sender's own; null where it could not be read")
    state: Literal["new", "known", "refused"]
    problem: str | None = Field(None, description="why it was refused, and what to do")


class EventsOut(BaseModel):
    """What became of all events of a request, in their order. What is not refused is kept for good."""

    new: int
    known: int
    refused: int
    results: list[EventOut]


_ONE = {"$ref": "#/components/schemas/EventIn"}
_BODY = {
    "requestBody": {
        "required": True,
        "description": f"One event, or a list of at most {MOST}.",
        "content": {
            "application/json": {
                "schema": {"oneOf": [_ONE, {"type": "array", "items": _ONE, "maxItems": MOST}]},
                "example": {
                    "id": "7f3a",
                    "type": "order.placed",
                    "customer": {"id": "12", "email": "ayse@ornek.example"},
                    "object": {"id": "1001"},
                    "occurred_at": "2026-03-10T14:05:00+03:00",
                    "data": {"total": "250.50", "currency": "TRY"},
                },
            }
        },
    }
}


class Problem(BaseModel):
    """What is wrong with a whole request."""

    detail: str


#: Answers that any path of ours may give.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    401: {"model": Problem, "description": "No key, or one that is not known."},
    403: {"model": Problem, "description": "The key is for something else."},
    408: {"model": Problem, "description": "The body did not arrive in time."},
    413: {"model": Problem, "description": "Too large."},
    429: {"model": Problem, "description": "Too fast; Retry-After says when to go on."},
    503: {"model": Problem, "description": "Nothing was kept; Retry-After says when to send it again."},
}


def events_room(service: Service) -> APIRouter:
    """The paths on which a shop tells what happens."""
    router = APIRouter(tags=["events"])
    occasions, door = watch_events(service.settings.root), Depends(needs(service, "events:write"))

    def write(connection: Connection, asked: Sequence[tuple[ApiKey, list[Arrival | Refusal]]]) -> list[list[Outcome]]:
        now = service.clock()
        creates = service.settings.web.unknown_customers == "create"
        outcomes: list[list[Outcome]] = []
        counts: Counter[str] = Counter()
        for key, requests in _together(asked):
            note_use(connection, key, now)
            told = iter(_take(connection, list(chain(*requests)), Receipt(key.source, now, creates, service.settings)))
            outcomes += [list(islice(told, len(read))) for read in requests]
            counts[f"events of {key.source}"] += sum(map(len, requests))
        unite_pending(connection, now)
        note_activity(connection, counts, now)
        return outcomes

    # Requests that come together are taken in by the same statements.
    taking = Gathered(write)

    @router.post(
        "/v1/events",
        summary="Tell what happened",
        response_model=EventsOut,
        responses={**PROBLEMS, 422: {"model": EventsOut, "description": "Not one of them could be taken."}},
        openapi_extra=_BODY,
    )
    async def post_events(request: Request, response: Response, key: ApiKey = door) -> EventsOut:
        """Each event is kept once, by its type and the sender's id; sending it again does no harm.

        An event that is refused stops no other. The answer comes when all others are kept for good.
        """
        body = await request.body()
        given, read = await run_in_threadpool(_read_all, body, occasions, service.settings)

        outcomes = await wrap_future(service.committer.ask(taking, (key, read)))
        answer = _answer(given, outcomes)
        response.status_code = 422 if given and answer.refused == len(given) else 200
        return answer

    return router


def _read_all(body: bytes, occasions: Occasions, settings: Settings) -> tuple[list[Any], list[Arrival | Refusal]]:
    """A thousand events take a moment: other requests are answered meanwhile."""
    given, events = _listed(read_json(body)), occasions()
    return given, [_read(each, events, settings) for each in given]


def _together(
    asked: Sequence[tuple[ApiKey, list[Arrival | Refusal]]],
) -> Iterator[tuple[ApiKey, list[list[Arrival | Refusal]]]]:
    """Requests with the same key, in their order, as many together as hold no more events than one may."""
    for key, same in groupby(asked, key=itemgetter(0)):
        requests: list[list[Arrival | Refusal]] = []
        for _, read in same:
            if requests and sum(map(len, requests)) + len(read) > MOST:
                yield key, requests
                requests = []
            requests.append(read)
        yield key, requests


def _listed(given: Any) -> list[Any]:
    events = given if isinstance(given, list) else [given]
    if len(events) > MOST:
        raise HTTPException(413, f"{len(events)} events are more than the {MOST} of one request. Send them in parts.")
    return events


def _read(given: Any, events: Mapping[str, EventType], settings: Settings) -> Arrival | Refusal:
    try:
        return read_event(given, events, settings)
    except Refusal as problem:
        return problem


def _take(connection: Connection, read: Sequence[Arrival | Refusal], receipt: Receipt) -> list[Outcome]:
    """The readable ones taken together; all in order."""
    taken = iter(take(connection, [each for each in read if isinstance(each, Arrival)], receipt))
    return [refused(str(each)) if isinstance(each, Refusal) else next(taken) for each in read]


def _answer(given: Sequence[Any], outcomes: Sequence[Outcome]) -> EventsOut:
    states = [outcome.state for outcome in outcomes]
    results = [
        EventOut(id=_id(each), state=outcome.state, problem=outcome.problem)
        for each, outcome in zip(given, outcomes, strict=True)
    ]
    return EventsOut(
        new=states.count("new"), known=states.count("known"), refused=states.count("refused"), results=results
    )


def _id(given: Any) -> str | None:
    named = given.get("id") if isinstance(given, dict) else None
    return str(named)[:200] if isinstance(named, str | int) else None
