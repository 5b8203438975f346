"""Compiled templates, and what becomes of them for one customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from minijinja import Environment, TemplateError

from vefa.content.bulk import Bulk, RenderedBulk, SplitEmail
from vefa.content.columns import Columns
from vefa.content.environments import render_error
from vefa.content.expressions import strict_filters
from vefa.content.plain_text import cut, one_line, tidy
from vefa.content.problems import RenderError
from vefa.content.sms import LONGEST, Encoding, sms_size, transliterate

#: Gmail cuts what is longer, and with it the unsubscribe link
GMAIL_CLIPS_AT = 102 * 1024


@dataclass(frozen=True)
class RenderedEmail:
    """The words of one e-mail. `subject` is one line."""

    subject: str
    html: str
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RenderedSms:
    """The words of one SMS and their size, what the operator appends counted in."""

    text: str
    encoding: Encoding
    segments: int


class Words:
    """Short texts that stand in journeys, such as subjects; guarded once, filled in many times."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._guarded: dict[str, str] = {}

    def fill(self, text: str, context: Mapping[str, object], what: str) -> str:
        """The text with its names filled in, on one line."""
        if "{" not in text:
            return one_line(text)
        guarded = self._guarded.get(text)
        if guarded is None:
            guarded = self._guarded.setdefault(text, strict_filters(text))
        try:
            return one_line(self._environment.render_str(guarded, what, **context))
        except (TemplateError, RenderError) as error:
            raise render_error(error, what) from None  # the cause would tell the customer's data


@dataclass(frozen=True)
class EmailTemplate:
    """One e-mail template in one language, compiled. `hash` changes when its words or its look do."""

    name: str
    locale: str
    hash: str
    html_source: str = field(repr=False)
    text_source: str = field(repr=False)
    _html: Environment = field(repr=False, compare=False)
    _text: Environment = field(repr=False, compare=False)
    _words: Words = field(repr=False, compare=False)
    _split: SplitEmail = field(repr=False, compare=False)

    def render(self, subject: str, preheader: str, context: Mapping[str, object]) -> RenderedEmail:
        """The e-mail for one customer; RenderError if it cannot be written."""
        values = {**context, "locale": self.locale}
        subject = self._words.fill(subject, values, f"{self.name}: subject")
        if not subject:
            raise RenderError(f"{self.name}: the subject comes out empty")
        values["subject"] = subject = cut(subject)
        values["preheader"] = self._words.fill(preheader, values, f"{self.name}: preheader")
        html = self._filled(self._html, values, "html")
        text = tidy(self._filled(self._text, values, "text"))
        return RenderedEmail(subject, html, text, _warnings(html))

    def render_bulk(
        self,
        subject: str,
        preheader: str,
        common: Mapping[str, object],
        columns: Mapping[str, Sequence[object]],
        count: int,
    ) -> RenderedBulk:
        """The e-mail for `count` customers: byte for byte what `render` gives each, and a fault where it raises.

        `common` is the context that all of them share; `columns` has a value of each of them by dotted name.
        """

        def whole(context: Mapping[str, object]) -> tuple[str, str, str]:
            email = self.render(subject, preheader, context)
            return email.subject, email.html, email.text

        return Bulk(self._split, whole, Columns(common, columns, count)).rendered(subject, preheader)

    def _filled(self, environment: Environment, values: Mapping[str, object], part: str) -> str:
        try:
            return environment.render_template(self.name, **values)
        except (TemplateError, RenderError) as error:
            raise render_error(error, f"{self.name}.{self.locale} ({part})") from None  # as in Words.fill


def _warnings(html: str) -> tuple[str, ...]:
    if len(html) < GMAIL_CLIPS_AT:
        return ()
    return (f"{len(html) // 1024} KB of HTML: Gmail cuts off what is beyond 102 KB",)


@dataclass(frozen=True)
class SmsTemplate:
    """One SMS template in one language."""

    name: str
    locale: str
    hash: str
    source: str = field(repr=False)
    transliterate: bool
    _text: Environment = field(repr=False, compare=False)

    def render(self, context: Mapping[str, object], suffix_chars: int = 0) -> RenderedSms:
        """The SMS for one customer; RenderError if it cannot be written or is too long to go."""
        try:
            filled = self._text.render_template(self.name, **{**context, "locale": self.locale})
        except (TemplateError, RenderError) as error:
            raise render_error(error, f"{self.name}.{self.locale}.sms") from None  # as in Words.fill
        text = tidy(filled).strip()
        text = transliterate(text) if self.transliterate else text
        if not text:
            raise RenderError(f"{self.name}.{self.locale}.sms: comes out empty")
        if len(text) > LONGEST:
            raise RenderError(f"{self.name}.{self.locale}.sms: {len(text)} characters, {LONGEST} can go")
        size = sms_size(text, suffix_chars)
        return RenderedSms(text, size.encoding, size.segments)
