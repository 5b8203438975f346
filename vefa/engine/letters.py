"""From claimed messages to what goes out: the words of many, filled in for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection

from vefa.channels.base import BulkEmail, Outgoing, Sender, Sms
from vefa.content.columns import ABSENT
from vefa.content.messages import EmailTemplate, SmsTemplate
from vefa.content.problems import RenderError
from vefa.content.tracking import Campaign, Tracker
from vefa.crm.contexts import ORDER_LINES, FieldColumns, nested, read_order_lines
from vefa.crm.guides import read_guides
from vefa.crm.ticket_messages import LEFT_OUT, MESSAGES
from vefa.crm.tracking import refusing
from vefa.engine.asking import Asked
from vefa.engine.gifts import Gifts
from vefa.engine.look import Look, Seen
from vefa.engine.post import Post
from vefa.engine.transcripts import transcripts
from vefa.ledger.claims import Marks, ref
from vefa.plan.steps import Medium, Message

Columns = dict[str, Sequence[Any]]

#: Tiers as customers read them, and the fields that they are made of.
TIER_NAMES = {"loyalty.tier_name": "loyalty.tier", "loyalty.next_tier_name": "loyalty.next_tier"}
#: The column that tells of whom nothing may be learned; no template sees it.
REFUSED = " refused"


@dataclass(frozen=True)
class Parcel:
    """Messages that one call of a channel takes: their numbers in the ledger, in the order of `bulk` or `messages`."""

    medium: Medium
    ids: Sequence[int]
    bulk: BulkEmail | None = None
    messages: Sequence[Outgoing] = ()

    @property
    def addresses(self) -> Sequence[str]:
        """Where each of them goes."""
        return self.bulk.to if self.bulk is not None else [message.to for message in self.messages]

    def only(self, rows: Sequence[int]) -> Parcel:
        """The same to some of them."""
        ids = [self.ids[n] for n in rows]
        if self.bulk is not None:
            return replace(self, ids=ids, bulk=self.bulk.only(rows))
        return replace(self, ids=ids, messages=[self.messages[n] for n in rows])


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


@dataclass(frozen=True)
class Written:
    """Parcels ready to go, and why others cannot be written."""

    parcels: tuple[Parcel, ...]
    faults: Mapping[int, str]


def write(
    words: Words, seen: Seen, columns: Columns, media: Mapping[int, Medium], attempts: Mapping[int, int]
) -> Written:
    """Fill in the words of all claimed messages: one parcel a medium, language and variant, those who refuse tracking
    apart."""
    refused = columns.get(REFUSED)
    columns = {name: column for name, column in columns.items() if name != REFUSED}
    groups: dict[tuple[Medium, str | None, str | None, bool], list[int]] = {}
    for n, send_id in enumerate(seen.ids):
        if send_id in attempts:
            key = (media[send_id], seen.languages[n], seen.variants[n], refused is not None and refused[n])
            groups.setdefault(key, []).append(n)
    parcels, faults = [], {}
    for (medium, language, variant, is_private), rows in groups.items():
        template = words.template(medium, language, variant)
        some, theirs = seen.only(rows), _chosen(columns, rows, len(seen))
        refs = [ref(send_id, attempts[send_id]) for send_id in some.ids]
        if isinstance(template, EmailTemplate):
            tracker = words.straight if is_private else words.tracker
            parcel, told = _emails(words, words.step(variant), template, some, theirs, refs, tracker)
        else:
            parcel, told = _smses(words, template, some, theirs, refs)
        faults.update(told)
        if parcel.ids:
            parcels.append(parcel)
    return Written(tuple(parcels), faults)


def _chosen(columns: Columns, rows: Sequence[int], whole: int) -> Columns:
    if len(rows) == whole:
        return columns
    return {name: [column[n] for n in rows] for name, column in columns.items()}


def _emails(
    words: Words,
    step: Message,
    template: EmailTemplate,
    seen: Seen,
    columns: Columns,
    refs: Sequence[str],
    tracker: Tracker | None,
) -> tuple[Parcel, dict[int, str]]:
    shop, pin = words.post.shop, words.post.pin
    settings = shop.settings
    subject, preheader = (_in(text, template.locale, settings.shop.locales) for text in (step.subject, step.preheader))
    rendered = template.render_bulk(subject, preheader, words.common(template.locale), columns, len(seen))
    headers: dict[str, Sequence[str]] = {}
    if step.purpose == "commercial":
        urls = columns.get("links.unsubscribe") or shop.links.urls("unsubscribe", seen.customers, step.purpose)
        headers = shop.links.unsubscribe_columns(urls)
    skeleton, pieces = rendered.skeleton, rendered.pieces
    if tracker is not None:
        skeleton, pieces = tracker.track(skeleton, pieces, refs)
    bulk = BulkEmail(
        skeleton=skeleton,
        sender=Sender(step.sender or settings.sender_email, settings.sender_name),
        refs=refs,
        to=[address or "" for address in seen.addresses],
        pieces=pieces,
        headers=headers,
        reply_to=step.reply_to or settings.reply_to,
        journey=pin.plan.journey,
        step=step.id,
    )
    parcel = Parcel("email", seen.ids, bulk)
    if not rendered.faults:
        return parcel, {}
    faults = {seen.ids[n]: str(error) for n, error in rendered.faults.items()}
    return parcel.only([n for n in range(len(seen)) if n not in rendered.faults]), faults


def _smses(
    words: Words, template: SmsTemplate, seen: Seen, columns: Columns, refs: Sequence[str]
) -> tuple[Parcel, dict[int, str]]:
    post, common = words.post, words.common(template.locale)
    sender, suffixes = post.shop.settings.sms_sender, post.shop.templates.brand.sms.suffix_chars
    ids, messages, faults = [], [], {}
    for n, send_id in enumerate(seen.ids):
        try:
            context = nested(columns, n)
            present = {name: value for name, value in context.items() if value is not ABSENT}
            if words.asked is not None:
                present["survey"] = words.asked.by_sms(
                    common["survey"], context.get("survey", {}), seen.addresses[n] or ""
                )
            text = template.render({**common, **present}, suffixes.get(seen.countries[n] or "", 0)).text
        except RenderError as error:
            faults[send_id] = str(error)
            continue
        ids.append(send_id)
        to, journey = seen.addresses[n] or "", post.pin.plan.journey
        messages.append(Sms(refs[n], to, sender, text, journey, post.words_step.id))
    return Parcel("sms", ids, messages=messages), faults


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


def _in(words: Mapping[str, str], locale: str, locales: Sequence[str]) -> str:
    """The words in that language, else in the shop's first, else in any."""
    for wanted in (locale, *locales):
        if wanted in words:
            return words[wanted]
    return next(iter(words.values()), "")
