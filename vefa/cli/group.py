"""The group of all commands: what becomes of errors, and commands that other packages add.

Exit codes: 0 right, 1 the user's mistake (a sentence), 2 ours (a line here, the traceback in a log), 130 stopped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from vefa.cli.printing import err
from vefa.cli.session import Session
from vefa.errors import UserError, VefaError
from vefa.files import make_private_folder, open_private
from vefa.logs import masked, traced

COMMANDS = "vefa.commands"

#: Said in the list of commands, where loading a whole package for one line would be slow.
CONTRIBUTED = {
    "deploy": "Bring the journeys to Prefect: plans, schedules and what becomes of those inside.",
    "pause": "Stop a journey where it stands: nobody enters, nothing is sent, waits go on.",
    "resume": "Let a paused journey go on.",
    "up": "Start everything on this machine: Prefect's server, a worker and the live journeys.",
}


class Contributed(TyperCommand):
    """A command of another package, known by name and loaded when it is called."""

    def __init__(self, entry: EntryPoint) -> None:
        said = CONTRIBUTED.get(entry.name, f"Contributed by {entry.value.partition(':')[0]}.")
        super().__init__(entry.name, help=said, rich_help_panel="With Prefect")
        self.entry = entry

    def load(self) -> Any:
        """The command itself: a function with typer's annotations, or a whole Typer application."""
        loaded = self.entry.load()
        if not isinstance(loaded, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode="rich")
            single.command(self.name)(loaded)
            loaded = single
        command = typer.main.get_command(loaded)
        command.name = self.name
        return command


class Vefa(TyperGroup):
    """All commands; those of other packages come after our own."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*self.commands, *(name for name in _contributed() if name not in self.commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if (own := self.commands.get(cmd_name)) is not None:
            return own
        entry = _contributed().get(cmd_name)
        return None if entry is None else Contributed(entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if not isinstance(command, Contributed):
            return name, command, rest
        if ctx.obj is not None and ctx.obj.given_root is not None:
            # What other packages start, here or as processes of their own, works on the same shop.
            os.environ["VEFA_ROOT"] = str(ctx.obj.given_root.resolve())
        return name, command.load(), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err().print("\nStopped. What is done is kept; the same command goes on from there.")
            raise typer.Exit(130) from None
        except UserError as error:
            err().print(f"{error}", style="red", markup=False)
            raise typer.Exit(1) from None
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            err().print(_ours(error, ctx.obj), style="red", markup=False)
            raise typer.Exit(2) from None

    def main(  # the arguments are the base class's
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            code = _misused(error)
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code


def _misused(error: TyperException) -> int:
    """A wrong option or argument is the user's mistake: a sentence and where to read on."""
    if not error.message:
        return 0  # no arguments at all: the help has been shown
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "vefa"
    err().print(f"{error.format_message()}\nSee {path} --help.", style="red", markup=False)
    return 1


def _contributed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name)}


def _ours(error: Exception, session: Session | None) -> str:
    """One line about a fault of ours. Only vefa's own sentences are shown: others may hold an address."""
    said = (
        masked(str(error)) if isinstance(error, VefaError) else f"Something broke inside vefa ({type(error).__name__})."
    )
    try:
        return f"{said} The details are in {_log(error, session)}."
    except OSError:
        return f"{said} The details could not be written to a log."


def _log(error: Exception, session: Session | None) -> Path:
    path = _home(session) / "var" / "log" / "vefa-error.log"
    make_private_folder(path.parent)
    with open_private(path, "a", encoding="utf-8") as log:
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {traced(error)}\n")
    return path


def _home(session: Session | None) -> Path:
    try:
        return session.root if session else Path.cwd()
    except VefaError:
        return (session.given_root if session else None) or Path.cwd()
