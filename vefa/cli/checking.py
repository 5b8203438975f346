"""`vefa check`: everything that can be known before the night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Json
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.foresight.check import Check, Word
    from vefa.foresight.findings import Finding


def check(
    context: typer.Context,
    fields: Annotated[bool, typer.Option("--fields", help="List every field with its type and meaning.")] = False,
    events: Annotated[bool, typer.Option("--events", help="List every event with its meaning.")] = False,
    words: Annotated[bool, typer.Option("--words", help="List every variable that templates may use.")] = False,
    as_json: Json = False,
) -> None:
    """Check journeys, templates, policy and settings: all mistakes at once, each with its place.

    Errors end with exit code 1; warnings alone do not.
    """
    from vefa.foresight import check as checks
    from vefa.foresight.order_contents import lint_stored_data

    lists = ((fields, checks.fields), (events, checks.events), (words, checks.words))
    if asked := [each() for wanted, each in lists if wanted]:
        _list_words([word for each in asked for word in each], as_json)
        return
    session: Session = context.obj
    found = checks.check(session.project, session.settings)
    stored = tuple(lint_stored_data(session.settings, session.moment(None)))
    found = replace(found, warnings=(*found.warnings, *stored))
    print_json(found) if as_json else _show(found)
    if not found.good:
        raise typer.Exit(1)


def _list_words(words: Sequence[Word], as_json: bool) -> None:
    if as_json:
        print_json(words)
        return
    shown = table("name", "type", "meaning")
    for word in words:
        notes = f" [dim]({'; '.join(word.notes)})[/dim]" if word.notes else ""
        shown.add_row(word.name, f"[dim]{word.type}[/dim]", f"{word.meaning}{notes}")
    out().print(shown)


def _show(found: Check) -> None:
    console = out()
    for title, findings, style in (("error", found.errors, "red"), ("warning", found.warnings, "yellow")):
        for finding in findings:
            _show_finding(finding, title, style)
    console.print(_verdict(found), style="bold" if found.good else "bold red")


def _show_finding(finding: Finding, title: str, style: str) -> None:
    console = out()
    console.print(f"[{style}]{title}[/{style}] ", end="")
    console.print(finding.render(), markup=False, soft_wrap=bool(finding.shown))
    console.print()


def _verdict(found: Check) -> str:
    good, errors, warnings = len(found.journeys), len(found.errors), len(found.warnings)
    tail = f"{_counted(warnings, 'warning')}." if warnings else "nothing to mend."
    if found.good:
        return f"{_counted(good, 'journey')} checked: {tail}"
    return f"{_counted(errors, 'error')} and {_counted(warnings, 'warning')}."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
