"""`vefa why`: one customer's whole story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.padding import Padding
from rich.text import Text

from vefa.cli.moments import shown, zone_of
from vefa.cli.options import Customer, Json
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session
from vefa.language.wording import MEDIA

if TYPE_CHECKING:
    from rich.console import Console

    from vefa.foresight.answered import Answered
    from vefa.foresight.errands import Told
    from vefa.foresight.persons import Person
    from vefa.foresight.sendings import Sending
    from vefa.foresight.why import InJourney, Story, Why


def why(
    context: typer.Context,
    customer: Customer,
    journey: Annotated[str | None, typer.Argument(metavar="[JOURNEY]", help="Only this journey.")] = None,
    as_json: Json = False,
) -> None:
    """Tell why a customer got what they got, and why not the rest: entries, steps, messages and their reasons."""
    from vefa.database import reading
    from vefa.foresight.why import why as told

    session: Session = context.obj
    with session.store() as engine, reading(engine) as connection:
        found = told(connection, customer, journey)
    print_json(found) if as_json else _show(found, zone_of(found.person.zone, session.settings.zone))


def _show(found: Why, zone: ZoneInfo) -> None:
    console = out()
    _person(console, found.person, zone)
    for each in found.journeys:
        _journey(console, each, zone)
    if not found.journeys:
        console.print("\nNo journey has looked at this customer yet.")


def _person(console: Console, person: Person, zone: ZoneInfo) -> None:
    console.print(Text.assemble((person.name or "(no name)", "bold"), f"  customer {person.outside_id}"))
    console.print(f"All times are on their clock ({person.zone}).", style="dim")
    for way in person.ways:
        state = f", cannot be used: {way.undeliverable}" if way.undeliverable else ""
        console.print(f"  {MEDIA[way.channel]}: {way.address}{state}", markup=False)
    for said in person.consents:
        what = "agreed to" if said.granted else "refused"
        words = f"  {shown(said.occurred_at, zone)}  {what} {said.purpose} {MEDIA[said.channel]} ({said.source})"
        console.print(words, markup=False)
    for stop in person.suppressions:
        what = f"{stop.purpose} " if stop.purpose else "every "
        words = f"  {shown(stop.occurred_at, zone)}  no {what}{MEDIA[stop.channel]} any more: {stop.reason}"
        console.print(words, style="yellow", markup=False)
    if person.preferred_channel:
        console.print(f"  would rather be written to by {MEDIA[person.preferred_channel]}", markup=False)
    _wishes(console, person, zone)


def _wishes(console: Console, person: Person, zone: ZoneInfo) -> None:
    """What they chose on their own page."""
    wishes = person.wishes
    if wishes.language:
        console.print(f"  wants to be written to in {wishes.language}", markup=False)
    if wishes.paused_until:
        console.print(f"  nothing commercial before {shown(wishes.paused_until, zone)}: a pause", style="yellow")
    for topic in wishes.refused_topics:
        console.print(f"  wants nothing of the topic “{topic}”", style="yellow", markup=False)


def _journey(console: Console, each: InJourney, zone: ZoneInfo) -> None:
    console.print()
    console.print(Text.assemble((each.journey, "bold cyan"), (f"  {each.state}", "dim")))
    for story in each.stories:
        lines = table("when", "what")
        lines.show_header = False
        for when, what in sorted(_told(story), key=lambda line: line[0]):
            lines.add_row(shown(when, zone), what)
        console.print(Padding(lines, (0, 0, 0, 2), expand=False))
        if place := _place(story, zone):
            console.print(Padding(Text(place, style="dim"), (0, 0, 0, 2), expand=False))
    for refused in each.refused:
        about = f" ({refused.about})" if refused.about else ""
        moment = shown(refused.occurred_at, zone)
        words = f"{moment}  {refused.what}{about}, but that did not let them in: {refused.because}."
        console.print(Padding(Text(words, style="yellow"), (0, 0, 0, 2), expand=False))
    if not each.stories and not each.refused:
        console.print("  It has never looked at this customer.")


def _told(story: Story) -> Iterator[tuple[datetime, Text]]:
    """What happened on the way, each with its moment."""
    yield story.entered_at, Text(f"entered: {story.by}")
    if story.state == "holdout":
        yield story.entered_at, Text("is measured and never written to (holdout)")
    for gift in story.gifts:
        pool = f" of the pool “{gift.pool}”" if gift.pool else ""
        yield gift.made_at, Text(f"got the coupon {gift.code}{pool}")
        if gift.used_at is not None:
            order = f" in the order {gift.order}" if gift.order else ""
            yield gift.used_at, Text(f"used the coupon {gift.code}{order}", style="green")
    for granted in story.points:
        yield granted.at, Text(f"“{granted.step}” gave {granted.points:,} points")
    for met in story.met:
        yield met.occurred_at, Text(f"{met.what}: {met.because}", style="" if met.state == "done" else "yellow")
    for sending in story.sendings:
        for turn in sending.history:
            detail = f": {turn.because}" if turn.because else ""
            yield turn.at, Text(f"“{sending.step}” {TURNS.get(turn.what, turn.what)}{detail}", style="yellow")
        yield sending.settled_at or sending.claimed_at or sending.due_at, _sending(sending)
    for answer in story.answers:
        yield answer.corrected_at or answer.answered_at, _answer(answer)
    for errand in (*story.errands, *(told for answer in story.answers for told in answer.told)):
        yield errand.settled_at or errand.queued_at, _errand(errand)
    if story.goal_at is not None:
        yield story.goal_at, Text("the journey's goal was reached", style="green")
    if story.left_at is not None and story.state != "holdout":
        yield story.left_at, _end(story)


TURNS = {
    "by email": "goes by e-mail",
    "by sms": "goes by SMS",
    "by email instead": "goes by e-mail instead",
    "by sms instead": "goes by SMS instead",
}
OUTCOMES = {
    "queued": ("is due", "yellow"),
    "reserved": ("is being made", "yellow"),
    "claimed": ("is on its way", "yellow"),
    "sent": ("was sent", "green"),
    "skipped": ("was held back", "yellow"),
    "failed": ("could not be sent", "red"),
    "unknown": ("may or may not have gone out", "red"),
}


def _sending(sending: Sending) -> Text:
    words, style = OUTCOMES[sending.state]
    why = f": {sending.because}" if sending.because else ""
    what = f"{MEDIA[sending.medium] if sending.medium else 'message'} “{sending.step}”{_variant(sending)} {words}{why}"
    return Text(what, style=style)


def _answer(answer: Answered) -> Text:
    words = f": “{' '.join(answer.comment.split())}”" if answer.comment else ""
    anew = "at last " if answer.corrected_at else ""
    return Text(f"{anew}answered “{answer.survey}” with {answer.choice or answer.score}{words}")


def _errand(errand: Told) -> Text:
    whom = "the tool" if errand.kind == "webhook" else "the team"
    words, style = ERRANDS[errand.state]
    why = f": {errand.because}" if errand.because else ""
    return Text(f"{whom} “{errand.target}” {words} at “{errand.step}”{why}", style=style)


ERRANDS = {
    "queued": ("is to be told", "yellow"),
    "claimed": ("is being told", "yellow"),
    "done": ("was told", "green"),
    "skipped": ("was not told", "yellow"),
    "failed": ("could not be told", "red"),
    "unknown": ("may or may not have been told", "red"),
}


def _variant(sending: Sending) -> str:
    """Which of the variants they got, and whether it was tried on them or had been decided for."""
    if sending.variant is None:
        return ""
    return f" (variant {sending.variant}{', tried on them' if sending.tried else ', what did best'})"


def _end(story: Story) -> Text:
    if story.state == "finished":
        return Text("reached the end")
    return Text(f"left: {story.because}" if story.because else "left")


def _place(story: Story, zone: ZoneInfo) -> str:
    """Where they stand now, and what is behind them."""
    behind = f"Behind them: {', '.join(story.passed)}. " if story.passed else ""
    if story.state != "active":
        return behind.strip()
    until = f" until {shown(story.due_at, zone)}" if story.due_at else ", held by a message"
    if story.waits_for_test:
        until += ", when its test may be decided"
    return f"{behind}They stand at {story.step}{until}."
