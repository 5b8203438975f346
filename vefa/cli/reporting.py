"""`vefa report`: the shop's measures, and what each part of the work brought. Each report is a command of its own."""

from __future__ import annotations

import typer

report = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="The shop's measures, and what the journeys brought.",
)
