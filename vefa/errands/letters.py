"""The bodies of errands: an event as JSON for a tool, words for a chat, an e-mail to somebody of the shop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from html import escape
from textwrap import shorten
from typing import Any

import orjson

from vefa.channels.base import Email, Sender
from vefa.content.columns import Absent
from vefa.content.plain_text import one_line
from vefa.crm.values import MoneyAmount

#: What stands under an e-mail to staff, by the shop's language: journey, step, customer.
_FOOT = {"tr": ("Dizi", "adım", "müşteri no"), "en": ("Journey", "step", "customer no.")}
_SUBJECT = 90


@dataclass(frozen=True)
class About:
    """What an errand is about: empty where it is no journey's."""

    journey: str = ""
    step: str = ""
    customer: str = ""
    object_kind: str | None = None
    object_key: str | None = None


def event(name: str, kind: str, moment: datetime, about: About, fields: Mapping[str, Any], text: str | None) -> str:
    """The event as JSON. `fields` are values by dotted name; a group for each part before the dot."""
    told: dict[str, Any] = {"id": name, "type": kind, "moment": _plain(moment)}
    if about.journey:
        told |= {"journey": about.journey, "step": about.step}
    if about.object_kind and about.object_key:
        told["object"] = {"kind": about.object_kind, "number": about.object_key}
    if text is not None:
        told["text"] = text
    for field, value in sorted(fields.items()):
        home, _, rest = field.partition(".")
        told.setdefault(home, {})[rest] = _plain(value)
    return orjson.dumps(told).decode()


def chat(text: str) -> str:
    """Words alone, as chat programs take them."""
    return orjson.dumps({"text": text}).decode()


def note(text: str, about: About, language: str) -> str:
    """An e-mail's words, to be frozen: the subject is the first line."""
    lines = [line for line in (each.strip() for each in text.splitlines()) if line]
    foot = " · ".join(_foot(about, _FOOT.get(language, _FOOT["en"])))
    whole = "\n\n".join(part for part in ("\n".join(lines), foot) if part)
    return orjson.dumps(
        {"subject": shorten(one_line(lines[0]), _SUBJECT, placeholder="…"), "text": whole + "\n"}
    ).decode()


def email(body: str, ref: str, to: str, sender: Sender, about: About) -> Email:
    """The e-mail of a frozen body."""
    words = orjson.loads(body)
    return mail(words["subject"], words["text"], ref, to, sender, about)


def mail(subject: str, text: str, ref: str, to: str, sender: Sender, about: About) -> Email:
    """A plain e-mail; what stands between empty lines is a paragraph."""
    paragraphs = (escape(part).replace("\n", "<br>") for part in text.strip().split("\n\n"))
    html = "<html><body>" + "".join(f"<p>{part}</p>" for part in paragraphs) + "</body></html>"
    return Email(
        ref=ref,
        to=to,
        sender=sender,
        subject=subject,
        html=html,
        text=text,
        journey=about.journey,
        step=about.step or "notice",
    )


def _foot(about: About, words: tuple[str, str, str]) -> Iterable[str]:
    for word, value in zip(words, (about.journey, about.step, about.customer), strict=True):
        if value:
            yield f"{word}: {value}"


def _plain(value: Any) -> Any:
    """A value as JSON has it: moments in UTC, sums as text beside their currency."""
    match value:
        case Absent():
            return None
        case MoneyAmount(amount=amount, currency=currency):
            return {"amount": f"{amount:.2f}", "currency": currency}
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(name): _plain(each) for name, each in value.items()}
    return value
