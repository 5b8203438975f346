"""From claimed messages to what goes out: the words of many, filled in for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vefa.channels.base import BulkEmail, Outgoing, Sender, Sms
from vefa.content.columns import ABSENT
from vefa.content.messages import EmailTemplate, SmsTemplate
from vefa.content.problems import RenderError
from vefa.content.tracking import Tracker
from vefa.crm.contexts import nested
from vefa.engine.look import Seen
from vefa.engine.words import REFUSED, Columns, Words
from vefa.ledger.claims import ref
from vefa.plan.steps import Medium, Message


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


def _in(words: Mapping[str, str], locale: str, locales: Sequence[str]) -> str:
    """The words in that language, else in the shop's first, else in any."""
    for wanted in (locale, *locales):
        if wanted in words:
            return words[wanted]
    return next(iter(words.values()), "")
