"""What is late or wrong at a moment, each in plain words with what to do about it: for people, and for monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.source_activity import silent_sources
from vefa.crm.tables import BY_MESSAGE, facts, imports, stale_facts
from vefa.engine.incidents import open_incidents
from vefa.engine.privacy_requests import open_requests
from vefa.engine.shortages import shortages
from vefa.engine.tables import journeys, run_failures
from vefa.foresight.errands import stuck
from vefa.foresight.register import RegisterStatus, register_status
from vefa.inbox import inbox
from vefa.ledger.tables import batches, sends
from vefa.rewards.pools import stocks
from vefa.rewards.tables import coupon_exports

if TYPE_CHECKING:
    from vefa.foresight.status import JourneyStatus, Status

#: Leases that ran out are taken back by the next run of any journey; one that nobody took back so long is a trouble.
TAKEN_BACK = timedelta(minutes=30)
#: Roll-ups are made anew by every run; none should wait longer than the rarest of them.
ROLLED_UP = timedelta(hours=25)
#: An import that is not done after so long has died.
IMPORTED = timedelta(hours=6)
#: What was written down is taken in within a second or two, where anybody does it.
TAKEN_IN = timedelta(minutes=10)
#: What could not be taken in is told so long.
SHOWN = timedelta(days=2)
#: Providers' reports, and of which messages; so many messages without any report are a sign.
REPORTS_OF, REPORTED = {"sendgrid": "email", "twilio-status": "sms"}, 20
#: So many imports of one name tell how often it is done; it is late after so many of its usual gaps.
IMPORTS, GAPS = 5, 3


@dataclass(frozen=True)
class Trouble:
    """One thing that is late or wrong. `kind` is a word for programs; `journey` is empty for what is not one's own."""

    kind: str
    says: str
    do: str
    journey: str = ""


def troubles(
    connection: Connection, found: Status, wall: datetime, iys: bool = False, rests: bool = False
) -> tuple[Trouble, ...]:
    """Everything that needs a person, the gravest first. `iys`: the shop has İYS on; `rests`: its loyalty programme
    does."""
    return (
        *_incidents(connection),
        *_breakers(found),
        *(_iys(register_status(connection, found.now), found.now) if iys else ()),
        *_failures(connection),
        *_ticks(found),
        *_late(found),
        *(_resting() if rests else ()),
        *_pools(connection),
        *_checkout(connection),
        *_leases(connection, wall),
        *_unknown(found),
        *_rollups(connection, found.now),
        *_imports(connection, found.now),
        *_inbox(connection, found.now),
        *_silences(connection, found.now),
        *_privacy(connection, found.now),
        *_errands(connection, found.now),
    )


def _incidents(connection: Connection) -> Iterator[Trouble]:
    for each in open_incidents(connection):
        says = f"{each.journey} was paused by itself: {each.says}"
        yield Trouble("incident", says, f"find out why; then let it go on: vefa resume {each.journey}", each.journey)


def _breakers(found: Status) -> Iterator[Trouble]:
    for each in found.breakers:
        says = f"nothing goes by {each.channel}: {each.reason}"
        yield Trouble("breaker", says, "mend its keys or its sender; it is tried again by itself")


def _iys(found: RegisterStatus, now: datetime) -> Iterator[Trouble]:
    if found.stale:
        heard = f"for {_ago(now - found.heard_at)}" if found.heard_at else "yet"
        held = f"; {found.held:,} messages wait" if found.held else ""
        says = f"İYS is stale: it was not heard {heard}, so nothing commercial goes to recipients in Türkiye{held}"
        yield Trouble("iys stale", says, "look at the last runs of vefa-consent, or try: vefa iys")
    if found.due_soon:
        says = f"{found.due_soon:,} words of customers must be in İYS within a day and are not"
        yield Trouble("iys due", says, "try: vefa iys; if that fails, write them down on İYS's own pages")
    if found.late:
        says = f"{found.late:,} consents are older than three business days, and İYS does not have them"
        yield Trouble("iys late", says, "İYS takes them no more: ask these customers again; nothing is sent to them")
    if found.refused:
        codes = ", ".join(f"{count:,} with {code}" for code, count in sorted(found.refused.items()))
        yield Trouble("iys refused", f"İYS refused words of customers: {codes}", "docs/consent.md says what to do")


def _failures(connection: Connection) -> Iterator[Trouble]:
    query = sa.select(journeys.c.name).join_from(run_failures, journeys)
    for (name,) in connection.execute(query.order_by(journeys.c.name)):
        yield Trouble("failed run", f"the last run of {name} failed", "its state in Prefect says why", name)


def _ticks(found: Status) -> Iterator[Trouble]:
    for each in found.journeys:
        if _runs(each) and each.last_tick_at is not None and each.last_tick_at < found.now - each.patience:
            says = f"{each.journey} was last walked {_ago(found.now - each.last_tick_at)} ago"
            yield Trouble(
                "not walked", says, "see that a worker runs: vefa up, or your Prefect's work pool", each.journey
            )


