"""May this message go, now, to this customer, and by which channel: pure judgement (rules 12, 15-17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vefa.consent.gate import ENDS, NOT_ASKED, STALE_NOW, STALE_REASON
from vefa.engine.plans import elapsed
from vefa.engine.timing import quiet_until
from vefa.plan.policy import Cap, Policy, Withhold
from vefa.plan.steps import Medium, Message, Purpose

#: A defer without a limit of its own ends after this (rule 15).
DEFER_LIMIT = timedelta(hours=24)
#: Who lost a place to a message that is due but not claimed yet looks again so soon: that one may come to nothing.
LOOK_AGAIN = timedelta(minutes=15)
#: Who waits for İYS to be heard again is let go by the reading that hears it; this is the net beneath.
IYS_AGAIN = timedelta(hours=1)
#: Whether a ticket is still open is looked at so often.
TICKET_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Contact:
    """Where a customer can be reached by one medium, and what stands against it."""

    address: str
    undeliverable: str | None
    suppressed: str | None
    consent: bool
    #: why İYS does not let commercial words through
    register: str | None = None
    #: whether commercial words may stand in a message that is none, where its words ask
    allowed: bool = True


@dataclass(frozen=True)
class Candidate:
    """A reserved message with everything its judgement needs, read in one statement as of now."""

    send_id: int
    enrolment_id: int
    customer_id: int
    bucket: int
    zone: str
    country: str | None
    language: str | None
    preferred: Medium | None
    active: bool
    leaves: str | None
    unless: bool
    repeated: bool
    due_at: datetime
    expires_at: datetime | None
    not_after: datetime | None
    contacts: Mapping[Medium, Contact]
    deferred_for: str | None = None
    unwished: str | None = None
    open_ticket: bool = False
    #: where they answer rather, and the counts that tell it
    answers_on: Medium | None = None
    evidence: str | None = None

    def contact(self, medium: Medium) -> Contact:
        """The contact of a medium that was judged reachable."""
        return self.contacts[medium]


@dataclass(frozen=True)
class Go:
    """It may go by this medium."""

    medium: Medium


@dataclass(frozen=True)
class Skip:
    """It will not go, and why. `leave`: the customer leaves the journey with it."""

    reason: str
    leave: bool = False


@dataclass(frozen=True)
class Defer:
    """Not now; again at `until`, and never after `expires` (None: as long as it takes)."""

    until: datetime
    expires: datetime | None
    reason: str


@dataclass(frozen=True)
class Ask:
    """It might go by its medium, but what İYS says of that is not known now, and why."""

    reason: str


Verdict = Go | Skip | Defer


def judge(one: Candidate, message: Message, policy: Policy, now: datetime, closed: Mapping[str, datetime]) -> Verdict:
    """Everything but caps. `closed` names media whose channel is shut, and until when."""
    if not one.active:
        return Skip("no longer in the journey")
    if one.leaves is not None:
        return Skip(one.leaves, leave=True)
    if one.repeated:
        return Skip("already sent under another step")
    if one.expires_at is not None and now >= one.expires_at:
        return Skip(f"expired ({one.deferred_for or 'put off'})")
    if one.not_after is not None and now > one.not_after:
        return Skip("too late")
    if one.unless:
        return Skip("unless")
    if one.unwished is not None:
        return Skip(one.unwished)
    reached = choose_medium(one, message, policy)
    if isinstance(reached, Skip):
        return reached
    if isinstance(reached, Ask):
        return _until_known(one, reached.reason, now)
    if reached.medium in closed:
        return Defer(closed[reached.medium], None, f"the {reached.medium} channel is closed")
    if one.open_ticket and policy.open_ticket is not None:
        return withhold(one, policy.open_ticket, now, now + TICKET_AGAIN, "open ticket")
    quiet = policy.rule(message.purpose, reached.medium).quiet
    if quiet is not None and (end := quiet_until(now, quiet, one.zone)) is not None:
        return withhold(one, quiet.withhold, now, end, "quiet hours")
    return reached


def _until_known(one: Candidate, why: str, now: datetime) -> Verdict:
    """İYS's silence is no customer's fault: it takes as long as it takes. A single question has a day."""
    if why == STALE_NOW:
        return Defer(now + IYS_AGAIN, None, STALE_REASON)
    return withhold(one, Withhold(), now, now + LOOK_AGAIN, f"İYS: {why}")


def choose_medium(one: Candidate, message: Message, policy: Policy) -> Go | Skip | Ask:
    """The step's medium; for `message` the preferred one, the other where consent or address is missing."""
    media: tuple[Medium, ...] = (message.medium,) if message.medium else _by_preference(one)
    first: Skip | None = None
    for medium in media:
        against = _against(one, medium, message.purpose, policy)
        if against is None:
            register = one.contact(medium).register if message.purpose == "commercial" else None
            return Ask(register) if register in (STALE_NOW, NOT_ASKED) else Go(medium)
        first = first or Skip(against)
    return first or Skip("no address")


