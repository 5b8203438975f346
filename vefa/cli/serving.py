"""`vefa serve`: where the shop, the providers and the customers answer."""

from __future__ import annotations

from typing import Annotated

import typer

from vefa.cli.printing import err
from vefa.cli.session import Session


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port to answer on.")] = 8020,
    host: Annotated[str, typer.Option(help="Who may ask: only this machine, or 0.0.0.0 for all.")] = "127.0.0.1",
) -> None:
    """Answer over HTTP: events in, webhooks of providers and shops, unsubscribe and preference pages, health."""
    from vefa.engine.shop import secret_of
    from vefa.web.app import make_app
    from vefa.web.service import open_service
    from vefa.web.serving import serve_app

    session: Session = context.obj
    with session.store() as engine:
        service = open_service(session.settings, engine, secret_of(session.settings))
        err().print(f"http://{host}:{port}; Ctrl-C ends it.", markup=False)
        serve_app(make_app(service), host, port)
