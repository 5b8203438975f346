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
Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="The shop's number of the customer, an e-mail or a phone number.")
]
Days = Annotated[int, typer.Option(metavar="N", help="How many days, up to the moment.", min=1, max=3650)]
WeeksBack = Annotated[int, typer.Option(metavar="N", help="How many weeks, this one among them.", min=1, max=520)]
