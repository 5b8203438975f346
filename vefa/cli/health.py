"""`vefa health`: whether this vefa lives, can work and is on time, over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from vefa.cli.printing import err
from vefa.cli.session import Session


def health(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port to answer on.")] = 8021,
    host: Annotated[str, typer.Option(help="Who may ask: only this machine, or 0.0.0.0 for all.")] = "127.0.0.1",
) -> None:
    """Answer over HTTP how vefa is: /health/live, /health/ready, /health/status, and /metrics for Prometheus."""
    import uvicorn

    from vefa.clock import system_clock
    from vefa.database import open_database
    from vefa.plan.project import loyalty_rests
    from vefa.web.health import health_app

    session: Session = context.obj
    engine = open_database(session.settings.database)
    err().print(f"http://{host}:{port}/health/status and …/metrics; Ctrl-C ends it.", markup=False)
    try:
        # Its own log names who asked; ours says nothing of them.
        settings = session.settings
        iys = settings.iys.enabled
        answering = health_app(engine, system_clock, iys=iys, rests=lambda: loyalty_rests(settings))
        uvicorn.run(answering, host=host, port=port, log_config=None, access_log=False)
    finally:
        engine.dispose()
