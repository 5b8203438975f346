"""The words of one message step: which names they have, and what stands for them in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection

from vefa.content.columns import ABSENT
from vefa.content.messages import EmailTemplate, SmsTemplate
from vefa.content.tracking import Campaign, Tracker
from vefa.crm.contexts import ORDER_LINES, FieldColumns, read_order_lines
from vefa.crm.guides import read_guides
from vefa.crm.ticket_messages import LEFT_OUT, MESSAGES
from vefa.crm.tracking import refusing
from vefa.engine.asking import Asked
from vefa.engine.gifts import Gifts
from vefa.engine.look import Look, Seen
from vefa.engine.post import Post
from vefa.engine.transcripts import transcripts
from vefa.ledger.claims import Marks
from vefa.plan.steps import Medium, Message

Columns = dict[str, Sequence[Any]]

#: Tiers as customers read them, and the fields that they are made of.
TIER_NAMES = {"loyalty.tier_name": "loyalty.tier", "loyalty.next_tier_name": "loyalty.next_tier"}
#: The column that tells of whom nothing may be learned; no template sees it.
REFUSED = " refused"


@dataclass
class Words:
    """The words of one message step: which names they have, and what stands for them."""

    post: Post
    _looks: dict[Medium, Look] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """Everything that the words of any medium and language name."""
        return self.post.shop.templates.names_of(self.post.words_step)

    @cached_property
    def tracker(self) -> Tracker | None:
        """What becomes of the links of its letters; None where they stay as they are."""
        return _tracker(self.post)

    @cached_property
    def straight(self) -> Tracker | None:
        """The same for customers of whom nothing is to be learned."""
        return self.tracker and (replace(self.tracker, clicks=False, opens=False) if self.tracker.campaign else None)

    @cached_property
    def asked(self) -> Asked | None:
        """The survey that it asks."""
        step, shop = self.post.words_step, self.post.shop
        survey = shop.surveys.get(step.survey) if step.survey else None
        return Asked(survey, shop.survey_links) if survey else None

    @cached_property
    def fields(self) -> FieldColumns:
        """Those of them that are fields of the CRM."""
        wanted = {name for name in self.names if name.partition(".")[0] not in ("coupon", "shop")}
        wanted |= {field for name, field in TIER_NAMES.items() if name in self.names}
        return FieldColumns.of(wanted, self.post.shop.settings.shop.currency)

    @cached_property
    def look(self) -> Look:
        """The one look at a batch that brings them all."""
        wants_orders = self.suggests or bool(self.names & {ORDER_LINES, "guides"})
        return Look(self.post, self.fields, wants_orders=wants_orders, asks_leave=self.asks_leave)

    @property
    def suggests(self) -> bool:
        """Whether they name suggestions and the step wants some."""
        return "recommendations" in self.names and self.post.words_step.recommend > 0

    @property
    def asks_leave(self) -> bool:
        """Whether they ask if commercial words may stand among them: suggestions are such."""
        return self.suggests or "commercial" in self.names

    def step(self, variant: str | None) -> Message:
        """The step with the words of one of the variants that are tested."""
        return self.post.words_step.of(variant)

    def marks(self, medium: Medium, language: str | None, variant: str | None = None) -> Marks:
        """What a claim notes of the words that a customer of that language gets."""
        template = self.template(medium, language, variant)
        return Marks(medium, template.hash, template.locale)

    def template(self, medium: Medium, language: str | None, variant: str | None = None) -> EmailTemplate | SmsTemplate:
        """The template in that language, else in the shop's first."""
        shop, name = self.post.shop, self.step(variant).template
        locale = language or shop.settings.shop.locales[0]
        return shop.templates.email(name, locale) if medium == "email" else shop.templates.sms(name, locale)

    def columns(self, connection: Connection, seen: Seen, gifts: Gifts, now: datetime) -> Columns:
        """What stands for each name, a row a message. Read in the transaction that claims, and as of its moment (rule
        16)."""
        post, step, names = self.post, self.post.words_step, self.names
        found: Columns = dict(self.fields.read(seen.fields, seen.zones))
        if ORDER_LINES in names:
            lines = read_order_lines(connection, [order for order in seen.orders if order is not None])
            found[ORDER_LINES] = [lines.get(order or 0, []) for order in seen.orders]
        if {MESSAGES, LEFT_OUT} & names:
            found |= transcripts(connection, names, seen.enrolments, seen.zones, now)
        if any(name.startswith("coupon.") for name in names):
            found["coupon"] = [gifts.words(enrolment, ABSENT) for enrolment in seen.enrolments]
        for name in TIER_NAMES.keys() & names:
            found[name] = self._tier_names(found[TIER_NAMES[name]], seen)
        free = step.purpose == "commercial"
        if self.suggests:
            found["recommendations"] = self._suggestions(connection, seen, free, now)
        if "guides" in names:
            found["guides"] = read_guides(connection, seen.customers, seen.orders, now)
        if not free and "commercial" in names:
            found["commercial"] = list(map(bool, seen.allowed))
        for kind in ("unsubscribe", "preferences"):
            if f"links.{kind}" in names:
                found[f"links.{kind}"] = post.shop.links.urls(kind, seen.customers, step.purpose)
        if self.asked is not None:
            found |= self.asked.links(names, seen.customers, seen.ids, now)
        if self.tracker is not None and (self.tracker.clicks or self.tracker.opens):
            refused = refusing(connection, seen.customers)
            found[REFUSED] = [customer in refused for customer in seen.customers]
        return found

    def _tier_names(self, tiers: Sequence[Any], seen: Seen) -> list[str | None]:
        """What each customer calls that tier, in the language of their message."""
        shop = self.post.shop
        otherwise = shop.settings.shop.locales[0]
        both = zip(tiers, seen.languages, strict=True)
        return [shop.loyalty.words(tier, language or otherwise) for tier, language in both]

    def _suggestions(self, connection: Connection, seen: Seen, free: bool, now: datetime) -> Sequence[Any]:
        """Nothing for those who may not be sold anything."""
        rows = [n for n, allowed in enumerate(seen.allowed) if free or allowed]
        customers, orders = [seen.customers[n] for n in rows], [seen.orders[n] for n in rows]
        post, count = self.post, self.post.words_step.recommend
        made = post.shop.suggestions.recommend(connection, customers, orders, count, now)
        suggestions: list[Any] = [[] for _ in seen.customers]
        for n, suggested in zip(rows, made, strict=True):
            suggestions[n] = suggested
        return suggestions

    def common(self, locale: str) -> dict[str, Any]:
        """What is the same for everybody of that language."""
        step, shop = self.post.words_step, self.post.shop
        settings = shop.settings.shop
        context: dict[str, Any] = {
            "shop": {"name": settings.name, "founded_on": settings.founded_on},
            "brand": shop.templates.brand.names(),
            "purpose": step.purpose,
        }
        if step.purpose == "commercial":
            context["commercial"] = True
        if not step.recommend:
            context["recommendations"] = []
        if self.asked is not None:
            context["survey"] = self.asked.words(locale)
        return context


def _tracker(post: Post) -> Tracker | None:
    settings, shop = post.shop.settings.tracking, post.shop
    campaign = None
    if settings.utm:
        pages = (urlsplit(url).hostname for url in shop.templates.brand.urls.values())
        hosts = {host.lower().removeprefix("www.") for host in (*pages, *settings.hosts) if host}
        campaign = Campaign(frozenset(hosts), post.pin.plan.journey, post.words_step.id) if hosts else None
    if not (settings.clicks or settings.opens or campaign):
        return None
    return Tracker(shop.tracked, settings.clicks, settings.opens, campaign)