def _late(found: Status) -> Iterator[Trouble]:
    for each in found.journeys:
        if each.late and _runs(each):
            says = (
                f"{each.late:,} in {each.journey} wait for something that was due {_ago(each.patience)} ago or earlier"
            )
            yield Trouble("late", says, f"look at the last runs of {each.journey}", each.journey)


def _resting() -> Iterator[Trouble]:
    says = (
        "config/loyalty.yaml holds mistakes: no points are posted, and who comes to a step that gives some waits there"
    )
    yield Trouble("loyalty", says, "vefa check tells them; all goes on by itself once they are mended")


def _pools(connection: Connection) -> Iterator[Trouble]:
    for each in shortages(connection):
        kind = "pool low" if each.kind == "low" else "pool empty"
        yield Trouble(kind, each.says, f"bring codes in: vefa coupons import {each.pool} FILE.csv", each.journey)
    for stock in stocks(connection):
        if stock.aside and not stock.free:
            says = f"{stock.aside:,} codes of the pool {stock.pool} are set aside: they may have been given or used"
            yield Trouble("pool aside", says, "bring in again those that the checkout has not seen, with --unused")


def _checkout(connection: Connection) -> Iterator[Trouble]:
    x = coupon_exports.c
    refused = sa.and_(x.ended_at.is_(None), x.problem.is_not(None))
    query = sa.select(sa.func.sum(x.codes), sa.func.max(x.problem)).where(refused)
    codes, problem = connection.execute(query).one()
    if problem is not None:
        says = f"the checkout has not taken {codes:,} codes: {problem}"
        yield Trouble("checkout", says, "mend its url or its key; they go again by themselves")


def _leases(connection: Connection, wall: datetime) -> Iterator[Trouble]:
    lapsed = sa.and_(batches.c.settled_at.is_(None), batches.c.lease_until < wall - TAKEN_BACK)
    held = sa.and_(sends.c.batch_id == batches.c.id, sends.c.state.in_(("queued", "reserved", "claimed")))
    query = sa.select(sa.func.count()).select_from(batches).join(sends, held).where(lapsed)
    if count := _number(connection, query):
        says = f"{count:,} messages are still held by a worker that died"
        yield Trouble("leases", says, "any run takes them back, and so does: vefa housekeeping")


def _unknown(found: Status) -> Iterator[Trouble]:
    for each in found.journeys:
        if each.day.unknown:
            says = f"{each.day.unknown:,} messages of {each.journey} in 24 hours may or may not have gone out"
            yield Trouble("unknown", says, "look at the provider's status page", each.journey)


def _rollups(connection: Connection, now: datetime) -> Iterator[Trouble]:
    last = _moment(connection, sa.select(sa.func.max(journeys.c.last_tick_at)))
    if last is None or last > now - ROLLED_UP:
        return
    waiting = _number(connection, sa.select(sa.func.count()).select_from(stale_facts))
    waiting += _number(
        connection, sa.select(sa.func.count()).select_from(facts).where(facts.c.until <= now - ROLLED_UP)
    )
    if waiting:
        says = f"the roll-ups of {waiting:,} customers are out of date"
        yield Trouble("roll-ups", says, "any run of a journey makes them anew")


def _imports(connection: Connection, now: datetime) -> Iterator[Trouble]:
    files = imports.c.path != BY_MESSAGE  # messages come when they come
    for name in connection.scalars(sa.select(imports.c.name).where(files).distinct().order_by(imports.c.name)).all():
        query = sa.select(imports.c.started_at, imports.c.finished_at).where(imports.c.name == name, files)
        rows = connection.execute(query.order_by(imports.c.started_at.desc()).limit(IMPORTS + 1)).all()
        yield from _import(name, [row.started_at for row in rows], rows[0].finished_at is not None, now)


