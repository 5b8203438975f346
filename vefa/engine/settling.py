"""What the channel said of a claim's messages, written down with their customers' next step in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.channels.base import Accepted, Busy, Channel, Denied, Doubtful, Outcome, Refused
from vefa.crm.identity import address_key
from vefa.crm.lifting import OPTED_OUT
from vefa.crm.permissions import SAID_BY, Word, record
from vefa.crm.suppressing import Address, Stop, readers, suppress
from vefa.database import among, retry_conflicts, writing
from vefa.engine.claiming import Claim
from vefa.engine.exits import end_and_hand_over
from vefa.engine.letters import Parcel
from vefa.engine.movement import go_on
from vefa.engine.post import Post
from vefa.engine.reports import StepCounts
from vefa.engine.tables import enrolments
from vefa.ledger import pace, settlements
from vefa.ledger.claims import HOLD, LOOK_UP, Batch
from vefa.ledger.settlements import End

e = enrolments.c
#: How long nothing goes by a channel after its keys were refused (wall clock), before it is tried again.
BREAKER = timedelta(minutes=5)


@dataclass
class Answers:
    """What became of some messages of a claim, sorted for the ledger."""

    ends: dict[End, list[int]] = field(default_factory=dict)
    #: surely not sent: (seconds until it may be tried again, why)
    returned: dict[tuple[float, str], list[int]] = field(default_factory=dict)
    suppressed: dict[int, Refused] = field(default_factory=dict)
    denied: dict[str, str] = field(default_factory=dict)
    #: channels that asked for quiet, and for how many seconds
    busy: dict[str, float] = field(default_factory=dict)

    def end(self, ids: Sequence[int], end: End) -> None:
        """All of them came to this end."""
        self.ends.setdefault(end, []).extend(ids)

    def hear(self, channel: Channel, ids: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """The channel's outcomes, one for each number."""
        groups: dict[int, tuple[Outcome, list[int]]] = {}
        for send_id, outcome in zip(ids, outcomes, strict=True):
            found = groups.get(id(outcome))
            if found is None:
                groups[id(outcome)] = outcome, [send_id]
            else:
                found[1].append(send_id)
        for outcome, some in groups.values():
            self._sort(channel, outcome, some)

    def _sort(self, channel: Channel, outcome: Outcome, ids: list[int]) -> None:
        match outcome:
            case Accepted(provider_id):
                self.end(ids, End("sent", provider_id=provider_id))
            case Refused(reason, detail, suppress):
                self.end(ids, End("failed", reason, detail))
                if suppress:
                    self.suppressed.update(dict.fromkeys(ids, outcome))
            case Doubtful(reason, detail):
                self.end(ids, End("unknown", reason, detail))
            case Busy(reason, retry_after):
                self.returned.setdefault((retry_after, reason), []).extend(ids)
                self.busy[channel.name] = max(retry_after, self.busy.get(channel.name, 0.0))
            case Denied(reason, detail):
                self.returned.setdefault((BREAKER.total_seconds(), f"{reason} {detail}".strip()), []).extend(ids)
                self.denied[channel.name] = reason


def settle(
    post: Post, batch: Batch, claim: Claim, parcels: Sequence[Parcel], answers: Answers, *, done: bool
) -> StepCounts:
    """Write the answers down, fenced by batch and attempt, and let the customers go on. `done`: it was the last of the
    batch."""
    return retry_conflicts(lambda: _settle_once(post, batch, claim, parcels, answers, done))


def _settle_once(
    post: Post, batch: Batch, claim: Claim, parcels: Sequence[Parcel], answers: Answers, done: bool
) -> StepCounts:
    """The same, as one transaction that a deadlock may end: nothing outside of it is changed."""
    counts = StepCounts(post.step.id)
    with writing(post.shop.database) as connection:
        for channel, reason in answers.denied.items():
            settlements.open_breaker(connection, channel, post.wall() + BREAKER, reason)
        ours = settlements.settle(connection, batch, answers.ends, claim.attempts, claim.now)
        for name, seconds in answers.busy.items():
            wall = post.wall()
            pace.hold(connection, name, wall + timedelta(seconds=seconds), wall)
        for (seconds, why), ids in answers.returned.items():
            later = claim.now + timedelta(seconds=max(seconds, 1))
            settlements.release(connection, batch, ids, claim.attempts, claim.now, later, why)
            counts.deferred[why] += len(ids)
        if answers.suppressed:
            _suppress(connection, parcels, answers.suppressed, claim.now)
        enrolment = dict(zip(claim.seen.ids, claim.seen.enrolments, strict=True))
        whole = sum(map(len, answers.ends.values())) == len(ours)
        for end, ids in answers.ends.items():
            mine = ids if whole else [i for i in ids if i in ours]
            _count(counts, end, len(mine))
            _move(connection, post, end.state, [enrolment[i] for i in mine], claim.now, counts)
        if done:
            settlements.close(connection, batch, post.wall())
    return counts


def _suppress(
    connection: Connection,
    parcels: Sequence[Parcel],
    refusals: Mapping[int, Refused],
    now: datetime,
) -> None:
    """The provider says that these addresses take nothing: for good, for now, or since their readers said stop."""
    about = [
        (send_id, (parcel.medium, address_key(to)), refusals[send_id])
        for parcel in parcels
        for send_id, to in zip(parcel.ids, parcel.addresses, strict=True)
        if send_id in refusals
    ]
    stops = [
        Stop(*place, refused.stop, f"message {send_id}: {refused.detail or refused.reason}", now, now)
        for send_id, place, refused in about
    ]
    suppress(connection, stops)
    opted_out = {place for _, place, refused in about if refused.stop == OPTED_OUT}
    people = readers(connection, opted_out)
    record(connection, [_refusal(place, people[place], now) for place in sorted(opted_out)])


def _refusal(place: Address, customers: tuple[int, ...], now: datetime) -> Word:
    """A STOP that the provider heard some time ago, and we hear of now."""
    return Word(
        granted=False,
        channel=place[0],
        signal="provider",
        source=SAID_BY[place[0]],
        occurred_at=now,
        known_at=now,
        customer_ids=customers,
        address_key=place[1],
        evidence="the provider was told to stop",
    )


def _count(counts: StepCounts, end: End, n: int) -> None:
    counts.handled += n
    match end.state:
        case "sent":
            counts.sent += n
        case "unknown":
            counts.unknown += n
        case "failed":
            counts.failed += n
        case _:
            counts.held[end.reason or end.state] += n


def _move(
    connection: Connection, post: Post, state: str, enrolment_ids: Sequence[int], now: datetime, counts: StepCounts
) -> None:
    if not enrolment_ids:
        return
    if state == "failed" and post.step.on_failure == "exit":
        which, reason = among(e.id, enrolment_ids), f"failed: {post.step.id}"
        counts.left += end_and_hand_over(connection, post.world, post.pin, which, reason)
    elif post.is_aside:
        return  # it held nobody
    elif state == "unknown":
        # A transactional one may go once more after the look-up window; then, or else, the customer waits out the day.
        again = LOOK_UP if post.step.purpose == "transactional" else HOLD
        held = sa.update(enrolments).where(among(e.id, enrolment_ids, e.state == "active"))
        connection.execute(held.values(due_at=now + again))
    else:
        go_on(connection, post.pin, post.step, enrolment_ids, now)
