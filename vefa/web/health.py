"""Whether this vefa lives, can work, and is on time: for load balancers, monitoring and Prometheus. Counts only.

`health_app` is a Starlette application of its own, to be served alone or mounted into a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from vefa.clock import Clock
from vefa.database import reading
from vefa.foresight.status import JourneyStatus, Status, status
from vefa.store import version_of, versions

#: Both numbers of a journey's last day, by what became of the messages.
SENDINGS = ("sent", "held", "failed", "unknown")


def health_app(
    engine: Engine, clock: Clock, *, iys: bool = False, rests: Callable[[], bool] = lambda: False
) -> Starlette:
    """`/live`, `/ready`, `/status` below `/health`, and `/metrics`. It reads, and never migrates. `iys`: it is on;
    `rests`: whether the loyalty programme does now."""

    def live(_request: Request) -> Response:
        return JSONResponse({"live": True})

    def ready(_request: Request) -> Response:
        problem = _problem(engine)
        return JSONResponse({"ready": problem is None, "problem": problem}, 503 if problem else 200)

    def standing(_request: Request) -> Response:
        found, problem = _look(engine, clock, iys, rests())
        if found is None:
            return JSONResponse({"problem": problem}, 503)
        troubles = [
            {"kind": each.kind, "journey": each.journey, "says": each.says, "do": each.do} for each in found.troubles
        ]
        return JSONResponse({"late": bool(troubles), "troubles": troubles}, 503 if troubles else 200)

    def metrics(_request: Request) -> Response:
        found, _ = _look(engine, clock, iys, rests())
        text = "\n".join(_lines(found)) + "\n"
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    routes = {"/health/live": live, "/health/ready": ready, "/health/status": standing, "/metrics": metrics}
    return Starlette(routes=[Route(path, answer) for path, answer in routes.items()])


def _problem(engine: Engine) -> str | None:
    """Why no work can be done; None where it can. A driver's own words may name hosts and users, and stay here."""
    try:
        with reading(engine) as connection:
            version = version_of(connection)
    except sa.exc.SQLAlchemyError:
        return "the database cannot be reached"
    if version == versions()[-1]:
        return None
    return f"the tables are at version {version or 'none'}; this vefa needs {versions()[-1]}"


def _look(engine: Engine, clock: Clock, iys: bool, rests: bool) -> tuple[Status | None, str | None]:
    if (problem := _problem(engine)) is not None:
        return None, problem
    with reading(engine) as connection:
        return status(connection, clock(), clock(), iys=iys, rests=rests), None


def _lines(found: Status | None) -> Iterator[str]:
    """Prometheus' text form. Without a database there is one number, which says so."""
    yield from _metric("vefa_ready", "1 where the database is there and up to date.", [("", int(found is not None))])
    if found is None:
        return
    yield from _metric("vefa_troubles", "Things that are late or wrong.", [("", len(found.troubles))])
    yield from _metric("vefa_breakers_open", "Channels that nothing may go by.", [("", len(found.breakers))])
    yield from _metric("vefa_unknown", "Messages that may or may not have gone out.", [("", found.unknown_in_all)])
    for name, meaning in (
        ("active", "Customers inside."),
        ("due", "Customers and messages due."),
        ("late", "Late ones."),
    ):
        yield from _metric(
            f"vefa_journey_{name}", meaning, [(_of(each), getattr(each, name)) for each in found.journeys]
        )
    running = [(_of(each), int(each.state in ("live", "closing"))) for each in found.journeys]
    yield from _metric("vefa_journey_running", "1 while it runs, 0 while it is paused.", running)
    ticks = [
        (_of(each), round((found.now - each.last_tick_at).total_seconds()))
        for each in found.journeys
        if each.last_tick_at is not None
    ]
    yield from _metric("vefa_journey_seconds_since_walk", "Since its last completed walk.", ticks)
    day = [(_of(each, f',state="{kind}"'), getattr(each.day, kind)) for each in found.journeys for kind in SENDINGS]
    yield from _metric("vefa_journey_messages_24h", "What became of messages in 24 hours.", day)


def _metric(name: str, meaning: str, samples: list[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} gauge"
    yield from (f"{name}{labels} {value}" for labels, value in samples)


def _of(each: JourneyStatus, more: str = "") -> str:
    """The labels of a journey, which is named by a file."""
    name = each.journey.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{journey="{name}"{more}}}'