def _by_preference(one: Candidate) -> tuple[Medium, ...]:
    """What they asked for, else where they answer, else e-mail."""
    return ("sms", "email") if (one.preferred or one.answers_on) == "sms" else ("email", "sms")


def why_by(one: Candidate, message: Message, policy: Policy, medium: Medium) -> str | None:
    """Why a message whose medium the customer decides goes by this one; None where that goes without saying."""
    first = _by_preference(one)[0]
    if medium != first:
        return _against(one, first, message.purpose, policy)
    return one.evidence if one.preferred is None and one.answers_on == medium else None


def _against(one: Candidate, medium: Medium, purpose: Purpose, policy: Policy) -> str | None:
    contact = one.contacts.get(medium)
    if contact is None:
        return f"no {medium} address"
    if contact.undeliverable:
        return f"{medium} address cannot be used: {contact.undeliverable}"
    if contact.suppressed:
        return f"suppressed: {contact.suppressed}"
    if policy.rule(purpose, medium).consent and not contact.consent:
        return f"no {medium} consent"
    if purpose == "commercial" and contact.register in ENDS:
        return f"İYS: {contact.register}"
    return None


def withhold(one: Candidate, how: Withhold, now: datetime, until: datetime, reason: str) -> Verdict:
    """What the policy does with a message that may not go before `until`."""
    if how.then == "skip":
        return Skip(reason)
    limit = elapsed(how.limit) if how.then == "drop_after" else DEFER_LIMIT
    expires = one.expires_at or now + limit
    last = expires if one.not_after is None else min(expires, one.not_after)
    return Skip(f"expired ({reason})") if until > last else Defer(until, expires, reason)


# --- caps ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """A message that a cap counts: gone out, or in doubt, or under way."""

    customer_id: int
    purpose: Purpose
    medium: Medium | None
    claimed_at: datetime
    #: False: due by another step's or journey's hand, and not claimed yet
    sure: bool = True


@dataclass(frozen=True)
class Rival:
    """A message of one of these customers that is due now, of whatever journey."""

    send_id: int
    customer_id: int
    purpose: Purpose
    medium: Medium | None
    rank: tuple[int, datetime, int]


def counts(cap: Cap, purpose: Purpose, medium: Medium | None) -> bool:
    """Whether the cap is about such a message. A medium not chosen yet counts only where any medium does."""
    return cap.purpose in (None, purpose) and cap.medium in (None, medium)


def over_cap(
    going: Sequence[tuple[Candidate, Message, Go]],
    policy: Policy,
    used: Iterable[Counted],
    rivals: Iterable[Rival],
    now: datetime,
    readers: Callable[[int, str | None], Iterable[int]] = lambda customer_id, _medium: (customer_id,),
) -> dict[int, Verdict]:
    """Verdicts for those of `going` that a cap stops: by send id.

    `readers` are the customers whose mailbox a message to a customer by a medium reaches.

    In a customer's order of rank (priority, due time, id), each message takes a place in every cap that counts it;
    who finds none loses by that cap's policy (rule 17).
    """
    mine = {one.send_id: (one, message, go) for one, message, go in going}
    taken: dict[int, list[Counted]] = defaultdict(list)
    for past in used:
        for reader in readers(past.customer_id, past.medium):
            taken[reader].append(past)
    stopped: dict[int, Verdict] = {}
    for rival in sorted(rivals, key=lambda r: r.rank):
        here = mine.get(rival.send_id)
        medium = here[2].medium if here else rival.medium
        full = _full(policy.caps, taken[rival.customer_id], rival.purpose, medium, now)
        if full is None:
            place = Counted(rival.customer_id, rival.purpose, medium, now, sure=here is not None)
            for reader in readers(rival.customer_id, medium):
                taken[reader].append(place)
        elif here:
            cap, until = full
            stopped[rival.send_id] = withhold(here[0], cap.withhold, now, until, f"cap: {cap.name}")
    return stopped


def _full(
    caps: Sequence[Cap], taken: Sequence[Counted], purpose: Purpose, medium: Medium | None, now: datetime
) -> tuple[Cap, datetime] | None:
    for cap in caps:
        if not counts(cap, purpose, medium):
            continue
        window = elapsed(cap.within)
        holding = [c for c in taken if counts(cap, c.purpose, c.medium) and c.claimed_at > now - window]
        times = sorted(c.claimed_at for c in holding)
        if len(times) >= cap.limit:
            frees = (times[len(times) - cap.limit] if cap.limit else now) + window
            return cap, frees if all(c.sure for c in holding) else min(frees, now + LOOK_AGAIN)
    return None
