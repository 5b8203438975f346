"""What a customer gets, and what they choose instead: read for their page, and written from its form."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm import tracking, wishes
from vefa.crm.tables import contacts, customers
from vefa.crm.wishes import Said, topic_refusals
from vefa.plan.policy import Policy
from vefa.plan.steps import MEDIA, Medium

PAUSE = timedelta(days=30)
#: What a consent says of where it was given or taken back.
SOURCE = "preferences page"


@dataclass(frozen=True)
class Way:
    """One way to reach the customer: whether commercial words go by it now, and whether they can choose that.

    `stuck`: it is shut by something that is not theirs to undo here, such as messages that came back.
    """

    medium: Medium
    wanted: bool
    stuck: bool


@dataclass(frozen=True)
class Choices:
    """Everything that the page shows."""

    language: str | None
    ways: tuple[Way, ...]
    refused: frozenset[str]
    paused_until: datetime | None
    tracked: bool


@dataclass(frozen=True)
class Wanted:
    """What the form says of what it showed (`shown`): a box that was not there was not left empty.

    `pause`: True begins one anew, False ends it, None leaves it as it is; `tracked` None was not asked.
    """

    media: frozenset[str]
    topics: frozenset[str]
    shown: frozenset[str]
    language: str | None
    pause: bool | None
    tracked: bool | None = None


def read(connection: Connection, customer_id: int, policy: Policy, now: datetime) -> Choices:
    """How things stand."""
    w, t = wishes.wishes.c, topic_refusals.c
    chosen = sa.select(customers.c.language, w.paused_until).outerjoin(wishes.wishes, w.customer_id == customers.c.id)
    language, until = connection.execute(chosen.where(customers.c.id == customer_id)).one()
    refused = connection.scalars(sa.select(t.topic).where(t.customer_id == customer_id))
    ways = tuple(_ways(connection, customer_id, policy, now))
    return Choices(
        language, ways, frozenset(refused), until if until and until > now else None, _tracked(connection, customer_id)
    )


def write(
    connection: Connection, customer_id: int, before: Choices, wanted: Wanted, topics: Collection[str], now: datetime
) -> None:
    """Write down what differs from before. `topics` are the shop's."""
    said = Said(SOURCE, "preferences page", now)
    for way in before.ways:
        if way.stuck or way.medium not in wanted.shown or (way.medium in wanted.media) == way.wanted:
            continue
        if way.wanted:
            wishes.refuse(connection, customer_id, way.medium, "commercial", said)
        else:
            wishes.allow(connection, customer_id, way.medium, said)
    shown = set(topics) & wanted.shown
    wishes.refuse_topics(connection, customer_id, (shown - wanted.topics) | (before.refused - shown), now)
    if wanted.language and wanted.language != before.language:
        wishes.speak(connection, customer_id, wanted.language)
    if wanted.pause is not None and wanted.pause != (before.paused_until is not None):
        wishes.pause(connection, customer_id, now + PAUSE if wanted.pause else None)
    if wanted.tracked and not before.tracked:
        tracking.allow(connection, customer_id)
    elif wanted.tracked is False:
        tracking.refuse(connection, customer_id, now)


def _tracked(connection: Connection, customer_id: int) -> bool:
    return not tracking.refusing(connection, [customer_id])


def offered(form: Mapping[str, Sequence[str]], locales: Sequence[str]) -> Wanted:
    """What a form says, whoever made it: what is not known is not heard."""
    language = next((each for each in form.get("language", ()) if each in locales), None)
    pause = {"yes": True, "no": False}.get(next(iter(form.get("pause", ())), ""))
    media, topics, shown = (frozenset(form.get(name, ())) for name in ("channel", "topic", "shown"))
    tracked = "yes" in form.get("tracking", ()) if "tracking" in form.get("asked", ()) else None
    return Wanted(media, topics, shown, language, pause, tracked)


def _ways(connection: Connection, customer_id: int, policy: Policy, now: datetime) -> list[Way]:
    k = contacts.c
    found = connection.execute(sa.select(k.channel, k.undeliverable).where(k.customer_id == customer_id)).all()
    undeliverable = {row.channel: row.undeliverable for row in found}
    ways = []
    for medium in MEDIA:
        if medium not in undeliverable:
            continue
        stops = set(wishes.stops(connection, customer_id, medium, now))
        word = wishes.last_word(connection, customer_id, medium)
        agreed = word if word is not None else not policy.rule("commercial", medium).consent
        stuck = bool(undeliverable[medium] or stops - set(wishes.LIFTED))
        ways.append(Way(medium, bool(agreed) and not stops and not stuck, stuck))
    return ways
