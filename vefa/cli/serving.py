"""`vefa serve` and `vefa instant`: where the shop, the providers and the customers answer, and what follows at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.printing import err
from vefa.cli.session import Session

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from vefa.engine.resident import Resident, Told
    from vefa.engine.shop import Shop
    from vefa.inbox import Taker

#: Said at the start, because nobody is thanked within a second then.
WITHOUT_INSTANT = (
    "What comes is taken in here. Journeys with `runs: at once` are walked by `vefa instant`, if it runs; else by their"
    " schedule."
)
#: What other packages want to hear of the instant path, about once a minute.
WATCHERS = "vefa.watchers"


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port to answer on.")] = 8020,
    host: Annotated[str, typer.Option(help="Who may ask: only this machine, or 0.0.0.0 for all.")] = "127.0.0.1",
    instant: Annotated[
        bool,
        typer.Option(help="Walk journeys with `runs: at once` as events come; else it only takes in what comes."),
    ] = True,
) -> None:
    """Answer over HTTP: events in, webhooks of providers and shops, unsubscribe and preference pages, health."""
    from vefa.secret_key import secret_of
    from vefa.web.app import make_app
    from vefa.web.service import open_service
    from vefa.web.serving import serve_app

    session: Session = context.obj
    with session.store() as engine:
        service = open_service(session.settings, engine, secret_of(session.settings))
        resident = make_resident(session, engine, walks=instant)
        service.committer.after_commit = resident.wake
        err().print(f"http://{host}:{port}; Ctrl-C ends it.", markup=False)
        if not instant:
            err().print(WITHOUT_INSTANT, markup=False)
        with working(resident):
            serve_app(make_app(service), host, port, session.settings.web.limits)


def instant(context: typer.Context) -> None:
    """Walk journeys with `runs: at once` as events come, in a process of its own beside `vefa serve --no-instant`."""
    import signal

    session: Session = context.obj
    with session.store() as engine:
        resident = make_resident(session, engine)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: resident.stop())
        err().print("Waiting for events; Ctrl-C ends it when what is on its way has come back.", markup=False)
        resident.run()


def make_resident(session: Session, engine: Engine, *, walks: bool = True) -> Resident:
    """The instant path over the session's shop; without `walks` it only takes in what came."""
    from importlib.metadata import entry_points

    from vefa.engine.consent_relay import queue_consents
    from vefa.engine.erasures import carry_out
    from vefa.engine.resident import Resident
    from vefa.engine.shop import open_shop
    from vefa.plan.project import load_project
    from vefa.web.takers import takers_of

    settings = session.settings
    tellers = [entry.load() for entry in entry_points(group=WATCHERS)]

    def opened() -> Shop:
        return open_shop(settings, database=engine, policy=load_project(settings.root, settings).policy)

    def stamp() -> object:
        files = (settings.root / "config").glob("**/*")
        return frozenset((path, path.stat().st_mtime_ns) for path in files if path.is_file())

    def tell(told: Mapping[str, Told]) -> None:
        for teller in tellers:
            teller(told)

    def takers() -> Mapping[str, Taker]:
        return takers_of(settings)

    def after(now: datetime) -> int:
        return carry_out(engine, settings, now) + queue_consents(engine, settings, now)

    return Resident(engine, opened, takers, teller=tell, stamp=stamp, walks=walks, carry_out=after)


@contextmanager
def working(resident: Resident) -> Iterator[None]:
    """The resident at work in a thread of its own, ended with the block."""
    from threading import Thread

    thread = Thread(target=resident.run, name="resident")
    thread.start()
    try:
        yield
    finally:
        resident.stop()
        thread.join()
