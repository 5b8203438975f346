"""One batch of messages on its way: judge, write, claim, request, settle (rules 13 to 19).

Nothing is rendered or sent inside a transaction; the claim is committed right before the request; the result and the
customer's next step are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.channels.base import Accepted, Busy, Channel, Denied, Doubtful, Outcome, Refused
from vefa.crm.identity import address_key
from vefa.crm.scope import World
from vefa.crm.tables import suppressions
from vefa.database import among, reading, writing
from vefa.engine.candidates import Reader, lock_customers, read_counted, read_rivals, still_suppressed
from vefa.engine.exits import end_and_hand_over
from vefa.engine.movement import move_on
from vefa.engine.policy import Candidate, Defer, Go, Rival, Skip, Verdict, judge, over_cap
from vefa.engine.post import Post, StepCounts, running
from vefa.engine.scopes import make_world
from vefa.engine.tables import enrolments
from vefa.engine.words import Draft, Unwritable, envelope, write
from vefa.ledger import claims, settlements
from vefa.ledger.claims import HOLD, LOOK_UP, Batch, Claimed
from vefa.ledger.settlements import Deferral, Settled
from vefa.ledger.tables import breakers, sends
from vefa.plan.steps import Medium
from vefa.rewards.coupons import start_validity

e, s = enrolments.c, sends.c
#: How long nothing goes by a channel after its keys were refused (wall clock), before it is tried again.
BREAKER = timedelta(minutes=5)


class BatchWork:
    """One batch on its way."""

    def __init__(self, post: Post, batch: Batch, now: datetime) -> None:
        self.post, self.batch, self.now = post, batch, now
        self.database = post.shop.database
        self.counts = StepCounts(post.step.id)
        with reading(self.database) as connection:
            shop = post.shop.settings.shop
            self.world: World = make_world(connection, now, shop, post.facts, post.pin)
        self.reader = Reader(self.world, post.pin, post.step)

    # --- before the claim

    def prepare(self) -> dict[int, Draft]:
        """Judge everybody, end or put off who may not go, and render for the others."""
        with reading(self.database) as connection:
            candidates = self.reader.read(connection, self.batch.sends)
            verdicts = self._judge(connection, candidates)
        going = [(one, v.medium) for one in candidates if isinstance(v := verdicts[one.send_id], Go)]
        with reading(self.database) as connection:
            written = write(
                connection, self.post.shop, self.post.pin, self.post.words_step, self.world, going, self.post.best
            )
        failed = [draft for draft in written if isinstance(draft, Unwritable)]
        with writing(self.database) as connection:
            self._withhold(connection, candidates, verdicts)
            self._fail(connection, failed)
        return {draft.candidate.send_id: draft for draft in written if isinstance(draft, Draft)}

    def _judge(self, connection: Connection, candidates: Sequence[Candidate]) -> dict[int, Verdict]:
        policy, step = self.post.shop.policy, self.post.step
        closed = self._closed(connection)
        verdicts = {one.send_id: judge(one, step, policy, self.now, closed) for one in candidates}
        going = [(one, step, v) for one in candidates if isinstance(v := verdicts[one.send_id], Go)]
        customers = sorted({one.customer_id for one, _, _ in going})
        used = read_counted(connection, customers, policy, self.now)
        # Who was just judged not to go takes nobody's place.
        others = [r for r in read_rivals(connection, customers, policy, self.now) if self._may_go(r, verdicts)]
        return verdicts | over_cap(going, policy, used, others, self.now)

    @staticmethod
    def _may_go(rival: Rival, verdicts: dict[int, Verdict]) -> bool:
        return isinstance(verdicts.get(rival.send_id, Go("email")), Go)

    def _closed(self, connection: Connection) -> dict[str, datetime]:
        """Media whose channel is shut. The breaker runs on the wall clock, the queue on business time."""
        wall = self.post.wall()
        rows = connection.execute(sa.select(breakers.c.channel, breakers.c.open_until))
        shut = {name: until - wall for name, until in rows if until > wall}
        ways = self.post.shop.channels.items()
        return {medium: self.now + shut[channel.name] for medium, channel in ways if channel.name in shut}

    # --- the claim

    def claim(self, drafts: dict[int, Draft]) -> tuple[Claimed, ...]:
        """Look at everything once more and make ours what may still go, in one transaction (rules 16, 17)."""
        if not drafts:
            return ()
        self._look_anew()
        with writing(self.database) as connection:
            if not running(connection, self.post):
                return ()
            lock_customers(connection, sorted({d.candidate.customer_id for d in drafts.values()}))
            candidates = self.reader.read(connection, sorted(drafts))
            verdicts = self._judge(connection, candidates)
            self._withhold(connection, candidates, verdicts)
            media: dict[int, str] = {}
            for one in candidates:
                verdict = verdicts[one.send_id]
                if isinstance(verdict, Go) and self._same_words(verdict.medium, one, drafts[one.send_id]):
                    media[one.send_id] = verdict.medium
            claimed = claims.claim(connection, self.batch, media, self.now, self.post.wall())
            self._note_words(connection, [drafts[one.send_id] for one in claimed])
        return claimed

    def _look_anew(self) -> None:
        """Writing took its time: what was learned meanwhile counts (rules 1, 16)."""
        self.now = max(self.now, self.post.clock())
        self.world = replace(self.world, now=self.now)
        self.reader = replace(self.reader, world=self.world)

    @staticmethod
    def _same_words(medium: Medium, one: Candidate, draft: Draft) -> bool:
        """The draft still fits; where the address or the medium has changed meanwhile, the next round renders anew."""
        same = draft.candidate
        return medium == draft.medium and one.contact(medium).address == same.contact(medium).address

    def _note_words(self, connection: Connection, drafts: Sequence[Draft]) -> None:
        groups: dict[tuple[str, str], list[int]] = {}
        for draft in drafts:
            groups.setdefault((draft.template_hash, draft.locale), []).append(draft.candidate.send_id)
        for (template_hash, locale), ids in groups.items():
            values = {"template_hash": template_hash, "locale": locale}
            connection.execute(sa.update(sends).where(among(s.id, ids)).values(values))
        start_validity(connection, {d.coupon_id: d.coupon_end for d in drafts if d.coupon_id is not None}, self.now)

    # --- the request

    def send(self, claimed: Sequence[Claimed], drafts: dict[int, Draft]) -> None:
        """Call the channels and write down what they said."""
        if not claimed:
            return
        self.post.before_request()
        for medium in sorted({one.medium for one in claimed}):
            channel = self.post.shop.channels[medium]  # type: ignore[index]  # a medium that was judged
            mine = [one for one in claimed if one.medium == medium]
            for start in range(0, len(mine), channel.batch_size):
                self._request(channel, mine[start : start + channel.batch_size], drafts)

    def close(self) -> None:
        """The batch is through."""
        with writing(self.database) as connection:
            settlements.close(connection, self.batch, self.post.wall())

    def _request(self, channel: Channel, claimed: Sequence[Claimed], drafts: dict[int, Draft]) -> None:
        with reading(self.database) as connection:
            ids, now = [one.send_id for one in claimed], max(self.now, self.post.clock())
            late = still_suppressed(connection, ids, channel.medium, self.post.step.purpose, now)
        refused = [
            Settled(one, "skipped", f"suppressed: {late[one.send_id]}") for one in claimed if one.send_id in late
        ]
        going = [one for one in claimed if one.send_id not in late]
        mail = [
            envelope(self.post.shop, self.post.pin, self.post.words_step, drafts[one.send_id], one) for one in going
        ]
        outcomes = channel.deliver(mail) if mail else ()
        with writing(self.database) as connection:
            self._settle(connection, channel, going, outcomes, refused, drafts)

    def _settle(
        self,
        connection: Connection,
        channel: Channel,
        claimed: Sequence[Claimed],
        outcomes: Sequence[Outcome],
        refused: Sequence[Settled],
        drafts: dict[int, Draft],
    ) -> None:
        results = list(refused)
        returned: dict[tuple[float, str], list[Claimed]] = {}
        for one, outcome in zip(claimed, outcomes, strict=True):
            match outcome:
                case Accepted(provider_id):
                    results.append(Settled(one, "sent", provider_id=provider_id))
                case Refused(reason, detail, suppress):
                    results.append(Settled(one, "failed", reason, detail))
                    if suppress:
                        self._suppress(connection, drafts[one.send_id], reason)
                case Doubtful(reason, detail):
                    results.append(Settled(one, "unknown", reason, detail))
                case Busy(reason, retry_after):
                    returned.setdefault((retry_after, reason), []).append(one)
                case Denied(reason, detail):
                    returned.setdefault((BREAKER.total_seconds(), f"{reason} {detail}".strip()), []).append(one)
                    settlements.open_breaker(connection, channel.name, self.post.wall() + BREAKER, reason)
        ours = settlements.settle(connection, self.batch, results, self.now)
        for (seconds, why), group in returned.items():
            later = self.now + timedelta(seconds=max(seconds, 1))
            settlements.release(connection, self.batch, group, self.now, later, why)
            self.counts.deferred[why] += len(group)
        self._move(connection, [one for one in results if one.claimed.send_id in ours], drafts)

    def _suppress(self, connection: Connection, draft: Draft, reason: str) -> None:
        """The provider says that this address never wants anything again."""
        address = draft.candidate.contact(draft.medium).address
        row = {
            "channel": draft.medium,
            "address_key": address_key(address),
            "reason": "blocked",
            "evidence": reason,
            "occurred_at": self.now,
            "known_at": self.now,
        }
        connection.execute(sa.insert(suppressions).values(row))

    # --- what follows

    def _move(self, connection: Connection, results: Sequence[Settled], drafts: dict[int, Draft]) -> None:
        enrolment = {one.claimed.send_id: drafts[one.claimed.send_id].candidate.enrolment_id for one in results}
        by_state: dict[str, list[int]] = {}
        for one in results:
            by_state.setdefault(one.state, []).append(enrolment[one.claimed.send_id])
            self._count(one)
        on = [i for state in ("sent", "skipped") for i in by_state.get(state, [])]
        self._go_on(connection, on, self.now)
        self._after_failure(connection, by_state.get("failed", []))
        held = sa.update(enrolments).where(among(e.id, by_state.get("unknown", [])), e.state == "active")
        # A transactional one may go once more after the look-up window; then, or else, the customer waits out the day.
        again = LOOK_UP if self.post.step.purpose == "transactional" else HOLD
        connection.execute(held.values(due_at=self.now + again))

    def _count(self, one: Settled) -> None:
        self.counts.handled += 1
        match one.state:
            case "sent":
                self.counts.sent += 1
            case "unknown":
                self.counts.unknown += 1
            case "failed":
                self.counts.failed += 1
            case _:
                self.counts.held[one.reason or one.state] += 1

    def _go_on(self, connection: Connection, enrolment_ids: Sequence[int], arrived: Any) -> None:
        here = sa.and_(among(e.id, enrolment_ids), e.step == self.post.pin.number(self.post.step.key))
        # Whom a deploy has just moved to another plan goes on by that one, in its next tick.
        here = sa.and_(here, e.plan_id == self.post.pin.id)
        move_on(connection, self.post.pin, here, self.post.step.next, arrived)

    def _after_failure(self, connection: Connection, enrolment_ids: Sequence[int]) -> None:
        if self.post.step.on_failure == "exit" and enrolment_ids:
            reason = f"failed: {self.post.step.id}"
            which = among(e.id, enrolment_ids)
            self.counts.left += end_and_hand_over(connection, self.world, self.post.pin, which, reason)
        else:
            self._go_on(connection, enrolment_ids, self.now)

    def _withhold(self, connection: Connection, candidates: Sequence[Candidate], verdicts: dict[int, Verdict]) -> None:
        """End or put off reserved messages that may not go, and let their customers go on (rule 15)."""
        by_id = {one.send_id: one for one in candidates}
        skips = {i: v for i, v in verdicts.items() if isinstance(v, Skip)}
        defers = [Deferral(i, v.until, v.expires, v.reason) for i, v in verdicts.items() if isinstance(v, Defer)]
        ours = settlements.skip(connection, self.batch, {i: v.reason for i, v in skips.items()}, self.now)
        settlements.defer(connection, self.batch, defers, self.now)
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
        for reason, ids in leaving.items():
            self.counts.left += end_and_hand_over(connection, self.world, self.post.pin, among(e.id, ids), reason)
        self._go_on(connection, at_once, e.arrived_at)
        self._go_on(connection, waited, self.now)

    def _fail(self, connection: Connection, failed: Sequence[Unwritable]) -> None:
        reasons = {one.candidate.send_id: one.reason for one in failed}
        ours = settlements.skip(connection, self.batch, reasons, self.now, state="failed")
        self.counts.failed += len(ours)
        self.counts.handled += len(ours)
        self._after_failure(connection, [one.candidate.enrolment_id for one in failed if one.candidate.send_id in ours])
