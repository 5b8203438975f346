"""What the demo did for each need of a shop, a row each: docs/what-shops-need.md in figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from vefa.cli.printing import percent
from vefa.crm.answers import channel_answers
from vefa.crm.points import point_moves
from vefa.crm.recommendations.tables import product_links
from vefa.crm.tables import customers, events, orders, survey_answers, tickets
from vefa.engine.tables import enrolments, journeys, step_names
from vefa.engine.trial_tables import test_decisions
from vefa.errands.tables import errands
from vefa.foresight.status import Totals
from vefa.insight.effects import effects
from vefa.insight.measures import measures
from vefa.insight.replies import replies
from vefa.ledger.tables import sends
from vefa.rewards.tables import coupons, redemptions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from vefa.settings import Shop

DAYS = ("birthday", "anniversary-first-order", "anniversary-sign-up", "brand-day")

e, s, j, n = enrolments.c, sends.c, journeys.c, step_names.c


@dataclass(frozen=True)
class Need:
    """One need, and what was done about it."""

    need: str
    done: str


def needs(
    connection: Connection, found: Mapping[str, Totals], shop: Shop, begin: datetime, end: datetime
) -> list[Need]:
    """Every row, as it stands at `end`."""
    return [Need(need, done) for need, done in _rows(_Facts(connection, found, shop, begin, end))]


@dataclass(frozen=True)
class _Facts:
    connection: Connection
    found: Mapping[str, Totals]
    shop: Shop
    begin: datetime
    end: datetime

    def count(self, table: sa.Table, *where: Any) -> int:
        return self.connection.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one()

    def sent(self, *names: str) -> int:
        """Messages of these journeys that went out."""
        return sum(sum(self.found[name].sent.values()) for name in names if name in self.found)

    def sent_at(self, journey: str, step: str) -> int:
        """Messages of one step that went out."""
        mine = sa.select(n.id).join_from(step_names, journeys, j.id == n.journey_id).where(j.name == journey)
        return self.count(sends, s.step.in_(mine.where(n.name == step)), s.state == "sent")

    def entered(self, *names: str) -> int:
        return sum(self.found[name].entered for name in names if name in self.found)

    def answers(self, *where: Any) -> int:
        """Answers by one click."""
        asked = survey_answers.c.send_id.is_not(None)
        return self.count(survey_answers, asked, survey_answers.c.answered_known_at <= self.end, *where)

    def points(self, *kinds: str) -> int:
        m = point_moves.c
        query = sa.select(sa.func.coalesce(sa.func.sum(m.points), 0)).where(m.kind.in_(kinds))
        return int(self.connection.execute(query).scalar_one())

    def held(self, word: str) -> int:
        """Messages held back for a reason with that word in it."""
        return sum(count for each in self.found.values() for reason, count in each.held.items() if word in reason)

    def medium(self, medium: str) -> int:
        return sum(each.sent.get(medium, 0) for each in self.found.values())


def _rows(f: _Facts) -> Iterator[tuple[str, str]]:
    yield "welcome newcomers", f"{f.entered('onboarding'):,} welcomed with {f.sent('onboarding'):,} messages"
    yield "thank for the order", f"{f.sent('order-thank-you'):,} thank-yous, with points and suggestions"
    packaging = f.answers(survey_answers.c.survey == "packaging")
    yield (
        "delivery beyond the parcel",
        f"{f.sent('delivery-thank-you'):,} thank-yous; {packaging:,} told of the packaging",
    )
    reminded, cared = f.sent("return-reminder"), f.sent("return-care")
    yield "returns", f"{reminded:,} reminders of the 14 days; {cared:,} words on {f.entered('return-care'):,} returns"
    yield "special days", f"{f.sent(*DAYS):,} greetings; {_used(f, DAYS):,} of their coupons used"
    wrong = f.answers(survey_answers.c.survey == "what-went-wrong")
    yield (
        "win back",
        f"{f.entered('win-back'):,} stayed away, {f.sent('win-back'):,} messages; {wrong:,} said what went wrong",
    )
    earned, spent = f.points("earn", "grant"), f.points("redeem", "expire")
    yield "loyalty", f"{earned:,} points earned, {spent:,} spent or run out; {f.sent('loyalty-statement'):,} statements"
    yield "suggestions", f"{f.count(product_links):,} pairs of products that go together"
    yield "feedback", f"{f.answers():,} answers by one click; {f.sent('review-request'):,} asked for a review"
    yield "complaints", _complaints(f)
    yield "speed of reply", _speed(f)
    goodwill = f.sent_at("complaint-care", "sorry")
    yield (
        "excellent support",
        f"{f.sent_at('complaint-care', 'transcript'):,} transcripts; {goodwill:,} goodwill coupons",
    )
    yield "newsletter, A/B tested", _newsletter(f)
    no = f.held("consent") + f.held("suppressed")
    yield "right message, right list", f"{no:,} held back for want of consent, {f.held('cap'):,} by the weekly limit"
    yield "segments", f"{f.entered('win-back', 'surprise-gift'):,} came by segments over what they did"
    stored = f"{f.count(customers):,} customers, {f.count(orders):,} orders, {f.count(events):,} events"
    yield "customers' data", stored
    yield "measures", _measures(f)
    invited = f.answers(survey_answers.c.choice.is_not(None))
    yield "community", f"{f.sent('review-request'):,} invited to share; {invited:,} took part in a poll"
    learned = f.count(channel_answers)
    yield (
        "the channel they prefer",
        f"{f.medium('email'):,} e-mails, {f.medium('sms'):,} SMS; learned of {learned:,} customers",
    )


def _used(f: _Facts, names: tuple[str, ...]) -> int:
    c, r = coupons.c, redemptions.c
    query = (
        sa.select(sa.func.count(sa.distinct(c.id)))
        .join_from(redemptions, coupons, c.id == r.coupon_id)
        .join(enrolments, e.id == c.enrolment_id)
        .join(journeys, j.id == e.journey_id)
        .where(j.name.in_(names))
    )
    return f.connection.execute(query).scalar_one()


def _complaints(f: _Facts) -> str:
    closed = f.count(tickets, tickets.c.resolved_known_at <= f.end, tickets.c.opened_at > f.begin)
    told = f.sent("complaint-care")
    return f"{f.entered('complaint-care'):,} acknowledged, {closed:,} resolved; {told:,} words on how they stand"


def _speed(f: _Facts) -> str:
    staff = f.count(errands, errands.c.kind == "notify", errands.c.state == "done")
    found = replies(f.connection, f.begin, f.end)
    content = found[0].content if found else None
    share = "nothing to measure" if content is None else f"{percent(content, 0)} answered as soon as they expect it"
    return f"staff told {staff:,} times; {share}"


def _newsletter(f: _Facts) -> str:
    mine = test_decisions.c.journey_id == sa.select(j.id).where(j.name == "newsletter").scalar_subquery()
    chosen = f.connection.scalars(sa.select(test_decisions.c.chosen).where(mine).order_by(test_decisions.c.id)).all()
    decided = f"the tests were won by {', '.join(chosen)}" if chosen else "no test decided yet"
    return f"{f.sent('newsletter'):,} letters; {decided}"


def _measures(f: _Facts) -> str:
    now = measures(f.connection, max(f.begin, f.end - timedelta(days=30)), f.end, f.shop)
    worth = f"{now.average_order:,.0f} {f.shop.currency}" if now.average_order else "·"
    measured = sum(each.uplift is not None for each in effects(f.connection, f.begin, f.end))
    return f"retention {percent(now.retention.rate, 0)}, average order {worth}; {measured} journeys beside a holdout"
