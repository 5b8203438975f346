"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Now = Annotated[
    str | None,
    typer.Option(
        metavar="MOMENT",
        help="As of this moment, such as 2026-03-01T10:00 (the shop's time) or with +03:00; else now.",
        show_default=False,
    ),
]
