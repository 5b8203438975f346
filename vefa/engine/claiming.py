"""The claim of a batch: everybody looked at once more, in the transaction that makes their messages ours.

Rules 16 and 17.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.scope import World
from vefa.database import among, writing
from vefa.engine.candidates import Reader, lock_customers, read_counted, read_rivals
from vefa.engine.exits import end_and_hand_over
from vefa.engine.gifts import Gifts
from vefa.engine.look import Seen
from vefa.engine.mailboxes import Mailboxes, once_each, read_twins
from vefa.engine.merging import unite_pending
from vefa.engine.movement import go_on
from vefa.engine.policy import Candidate, Defer, Go, Rival, Skip, Verdict, judge, over_cap, why_by
from vefa.engine.post import Post, running
from vefa.engine.reports import StepCounts
from vefa.engine.tables import enrolments
from vefa.engine.words import Columns, Words
from vefa.ledger import claims, pace, settlements
from vefa.ledger.claims import Batch, Marks, Remark
from vefa.ledger.settlements import Deferral
from vefa.ledger.tables import breakers
from vefa.plan.steps import Medium

e = enrolments.c


@dataclass(frozen=True)
class Claim:
    """What was claimed together: what was seen of each message, its attempt, its medium, and what its words name.

    `wait`: more might have gone, but for the pace; in so many seconds some of them may. `last`: nothing of the batch is
    left to claim.
    """

    now: datetime
    seen: Seen
    attempts: dict[int, int] = field(default_factory=dict)
    media: dict[int, Medium] = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)
    wait: float = 0.0
    last: bool = False


def claim(words: Words, batch: Batch, limit: int, counts: StepCounts) -> Claim | None:
    """Claim up to `limit` messages of the batch; who may not go is withheld with the reason.

    None where nothing of the batch is left, or the journey stands still.
    """
    post = words.post
    now = post.clock()
    with writing(post.shop.database) as connection:
        if not running(connection, post) or not claims.hold(connection, batch, post.wall()):
            return None
        unite_pending(connection, now)  # an import may have found since that two customers are one
        lock_customers(connection, batch, all_of_them=bool(post.shop.policy.caps))
        seen = words.look.at(connection, batch.id, limit, now)
        if not len(seen):
            return None
        claimed = _Claiming(words, batch, now, connection, counts).claim(seen)
        return replace(claimed, last=len(seen) < limit and not claimed.wait)


@dataclass
class _Claiming:
    """One claim's transaction. `candidates` are those about whom one look was not enough, by number."""

    words: Words
    batch: Batch
    now: datetime
    connection: Connection
    counts: StepCounts
    candidates: dict[int, Candidate] = field(default_factory=dict)

    @property
    def post(self) -> Post:
        return self.words.post

    @property
    def world(self) -> World:
        return replace(self.post.world, now=self.now)

    def claim(self, seen: Seen) -> Claim:
        """Choose, withhold, mark."""
        closed = self._closed()
        sure, doubtful = self.words.look.sure(seen, self.now)
        if self.words.look.medium in closed:
            sure, doubtful = [], list(range(len(seen)))
        media: dict[int, Medium] = dict.fromkeys([seen.ids[n] for n in sure], self.words.look.medium)
        if doubtful:
            judged = self._judge([seen.ids[n] for n in doubtful], closed)
            media.update(judged)
            seen = self._reached(seen, doubtful, judged)
        media, wait = self._paced(media)
        going = seen if len(media) == len(seen) else seen.only([n for n, i in enumerate(seen.ids) if i in media])
        if not media:
            return Claim(self.now, going, wait=wait)
        groups: dict[Marks, list[int]] = {}
        marks: dict[tuple[Medium, str | None, str | None], Marks] = {}
        for send_id, language, variant in zip(going.ids, going.languages, going.variants, strict=True):
            key = (media[send_id], language, variant)
            if key not in marks:
                marks[key] = self.words.marks(*key)
            groups.setdefault(marks[key], []).append(send_id)
        attempts = claims.claim(self.connection, self.batch, groups, self.now)
        if self.post.step.medium is None:
            claims.remark(self.connection, self._choices(going, media, attempts), self.now)
        return Claim(self.now, going, attempts, media, self._columns(going, attempts), wait)

    def _choices(self, seen: Seen, media: dict[int, Medium], attempts: dict[int, int]) -> list[Remark]:
        """Why each goes by its medium, where that does not go without saying."""
        found = []
        for send_id, evidence in zip(seen.ids, seen.evidence, strict=True):
            one, medium = self.candidates.get(send_id), media[send_id]
            why = why_by(one, self.post.step, self.post.shop.policy, medium) if one else evidence
            if why and send_id in attempts:
                instead = " instead" if one is not None and why != one.evidence else ""
                found.append(Remark(send_id, attempts[send_id], f"by {medium}{instead}", why))
        return found

    def _columns(self, seen: Seen, attempts: dict[int, int]) -> Columns:
        gifts = Gifts()
        if any(name.startswith("coupon.") for name in self.words.names):
            gifts = Gifts.read(self.connection, seen.enrolments, seen.zones, self.now)
            told = [i for i, send_id in zip(seen.enrolments, seen.ids, strict=True) if send_id in attempts]
            gifts.begin(self.connection, told, self.now)
        return self.words.columns(self.connection, seen, gifts, self.now)

    def _paced(self, media: dict[int, Medium]) -> tuple[dict[int, Medium], float]:
        """As many of each medium as its pace allows now; the others stay reserved. And how long to wait for more."""
        settings, granted, longest = self.post.shop.settings, dict[int, Medium](), 0.0
        for medium in sorted(set(media.values())):
            channel = self.post.shop.channels[medium].name
            limits = pace.limits_of(settings.messages_per_second, channel, medium, settings.sms_sender)
            ids = [i for i, by in media.items() if by == medium]
            grant = (
                pace.take_in(self.connection, limits, len(ids), self.post.wall()) if limits else pace.Grant(len(ids))
            )
            granted.update(dict.fromkeys(ids[: grant.granted], medium))
            longest = max(longest, grant.wait)
        return (media if len(granted) == len(media) else granted), longest

    def _closed(self) -> dict[str, datetime]:
        """Media whose channel is shut. The breaker runs on the wall clock, the queue on business time."""
        wall = self.post.wall()
        rows = self.connection.execute(sa.select(breakers.c.channel, breakers.c.open_until))
        shut = {name: until - wall for name, until in rows if until > wall}
        ways = self.post.shop.channels.items()
        return {medium: self.now + shut[channel.name] for medium, channel in ways if channel.name in shut}

    # --- those about whom one look was not enough

    def _judge(self, ids: Sequence[int], closed: dict[str, datetime]) -> dict[int, Medium]:
        """Judge each of them, withhold who may not go, and say by which medium the others do."""
        reader = Reader.of(self.post, self.now, asks_leave=self.words.asks_leave)
        found = reader.read(self.connection, ids)
        self.candidates.update({one.send_id: one for one in found})
        candidates = [self.candidates[i] for i in ids]
        policy, step = self.post.shop.policy, self.post.step
        verdicts: dict[int, Verdict] = {one.send_id: judge(one, step, policy, self.now, closed) for one in candidates}
        mailboxes = Mailboxes.read(self.connection, [one.customer_id for one in candidates])
        if mailboxes.others:
            twins = read_twins(self.connection, ids, step.purpose, self.now)
            verdicts |= once_each(candidates, verdicts, twins, self.now)
        going = [(one, step, v) for one in candidates if isinstance(v := verdicts[one.send_id], Go)]
        customers = mailboxes.everybody(one.customer_id for one, _, _ in going)
        used = read_counted(self.connection, customers, policy, self.now)
        # Who was just judged not to go takes nobody's place.
        rivals = read_rivals(self.connection, customers, policy, self.now)
        rivals = [rival for rival in rivals if _may_go(rival, verdicts)]
        verdicts |= over_cap(going, policy, used, rivals, self.now, mailboxes.readers)
        self._withhold(candidates, verdicts)
        return {i: verdict.medium for i, verdict in verdicts.items() if isinstance(verdict, Go)}

    def _reached(self, seen: Seen, rows: Sequence[int], media: dict[int, Medium]) -> Seen:
        """The address of the medium that each was judged to go by, and whether commercial words may go there."""
        addresses, allowed = list(seen.addresses), list(seen.allowed)
        for n in rows:
            if (medium := media.get(seen.ids[n])) is not None:
                contact = self.candidates[seen.ids[n]].contact(medium)
                addresses[n], allowed[n] = contact.address, contact.allowed
        return replace(seen, addresses=addresses, allowed=allowed)

    def _withhold(self, candidates: Sequence[Candidate], verdicts: dict[int, Verdict]) -> None:
        """End or put off reserved messages that may not go, and let their customers go on (rule 15)."""
        by_id = {one.send_id: one for one in candidates}
        skips = {i: v for i, v in verdicts.items() if isinstance(v, Skip)}
        defers = [Deferral(i, v.until, v.expires, v.reason) for i, v in verdicts.items() if isinstance(v, Defer)]
        reasons = {i: verdict.reason for i, verdict in skips.items()}
        ours = settlements.skip(self.connection, self.batch, reasons, self.now)
        settlements.defer(self.connection, self.batch, defers, self.now)
        self.counts.deferred.update(one.reason for one in defers)
        leaving: dict[str, list[int]] = {}
        at_once: list[int] = []
        waited: list[int] = []
        for send_id in sorted(ours):
            one, verdict = by_id[send_id], skips[send_id]
            self.counts.handled += 1
            self.counts.held[verdict.reason] += 1
            if verdict.leave:
                leaving.setdefault(verdict.reason, []).append(one.enrolment_id)
            else:
                (at_once if one.expires_at is None else waited).append(one.enrolment_id)
        pin, step = self.post.pin, self.post.step
        for reason, ids in leaving.items():
            self.counts.left += end_and_hand_over(self.connection, self.world, pin, among(e.id, ids), reason)
        if not self.post.is_aside:
            go_on(self.connection, pin, step, at_once, e.arrived_at)
            go_on(self.connection, pin, step, waited, self.now)


def _may_go(rival: Rival, verdicts: dict[int, Verdict]) -> bool:
    return isinstance(verdicts.get(rival.send_id, Go("email")), Go)
