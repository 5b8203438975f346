"""All commands put together.

A module of commands imports only typer, rich and this package's own light modules at its top; databases, pandas and
providers come in where a command needs them, so that `vefa --help` answers in well under a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vefa.cli import (
    checking,
    consenting,
    coupons,
    customers,
    demo,
    explaining,
    health,
    housekeeping,
    keys,
    outbox,
    points,
    previewing,
    privacy,
    recommending,
    rejects,
    report_complaints,
    report_coupons,
    report_feedback,
    report_loyalty,
    report_measures,
    report_replies,
    report_tests,
    report_themes,
    reporting,
    requests,
    restoring,
    running,
    serving,
    shop_data,
    standing,
    suppressions,
)
from vefa.cli.group import Vefa
from vefa.cli.session import Session

JOURNEYS, DATA, WATCH, BEGIN = "Journeys", "The shop's data", "What happened, and why", "Begin here"

Log = Literal["file", "stderr", "json", "none"]

app = typer.Typer(
    name="vefa",
    cls=Vefa,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"vefa {version('vefa')}")
        raise typer.Exit


@app.callback()
def vefa(
    context: typer.Context,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The shop's folder, with journeys/ and config/; else VEFA_ROOT, else the nearest one upwards.",
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        Log | None,
        typer.Option(
            help="Where log lines go: a file a day in var/log, standard error (for people on a terminal, else JSON), "
            "JSON on standard error, or nowhere; else what the settings say.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Post-purchase journeys as code: who is written to after buying, when, and with which words."""
    context.obj = Session(root, log)


app.command("demo", rich_help_panel=BEGIN)(demo.demo)
app.command("check", rich_help_panel=JOURNEYS)(checking.check)
app.command("explain", rich_help_panel=JOURNEYS)(explaining.explain)
app.command("preview", rich_help_panel=JOURNEYS)(previewing.preview)
app.command("run", rich_help_panel=JOURNEYS)(running.run)
app.command("restored", rich_help_panel=JOURNEYS)(restoring.restored)
app.command("import", rich_help_panel=DATA)(shop_data.import_)
app.command("rejects", rich_help_panel=DATA)(rejects.rejects)
app.command("demo-shop", rich_help_panel=DATA)(shop_data.demo_shop)
app.add_typer(recommending.recommendations, name="recommendations", rich_help_panel=DATA)
app.command("export", rich_help_panel=DATA)(requests.export)
app.command("forget", rich_help_panel=DATA)(requests.forget)
app.add_typer(suppressions.suppressions, name="suppressions", rich_help_panel=DATA)
app.command("privacy", rich_help_panel=DATA)(privacy.privacy)
app.command("keys", rich_help_panel=DATA)(keys.keys)
app.add_typer(coupons.coupons, name="coupons", rich_help_panel=DATA)
app.command("status", rich_help_panel=WATCH)(standing.status)
app.command("health", rich_help_panel=WATCH)(health.health)
app.command("serve", rich_help_panel=WATCH)(serving.serve)
app.command("instant", rich_help_panel=WATCH)(serving.instant)
app.command("housekeeping", rich_help_panel=WATCH)(housekeeping.housekeeping)
app.command("why", rich_help_panel=WATCH)(customers.why)
reporting.report.command("coupons")(report_coupons.report_coupons)
reporting.report.command("measures")(report_measures.measures)
reporting.report.command("effects")(report_measures.effects)
reporting.report.command("replies")(report_replies.replies)
reporting.report.command("complaints")(report_complaints.complaints)
reporting.report.command("feedback")(report_feedback.feedback)
reporting.report.command("themes")(report_themes.themes)
reporting.report.command("tests")(report_tests.report_tests)
app.add_typer(reporting.report, name="report", rich_help_panel=WATCH)
reporting.report.command("loyalty")(report_loyalty.loyalty)
app.add_typer(points.points, name="points", rich_help_panel=DATA)
app.command("consent", rich_help_panel=WATCH)(consenting.consent)
app.command("iys", rich_help_panel=WATCH)(consenting.iys)
app.command("outbox", rich_help_panel=WATCH)(outbox.outbox)
