"""What the demo's made-up customers do with the messages they get, and what its house does at night.

All of it is drawn by a stable hash, so that everybody sees the same shop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from vefa.content.survey_links import Ask
from vefa.crm.happenings import record_events
from vefa.crm.points import point_moves
from vefa.crm.points_fields import signed
from vefa.crm.recommendations.making import make_links
from vefa.crm.tables import orders
from vefa.database import reading, writing
from vefa.engine.answers import learn_channels
from vefa.engine.plans import journey_row, pinned
from vefa.engine.surveys import answer, comment
from vefa.engine.tables import journeys
from vefa.ledger.claims import ref
from vefa.ledger.reactions import Reaction, react
from vefa.ledger.tables import sends
from vefa.plan.steps import Message
from vefa.rewards.by_hand import Counter
from vefa.rewards.points import settle_points
from vefa.rewards.tables import coupons

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from vefa.engine.shop import Shop
    from vefa.plan.surveys import Survey

#: Of a hundred e-mails so many are opened, so many are followed to the shop, so many questions are answered; of a
#: hundred coupons so many are used in the next order, and of a hundred members so many spend points in a week.
OPENED, CLICKED, ANSWERED, COMMENTED, USED, SPENT = 30, 9, 25, 40, 30, 4
#: Nobody spends fewer points.
WORTH_SPENDING = 500
#: How often it is looked up anew which products go together.
WEEK = timedelta(days=7)
#: What people write who are not content, and what those who are.
BAD = (
    "Kargo çok geç geldi, teslimat süresi beni üzdü.",
    "Paket ezilmişti, kutunun bir köşesi yırtıktı.",
    "Ürün fotoğraftakinden farklı, kumaşı ince.",
    "Beden tablosu yanlış, bir beden küçük geldi.",
    "It took two weeks to arrive.",
)
GOOD = (
    "Paketleme harikaydı, teşekkürler.",
    "Fiyatına göre çok kaliteli.",
    "Müşteri hizmetleri çok ilgiliydi.",
    "Lovely quality, and so quick.",
)

s = sends.c


class Life:
    """The demo's days: readers who read, and nights in which the house is kept."""

    def __init__(self, shop: Shop, begin: datetime) -> None:
        self._shop, self._seen, self._day, self._linked = shop, begin, date.min, begin - WEEK
        self._surveys: Mapping[tuple[int, int], Survey] | None = None

    def go_on(self, now: datetime) -> None:
        """Everything between the last moment and this one."""
        if self._surveys is None:
            with reading(self._shop.database) as connection:
                self._surveys = dict(self._asking(connection))
        if now.date() != self._day:
            self._day = now.date()
            self._night(now)
        with writing(self._shop.database) as connection:
            for row in connection.execute(_gone(self._seen, now)).all():
                self._read(connection, row)
        self._seen = now

    def _night(self, now: datetime) -> None:
        settle_points(self._shop.database, self._shop.loyalty, self._shop.settings.shop, now)
        learn_channels(self._shop.database, now)
        if now - self._linked >= WEEK:
            make_links(self._shop.database, now)
            self._spend(now)
            self._linked = now

    def _spend(self, now: datetime) -> None:
        """Some members pay with half of their points."""
        m, shop = point_moves.c, self._shop
        have = sa.func.sum(signed(m))
        rich = sa.select(m.customer_id, have).group_by(m.customer_id).having(have >= WORTH_SPENDING)
        with writing(shop.database) as connection:
            counter = Counter(connection, shop.loyalty, shop.settings.shop, now)
            for customer, points in connection.execute(rich.order_by(m.customer_id)).all():
                if _drawn(customer, f"spend {now:%F}") < SPENT:
                    counter.redeem(customer, int(points) // 2, f"demo-{customer}-{now:%F}")

    def _asking(self, connection: Connection) -> Iterator[tuple[tuple[int, int], Survey]]:
        for name in connection.scalars(sa.select(journeys.c.name)).all():
            row = journey_row(connection, name)
            pin = pinned(connection, row.plan_id) if row.plan_id else None
            for step in pin.plan.steps if pin else ():
                survey = self._shop.surveys.get(step.survey) if isinstance(step, Message) and step.survey else None
                if pin and survey:
                    yield (row.id, pin.numbers[step.id]), survey

    def _read(self, connection: Connection, row: Any) -> None:
        lag = timedelta(minutes=5 + _drawn(row.id, "lag") * 2)
        at = row.claimed_at + lag
        if row.medium == "email" and _drawn(row.id, "open") < OPENED:
            react(connection, Reaction(ref(row.id, row.attempt), "opened", at))
        # The second of two subjects is the better one, so that the newsletter's test has something to find.
        liked = CLICKED * (2 if row.variant not in (None, "a") else 1)
        if row.medium == "email" and _drawn(row.id, "click") < liked:
            page = "https://ornek.example/"
            react(connection, Reaction(ref(row.id, row.attempt), "clicked", at + timedelta(minutes=1), page))
        survey = (self._surveys or {}).get((row.journey_id, row.step))
        if _drawn(row.enrolment_id, "use") < USED:
            self._use_coupon(connection, row)
        if survey is not None and _drawn(row.id, "answer") < ANSWERED:
            self._answer(connection, row, survey, at + timedelta(minutes=2))

    def _use_coupon(self, connection: Connection, row: Any) -> None:
        """The customer's next order is paid with the coupon that the message told of."""
        c, o = coupons.c, orders.c
        code = connection.scalar(sa.select(c.code).where(c.enrolment_id == row.enrolment_id, c.valid_from.is_not(None)))
        mine = sa.and_(o.customer_id == row.customer_id, o.placed_at > row.claimed_at, o.coupon_code.is_(None))
        number = connection.scalar(sa.select(o.id).where(mine).order_by(o.placed_at).limit(1)) if code else None
        if number is not None:
            connection.execute(sa.update(orders).where(o.id == number).values(coupon_code=code))
            record_events(connection, "order", [number])

    def _answer(self, connection: Connection, row: Any, survey: Survey, at: datetime) -> None:
        ask, best = Ask(row.customer_id, row.id, survey.name), len(survey.scores)
        place = min(best - 1, (100 - _drawn(row.id, "score") ** 2 // 100) * best // 100)
        answer(connection, ask, survey, survey.scores[place], at)
        if _drawn(row.id, "comment") < COMMENTED:
            words = GOOD if 3 * place >= 2 * (best - 1) else BAD
            comment(connection, ask, survey, words[_drawn(row.id, "words") % len(words)], at)


def _gone(since: datetime, now: datetime) -> sa.Select[Any]:
    """What went out from the last moment on; what goes out at this one is still to come."""
    columns = (s.id, s.attempt, s.customer_id, s.enrolment_id, s.journey_id, s.step, s.medium, s.variant, s.claimed_at)
    return sa.select(*columns).where(s.state == "sent", s.claimed_at >= since, s.claimed_at < now).order_by(s.id)


def _drawn(number: int, what: str) -> int:
    """0 to 99, for this message always the same."""
    return blake2b(f"{what} {number}".encode(), digest_size=4).digest()[0] * 100 // 256
