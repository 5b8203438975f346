"""`vefa preview`: messages as they would look, before anybody gets one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from vefa.cli.options import Json, Now
from vefa.cli.printing import out, print_json, progress, table
from vefa.cli.session import Session
from vefa.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from vefa.foresight.findings import Finding
    from vefa.foresight.preview.rendering import Preview, Renderer
    from vefa.foresight.preview.samples import SampleName
    from vefa.foresight.preview.sheet import Sheet
    from vefa.plan.plans import Plan

Sample = Literal["usual", "long", "bare", "foreign", "all"]


def preview(
    context: typer.Context,
    journey: Annotated[
        str | None, typer.Argument(metavar="[JOURNEY]", help="Name of the journey's file, without .yaml.")
    ] = None,
    step: Annotated[str | None, typer.Argument(metavar="[STEP]", help="Only this message, by its id.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All messages of all journeys, with pictures and checks.")
    ] = False,
    customer: Annotated[
        str | None,
        typer.Option(metavar="CUSTOMER", help="As this customer would read it: the shop's number, or an e-mail."),
    ] = None,
    locale: Annotated[str | None, typer.Option(help="Only this language, such as tr.", show_default=False)] = None,
    sample: Annotated[
        Sample, typer.Option(help="Which made-up customer: usual, long (names), bare (nothing known), foreign, or all.")
    ] = "usual",
    pictures: Annotated[
        bool | None,
        typer.Option("--pictures/--no-pictures", help="Photograph and measure in Chromium; else only with --all."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Show messages as they would look, in var/preview. Nothing is queued, given or sent.

    Errors (words that cannot be written, a page wider than a phone, a missing picture …) end with exit code 1.
    """
    session: Session = context.obj
    _refuse_both(journey, every, customer)
    plans = list(session.project.plans.values()) if every else [session.plan(journey or "")]
    locales = _locales(session, locale)
    moment = session.moment(now).astimezone(session.settings.zone)
    sheet = _sheet(session, plans)
    samples: Sequence[SampleName] = _samples("all" if every and sample == "usual" else sample)
    with _renderers(session, samples, customer, moment) as renderers:
        for renderer in renderers:
            for plan in plans:
                for each in renderer.of(plan, locales, step):
                    sheet.put(each)
    if every:
        sheet.findings += _broken(session)
    note = _photograph(sheet) if (every if pictures is None else pictures) else ""
    sheet.write(*_titles(plans, every, customer), note)
    _tell(sheet, note, as_json, briefly=every)
    if open_:
        typer.launch(sheet.page.resolve().as_uri())
    if sheet.errors:
        raise typer.Exit(1)


def _refuse_both(journey: str | None, every: bool, customer: str | None) -> None:
    if every == (journey is not None):
        raise UserError("Name one journey (vefa preview birthday), or all of them (vefa preview --all).")
    if every and customer is not None:
        raise UserError(
            "--all shows made-up customers; for a real one name a journey: vefa preview birthday --customer …"
        )


def _locales(session: Session, locale: str | None) -> Sequence[str]:
    known = session.settings.shop.locales
    if locale is not None and locale not in known:
        raise UserError(f'"{locale}" is no language of the shop. There are: {", ".join(known)}.')
    return known if locale is None else (locale,)


def _samples(sample: Sample) -> Sequence[SampleName]:
    from vefa.foresight.preview.samples import NAMES

    return NAMES if sample == "all" else [sample]


def _sheet(session: Session, plans: Sequence[Plan]) -> Sheet:
    from vefa.foresight.preview.sheet import Sheet

    return Sheet.fresh(session.settings.var / "preview", {plan.journey: plan.name for plan in plans})