def _import(name: str, starts: list[datetime], finished: bool, now: datetime) -> Iterator[Trouble]:
    """`starts`: the last imports of that name, the newest first."""
    again = f"do it again, which goes on where it stopped: vefa import {name}"
    if not finished and starts[0] < now - IMPORTED:
        yield Trouble("import", f"the import {name} began {_ago(now - starts[0])} ago and was not finished", again)
    if len(starts) <= IMPORTS:
        return
    gaps = sorted(later - earlier for later, earlier in pairwise(starts))
    usual = max(gaps[len(gaps) // 2], timedelta(hours=1))
    if now - starts[0] > GAPS * usual:
        says = f"the import {name} is usually done every {_ago(usual)}, the last time {_ago(now - starts[0])} ago"
        yield Trouble("import", says, "see what has become of the shop's export")


def _inbox(connection: Connection, now: datetime) -> Iterator[Trouble]:
    yield from _waiting_rows(connection, now)
    # A sentence is the taker's own word, such as that nobody has that number: it needs nobody at once.
    broken = sa.and_(inbox.c.problem.is_not(None), inbox.c.problem.not_like("% %"))
    lately = sa.and_(inbox.c.taken_at > now - SHOWN, broken)
    query = sa.select(inbox.c.kind, sa.func.min(inbox.c.problem), sa.func.count()).where(lately)
    for kind, problem, count in connection.execute(query.group_by(inbox.c.kind).order_by(inbox.c.kind)):
        says = f"{count:,} messages of {kind} in {_ago(SHOWN)} could not be taken in; one of them: {problem}"
        yield Trouble("inbox", says, "each is kept in the table inbox with its problem")


def _waiting_rows(connection: Connection, now: datetime) -> Iterator[Trouble]:
    i = inbox.c
    waiting = sa.select(sa.func.min(i.received_at)).where(i.taken_at.is_(None), i.problem.is_(None))
    first = _moment(connection, waiting)
    if first is not None and first < now - TAKEN_IN:
        says = f"what providers and shops sent has waited for {_ago(now - first)}"
        yield Trouble("inbox", says, "see that one of them runs: vefa serve, vefa instant")
    postponed = sa.and_(i.taken_at.is_(None), i.problem.is_not(None))
    query = sa.select(i.problem, sa.func.count(), sa.func.min(i.received_at)).where(postponed)
    for problem, count, since in connection.execute(query.group_by(i.problem).order_by(i.problem)):
        says = f"{count:,} messages have waited for {_ago(now - since)}: {problem}"
        yield Trouble("postponed", says, "they are taken in within a minute after it is mended")


def _silences(connection: Connection, now: datetime) -> Iterator[Trouble]:
    """Sources that used to speak. A provider speaks of what we send it, so it may be silent while nothing is sent."""
    for each in silent_sources(connection, now):
        medium = REPORTS_OF.get(each.source)
        if medium is not None and _sent_since(connection, medium, each.last_at) < REPORTED:
            continue
        says = (
            f"nothing has come from “{each.source}” for {_ago(now - each.last_at)}, since {each.last_at:%d %B %Y %H:%M}"
            f" UTC; before, it was never silent for much longer than {_ago(each.usual)}"
        )
        do = "see whether its webhook or its job is still switched on; docs/operating.md says where"
        yield Trouble("silent", says, do)


def _sent_since(connection: Connection, medium: str, since: datetime) -> int:
    mine = sa.and_(sends.c.medium == medium, sends.c.state == "sent", sends.c.settled_at > since)
    return _number(connection, sa.select(sa.func.count()).select_from(sends).where(mine))


def _privacy(connection: Connection, now: datetime) -> Iterator[Trouble]:
    """Every request of the law that is not done yet: the days in which it must be answered are counted."""
    for each in open_requests(connection):
        ago = _ago(now - each.received_at)
        yield Trouble("privacy", f"{each.source} asked {ago} ago {_ASKED[each.kind]}", _TO_DO[each.kind].format(each))


#: What a request of the law asks for, and what a person does about it.
_ASKED = {
    "erase": "to forget a customer, and it is not done yet",
    "export": "for all that is held of a customer",
    "erase_shop": "to erase all customers of the shop: nothing was erased, for a person must confirm that",
}
_TO_DO = {
    "erase": "vefa serve, vefa instant and vefa housekeeping carry it out; see that one of them runs",
    "export": "vefa privacy show {0.id} says whom and how; then: vefa privacy close {0.id}",
    "erase_shop": "vefa privacy confirm {0.id} erases them all; vefa privacy close {0.id} leaves everything",
}


def _errands(connection: Connection, now: datetime) -> Iterator[Trouble]:
    for each in stuck(connection, now):
        passed_on = each.kind in ("shopify_consent", "consent")
        what = "events for the tool" if each.kind == "webhook" else "words to the team"
        what = "consents for" if passed_on else what
        fate = {"failed": "could not be brought out", "unknown": "may or may not have arrived"}
        says = (
            f"{each.count:,} {what} “{each.target}” {fate.get(each.state, 'have not got through yet')}: {each.reason}"
        )
        do = "look at config/tools.yaml and config/staff.yaml; docs/tools-and-staff.md says what each answer means"
        do = "docs/consent.md, “The shop is told”, says what each answer means" if passed_on else do
        yield Trouble("errands", says, do, each.journey)


def _runs(journey: JourneyStatus) -> bool:
    return journey.state in ("live", "closing")


def _number(connection: Connection, query: sa.Select[tuple[int]]) -> int:
    return connection.scalar(query) or 0


def _moment(connection: Connection, query: sa.Select[tuple[datetime | None]]) -> datetime | None:
    return connection.scalar(query)


def _ago(length: timedelta) -> str:
    """`3 days`, `25 hours`, `40 minutes`: one number, the largest unit of which there are two."""
    for unit, seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if (count := int(length.total_seconds() // seconds)) >= 2:
            return f"{count} {unit}"
    return f"{int(length.total_seconds())} seconds"
