"""What comes after the sale: returns, tickets, reviews and answers to surveys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vefa.crm.demo_shop.conversations import draw_messages
from vefa.crm.demo_shop.draws import NEVER, Draws, Ints, known, or_null
from vefa.crm.demo_shop.lives import Span
from vefa.crm.demo_shop.loading import Columns
from vefa.crm.demo_shop.people import People
from vefa.crm.demo_shop.purchases import Purchases
from vefa.crm.demo_shop.stages import draw_stages
from vefa.crm.demo_shop.words import AGENTS, COMMENTS, MOODS, RETURN_REASONS, REVIEWS, TICKETS
from vefa.database import HOUR, MINUTE

#: How often each score is given, from the lowest on.
_RATINGS = (0.05, 0.06, 0.12, 0.3, 0.47)
_NPS = (0.02, 0.01, 0.02, 0.02, 0.02, 0.06, 0.06, 0.13, 0.22, 0.2, 0.24)


@dataclass(frozen=True)
class FirstNumbers:
    """The ids that the next rows get."""

    returns: int
    tickets: int
    reviews: int
    answers: int
    messages: int


@dataclass(frozen=True)
class AfterSales:
    """Rows of five tables, and how returns and tickets went."""

    returns: Columns
    tickets: Columns
    messages: Columns
    reviews: Columns
    answers: Columns
    stages: Columns


@dataclass(frozen=True)
class Told:
    """Who said something about which order, and when; `order` is the order's place among the purchases."""

    order: Ints
    moment: Ints


def draw_after_sales(draws: Draws, people: People, bought: Purchases, span: Span, first: FirstNumbers) -> AfterSales:
    """Everything that these people said and sent back up to the end."""
    voice = _Voice(draws, people, bought)
    arrived = bought.delivered <= span.end
    tickets, asked, csat = _tickets(voice, span, first.tickets)
    returned = _told(draws, bought.delivered, arrived, 0.07, (0.2, 13.5), span)
    returns = _returns(voice, returned, span, first.returns)
    reviews = _reviews(voice, _told(draws, bought.delivered, arrived, 0.14, (1.5, 24), span), first.reviews)
    scored = _told(draws, bought.delivered, arrived, 0.06, (4.5, 9), span)
    answers = _answers(voice, scored, csat, span, first.answers)
    stages = draw_stages(draws, returns, tickets, span)
    messages = draw_messages(draws, tickets, voice.locales(asked), first.messages)
    return AfterSales(returns, tickets, messages, reviews, answers, stages)


def _told(
    draws: Draws, since: Ints, able: np.typing.NDArray[np.bool_], chance: float, days: tuple[float, float], span: Span
) -> Told:
    """Those of the able who do it, so many days after a moment, as far as the end has not come first."""
    moment = np.where(able, since, NEVER) + draws.days(*days, len(since))
    order = np.flatnonzero(draws.happens(chance, len(since)) & (moment <= span.end)).astype(np.int64)
    return Told(order, moment[order])


class _Voice:
    """Whose words they are, and in which language."""

    def __init__(self, draws: Draws, people: People, bought: Purchases) -> None:
        self.draws, self.people, self.bought = draws, people, bought

    def base(self, letter: str, told: Told, first: int) -> dict[str, list[object]]:
        """The columns that all four tables begin with."""
        numbers = range(first, first + len(told.order))
        return {
            "id": list(numbers),
            "source": ["demo"] * len(numbers),
            "outside_id": [f"{letter}{number:08}" for number in numbers],
            "customer_id": self.people.numbers[self.bought.person[told.order]].tolist(),
        }

    def orders(self, told: Told) -> list[object]:
        return list(self.bought.ids[told.order].tolist())

    def locales(self, told: Told) -> list[str]:
        spoken = (self.people.languages[person] for person in self.bought.person[told.order].tolist())
        return ["tr" if language == "tr" else "en" for language in spoken]

    def words(self, options: list[tuple[str, ...]]) -> list[object]:
        """One of each row's options."""
        chances = self.draws.source.random(len(options)).tolist()
        return [texts[int(chance * len(texts))] for texts, chance in zip(options, chances, strict=True)]