@contextmanager
def _renderers(
    session: Session, samples: Sequence[SampleName], customer: str | None, now: datetime
) -> Iterator[Sequence[Renderer]]:
    from vefa.content.templates import TemplateStore
    from vefa.database import reading
    from vefa.foresight.persons import find_person
    from vefa.foresight.preview.customer import CustomerValues
    from vefa.foresight.preview.rendering import Renderer
    from vefa.foresight.preview.samples import Samples

    store = TemplateStore(session.root, session.settings)
    if customer is None:
        made = [Samples(name, now, session.settings) for name in samples]
        yield [Renderer(store, session.settings, each.name, each.context) for each in made]
        return
    with session.store() as engine, reading(engine) as connection:
        values = CustomerValues(connection, find_person(connection, customer), store, session.settings, now)
        yield [Renderer(store, session.settings, "customer", values.context, values.person.language)]


def _broken(session: Session) -> list[Finding]:
    """Journeys that cannot be shown."""
    from vefa.foresight.findings import Finding

    says = "cannot be read, so its messages are not shown; vefa check tells why"
    return [Finding("error", f"journeys/{name}.yaml", says) for name in sorted(session.project.broken)]


def _photograph(sheet: Sheet) -> str:
    """Pictures of all pages; why there are none, where there are none."""
    from vefa.foresight.preview.chromium import MISSING, browser
    from vefa.foresight.preview.driver import ChromiumFailed, program

    if program() is None:
        return MISSING
    total = sum(1 for each in sheet.previews if each.medium == "email" and not each.fault)
    try:
        with browser() as chromium, progress("Looking") as show:
            for done, _ in enumerate(sheet.photograph(chromium), 1):
                show(done, total)
    except ChromiumFailed as failed:
        return f"There are no more pictures: {failed}."
    return ""


def _titles(plans: Sequence[Plan], every: bool, customer: str | None) -> tuple[str, str]:
    if every:
        return (
            "All messages",
            "Every message of every journey in each language, at 360 and 800 pixels, by day and by night; measured "
            "also with very long names, with nothing known that may be missing, and with foreign prices.",
        )
    told = f"as customer {customer} would read them" if customer else "with made-up values"
    return plans[0].name, f"The messages of {plans[0].journey}, {told}. Nothing was queued, given or sent."


def _tell(sheet: Sheet, note: str, as_json: bool, *, briefly: bool) -> None:
    if as_json:
        facts = {"page": sheet.page, "errors": sheet.errors, "warnings": sheet.warnings}
        print_json(facts | {"note": note, "messages": [_fact(each) for each in sheet.previews]})
        return
    if not briefly:
        _list(sheet)
    console = out()
    for title, style, findings in (("error", "red", sheet.errors), ("warning", "yellow", sheet.warnings)):
        for finding in findings:
            console.print(f"[{style}]{title}[/{style}] ", end="")
            console.print(f"{finding.place}\n  {finding.says}", markup=False)
    if note:
        console.print(note, style="yellow", markup=False)
    counted = f"{len(sheet.errors)} errors, {len(sheet.warnings)} warnings" if sheet.findings else "nothing to mend"
    shown = len({(each.journey, each.step, each.medium, each.locale) for each in sheet.previews})
    console.print(f"{shown} messages: {counted}.", style="bold")
    console.print(f"Look at them: {sheet.page}", style="dim", markup=False, soft_wrap=True)


def _fact(preview: Preview) -> dict[str, object]:
    """Without the page, which lies beside it as a file."""
    return {name: value for name, value in vars(preview).items() if name != "html"} | {"file": preview.file}


def _list(sheet: Sheet) -> None:
    listed = table("step", "by", "language", "subject, or the SMS")
    for each in sheet.previews:
        by, said = "e-mail", each.subject
        if each.medium == "sms":
            by, said = "SMS", f"{each.text}\n({each.encoding}, {_segments(each.segments)})"
        listed.add_row(each.step, by, each.locale, Text(each.fault or said))
    out().print(listed)


def _segments(count: int) -> str:
    return "1 segment" if count == 1 else f"{count} segments"
