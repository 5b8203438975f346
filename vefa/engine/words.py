"""From a judged candidate to a message ready to go: read what its words name, and render (rule 16: anew each time)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from vefa.channels.base import Email, Outgoing, Sender, Sms
from vefa.content.templates import RenderError
from vefa.crm.contexts import read_contexts
from vefa.crm.recommendations import BestSellers, recommend
from vefa.crm.scope import World
from vefa.engine.plans import Pinned
from vefa.engine.policy import Candidate
from vefa.engine.scopes import enrolment_scope
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments
from vefa.engine.timing import end_of_day, move
from vefa.language.conditions import Duration
from vefa.ledger.claims import Claimed
from vefa.plan.steps import Medium, Message
from vefa.rewards import coupons


@dataclass(frozen=True)
class Draft:
    """Words rendered for one customer, not yet claimed."""

    candidate: Candidate
    medium: Medium
    subject: str
    html: str
    text: str
    locale: str
    template_hash: str
    coupon_id: int | None
    coupon_end: datetime | None


@dataclass(frozen=True)
class Unwritable:
    """Words that could not be rendered for this customer, and why."""

    candidate: Candidate
    reason: str


def write(
    connection: Connection,
    shop: Shop,
    pin: Pinned,
    step: Message,
    world: World,
    going: Sequence[tuple[Candidate, Medium]],
    best: BestSellers,
) -> list[Draft | Unwritable]:
    """Render the step's words for everybody in `going`, by the medium judged for each."""
    if not going:
        return []
    names = _names(shop, step, {medium for _, medium in going})
    ids = [one.enrolment_id for one, _ in going]
    contexts = read_contexts(connection, enrolment_scope(world, pin), enrolments.c.id, enrolments, ids, names)
    held = coupons.latest(connection, ids) if any(name.startswith("coupon.") for name in names) else {}
    liked: Mapping[int, list[Any]] = {}
    if "recommendations" in names and step.recommend:
        people = [one.customer_id for one, _ in going]
        liked = recommend(connection, best.read(connection, world.now), people, step.recommend, world.now)
    drafts = []
    for one, medium in going:
        context = contexts[one.enrolment_id]
        coupon, end = held.get(one.enrolment_id), None
        if coupon is not None:
            end = coupon_end(coupon, world.now, one.zone)
            context["coupon"] = coupons.words(coupon, end)
        context |= _surroundings(shop, step, one, medium, liked.get(one.customer_id, []))
        drafts.append(_render(shop, step, one, medium, context, coupon, end))
    return drafts


def _names(shop: Shop, step: Message, media: set[Medium]) -> frozenset[str]:
    names: frozenset[str] = frozenset()
    for medium in media:
        names |= shop.templates.variables(step.template, medium)
    if "email" in media:
        for text in (*step.subject.values(), *step.preheader.values()):
            names |= shop.templates.variables_in(text)
    return names


def _surroundings(shop: Shop, step: Message, one: Candidate, medium: Medium, liked: list[Any]) -> dict[str, Any]:
    contact = one.contact(medium)
    allowed = contact.consent and contact.suppressed is None
    return {
        "shop": {"name": shop.settings.shop.name, "founded_on": shop.settings.shop.founded_on},
        "brand": shop.templates.brand.names(),
        "links": {
            "unsubscribe": shop.links.unsubscribe_url(one.customer_id, step.purpose),
            "preferences": shop.links.preferences_url(one.customer_id, step.purpose),
        },
        "purpose": step.purpose,
        "commercial": step.purpose == "commercial" or allowed,
        "recommendations": liked if step.purpose == "commercial" or allowed else [],
    }


def coupon_end(coupon: coupons.Held, now: datetime, zone: str) -> datetime | None:
    """The last moment a coupon is good for, if its validity begins now: the end of that day on the customer's clock."""
    if coupon.valid_from is not None or coupon.valid_days is None:
        return coupon.valid_until
    return end_of_day(move(now, Duration(coupon.valid_days, coupon.valid_seconds or 0), zone), zone)


def _render(
    shop: Shop,
    step: Message,
    one: Candidate,
    medium: Medium,
    context: dict[str, Any],
    coupon: coupons.Held | None,
    end: datetime | None,
) -> Draft | Unwritable:
    locale = one.language or shop.settings.shop.locales[0]
    fresh = coupon.id if coupon is not None and coupon.valid_from is None else None
    try:
        if medium == "sms":
            sms = shop.templates.sms(step.template, locale)
            words = sms.render(context, shop.templates.brand.sms.suffix_chars.get(one.country or "", 0))
            return Draft(one, medium, "", "", words.text, sms.locale, sms.hash, fresh, end)
        email = shop.templates.email(step.template, locale)
        subject, preheader = (_in(words, email.locale, shop) for words in (step.subject, step.preheader))
        mail = email.render(subject, preheader, context)
        return Draft(one, medium, mail.subject, mail.html, mail.text, email.locale, email.hash, fresh, end)
    except RenderError as error:
        return Unwritable(one, str(error))


def _in(words: Mapping[str, str], locale: str, shop: Shop) -> str:
    """The words in that language, else in the shop's first, else in any."""
    for wanted in (locale, *shop.settings.shop.locales):
        if wanted in words:
            return words[wanted]
    return next(iter(words.values()), "")


def envelope(shop: Shop, pin: Pinned, step: Message, draft: Draft, claimed: Claimed) -> Outgoing:
    """The message as the channel takes it, bearing ledger id and attempt."""
    one = draft.candidate
    address = one.contact(draft.medium).address
    journey = pin.plan.journey
    if draft.medium == "sms":
        return Sms(claimed.ref, address, shop.settings.sms_sender, draft.text, journey, step.id)
    settings = shop.settings
    headers = shop.links.unsubscribe_headers(one.customer_id, step.purpose) if step.purpose == "commercial" else {}
    return Email(
        ref=claimed.ref,
        to=address,
        sender=Sender(step.sender or settings.sender_email, settings.sender_name),
        subject=draft.subject,
        html=draft.html,
        text=draft.text,
        reply_to=step.reply_to or settings.reply_to,
        headers=headers,
        journey=journey,
        step=step.id,
    )
