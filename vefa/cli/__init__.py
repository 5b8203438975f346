"""The `vefa` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code: 0 right, 1 the user's mistake, 2 ours."""
    from vefa.cli.app import app

    app()
