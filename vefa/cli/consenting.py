"""`vefa consent` and `vefa iys`: what a customer agreed to, and the round with Turkey's register of consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from vefa.cli.moments import shown, zone_of
from vefa.cli.options import Customer, Json, Now
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session
from vefa.errors import UserError
from vefa.language.wording import MEDIA

if TYPE_CHECKING:
    from vefa.consent.sync import Synced
    from vefa.foresight.persons import Person
    from vefa.foresight.register import RegisterStatus

Channel = Literal["email", "sms"]
Purpose = Literal["commercial", "transactional"]


def consent(
    context: typer.Context,
    customer: Customer,
    grant: Annotated[bool | None, typer.Option("--grant/--refuse", help="Add that they said yes, or no.")] = None,
    channel: Annotated[Channel, typer.Option(help="To which channel.")] = "email",
    purpose: Annotated[Purpose, typer.Option(help="To which kind of messages.")] = "commercial",
    source: Annotated[str, typer.Option(help="Where they said it, such as HS_CAGRI_MERKEZI.")] = "HS_CAGRI_MERKEZI",
    text_version: Annotated[
        str | None,
        typer.Option(help="To which words: the version of the text that they were shown.", show_default=False),
    ] = None,
    evidence: Annotated[
        str | None, typer.Option(help="What proves it: a call's number, a form, a paper.", show_default=False)
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="MOMENT", help="When they said it; else now.")] = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Show everything that a customer agreed to or refused, with where, when and what proves it; or add a word.

    Nothing in this log is ever changed: the newest word counts.
    """
    from vefa.crm.permissions import Word, record
    from vefa.database import reading, writing
    from vefa.foresight.persons import find_person

    session: Session = context.obj
    with session.store() as engine:
        with reading(engine) as connection:
            person = find_person(connection, customer)
        if grant is not None:
            if grant and not (evidence or "").strip():
                raise UserError("A yes needs --evidence: the shop must be able to prove it.")
            moment = session.moment(now)
            said_at = session.moment(at, "--at") if at else moment
            if said_at > moment:
                raise UserError(f"--at {at} has not come yet.")
            word = Word(
                granted=grant,
                channel=channel,
                signal="staff",
                source=source,
                occurred_at=said_at,
                known_at=moment,
                customer_ids=(person.id,),
                evidence=evidence,
                purpose=purpose,
                text_version=text_version,
            )
            with writing(engine) as connection:
                record(connection, [word])
            with reading(engine) as connection:
                person = find_person(connection, customer)
    print_json(list(person.consents)) if as_json else _log(person, session)


def _log(person: Person, session: Session) -> None:
    console = out()
    if not person.consents:
        console.print(f"Customer {person.outside_id} has never said anything about messages.", markup=False)
        return
    zone = zone_of(person.zone, session.settings.zone)
    rows = table("when", "said", "to", "where", "words", "proof", "known")
    for said in person.consents:
        word = Text("yes", style="green") if said.granted else Text("no", style="red")
        what = f"{said.purpose} {MEDIA[said.channel]}"
        known = shown(said.known_at, zone)
        rows.add_row(
            shown(said.occurred_at, zone), word, what, said.source, said.text_version or "", said.evidence or "", known
        )
    console.print(rows)


def iys(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="Only say how things stand; ask İYS nothing.")] = False,
    as_json: Json = False,
) -> None:
    """A round with İYS: read what was said there, bring what was said here; then how things stand.

    In Prefect the flow `vefa-consent` does the same every quarter of an hour.
    """
    from vefa.clock import system_clock
    from vefa.consent.register import open_register
    from vefa.consent.sync import sync
    from vefa.database import reading
    from vefa.foresight.register import register_status
    from vefa.secret_key import secret_of

    session: Session = context.obj
    if not session.settings.iys.enabled:
        raise UserError("İYS is off: the settings do not say `iys: {enabled: true}`. docs/consent.md tells how.")
    with session.store() as engine:
        done: Synced | None = None
        register = None if show else open_register(session.settings, engine, secret_of(session.settings))
        if register is not None:
            try:
                done = sync(engine, register, system_clock)
            finally:
                register.close()
        with reading(engine) as connection:
            stands = register_status(connection, system_clock())
    if as_json:
        print_json({"round": done, "stands": stands})
    else:
        _round(done, stands, session)


def _round(done: Synced | None, stands: RegisterStatus, session: Session) -> None:
    console, zone = out(), session.settings.zone
    if done is not None:
        console.print(f"Read {done.read:,} changes; {done.new:,} are new words of customers.")
        console.print(f"Brought {done.handed_in:,} words; İYS took {done.done:,} and refused {done.refused:,}.")
    heard = shown(stands.heard_at, zone) if stands.heard_at else "never"
    console.print(
        f"İYS was last heard: {heard}{'. That is too long ago: nothing commercial goes' if stands.stale else ''}."
    )
    if stands.held:
        console.print(f"{stands.held:,} messages wait for it.")
    if stands.waiting:
        by = f", the first until {shown(stands.due_by, zone)}" if stands.due_by else ""
        console.print(f"{stands.waiting:,} words are on their way to it{by}.")
    if stands.late:
        console.print(f"{stands.late:,} consents are too old for it.")
    for code, count in sorted(stands.refused.items()):
        console.print(f"{count:,} words were refused with {code}.", markup=False)