def _returns(voice: _Voice, told: Told, span: Span, first: int) -> Columns:
    """Asked for within 14 days of the delivery, received some days later, then refunded."""
    draws, bought, count = voice.draws, voice.bought, len(told.order)
    received = np.where(draws.happens(0.95, count), told.moment + draws.days(2, 6, count), NEVER)
    refunded = np.where(draws.happens(0.97, count), received + draws.days(0.3, 4, count), NEVER)
    amount = np.where(draws.happens(0.5, count), bought.total[told.order], bought.first_amount[told.order])
    return {
        **voice.base("R", told, first),
        "order_id": voice.orders(told),
        "reason": voice.words([RETURN_REASONS[locale] for locale in voice.locales(told)]),
        "amount": amount.tolist(),
        "currency": [bought.currency[order] for order in told.order.tolist()],
        **_moments("requested", told.moment.tolist()),
        **_moments("received", known(received, span.end)),
        **_moments("refunded", known(refunded, span.end)),
    }


def _tickets(voice: _Voice, span: Span, first: int) -> tuple[Columns, Told, tuple[Told, list[int]]]:
    """The tickets; who opened them; and of those that were judged, when they were resolved and how they were judged."""
    draws, bought = voice.draws, voice.bought
    everyone = np.ones(len(bought.placed), dtype=np.bool_)
    told = _told(draws, bought.placed, everyone, 0.05, (0.5, 15), span)
    count = len(told.order)
    reply = (draws.source.lognormal(np.log(22), 1.6, count) * MINUTE).astype(np.int64)
    answered = np.where(draws.happens(0.98, count), told.moment + reply, NEVER)
    work = (draws.source.lognormal(np.log(9), 1.2, count) * HOUR).astype(np.int64)
    resolved = np.where(draws.happens(0.97, count), answered + work, NEVER)
    kind = draws.kinds([share for _, share, _ in TICKETS], count).tolist()
    judged = (resolved <= span.end) & draws.happens(0.45, count)
    score = 1 + draws.kinds(_RATINGS, count)
    locales = voice.locales(told)
    columns: Columns = {
        **voice.base("T", told, first),
        "order_id": voice.orders(told),
        "subject": voice.words([TICKETS[k][2][locale] for k, locale in zip(kind, locales, strict=True)]),
        "category": [TICKETS[k][0] for k in kind],
        "agent": [
            agent if by_now else None
            for agent, by_now in zip(draws.pick(AGENTS, count), (answered <= span.end).tolist(), strict=True)
        ],
        "csat": or_null(score, judged),
        **_moments("opened", told.moment.tolist()),
        **_moments("answered", known(answered, span.end)),
        **_moments("resolved", known(resolved, span.end)),
    }
    return columns, told, (Told(told.order[judged], resolved[judged]), score[judged].tolist())


def _reviews(voice: _Voice, told: Told, first: int) -> Columns:
    """A rating, and words that fit it."""
    rating = 1 + voice.draws.kinds(_RATINGS, len(told.order))
    moods = [MOODS[stars - 1] for stars in rating.tolist()]
    texts = [REVIEWS[locale][mood] for locale, mood in zip(voice.locales(told), moods, strict=True)]
    product = voice.bought.first_product[told.order]
    return {
        **voice.base("V", told, first),
        "order_id": voice.orders(told),
        "product_id": product.tolist(),
        "rating": rating.tolist(),
        "text": voice.words(texts),
        **_moments("posted", told.moment.tolist()),
    }


def _answers(voice: _Voice, nps: Told, csat: tuple[Told, list[int]], span: Span, first: int) -> Columns:
    """Answers to the question after the delivery (nps), and to the one after a ticket (csat)."""
    draws = voice.draws
    judged, scores = csat
    moment = judged.moment + draws.days(0.02, 1, len(judged.moment))
    there = moment <= span.end
    told = Told(np.concatenate([nps.order, judged.order[there]]), np.concatenate([nps.moment, moment[there]]))
    count, asked = len(told.order), len(nps.order)
    given = draws.kinds(_NPS, asked).tolist()
    comments = voice.words([COMMENTS[locale] for locale in voice.locales(told)])
    return {
        **voice.base("S", told, first),
        "survey": ["nps"] * asked + ["csat"] * (count - asked),
        "score": given + [score for score, keep in zip(scores, there.tolist(), strict=True) if keep],
        "comment": [
            comment if says else None
            for comment, says in zip(comments, draws.happens(0.3, count).tolist(), strict=True)
        ],
        **_moments("answered", told.moment.tolist()),
    }


def _moments(name: str, moments: list[int | None]) -> dict[str, list[int | None]]:
    """A history is known as it happens."""
    return {f"{name}_at": moments, f"{name}_known_at": moments}
