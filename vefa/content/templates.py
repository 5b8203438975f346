"""All words of a shop: templates found, compiled once, and kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from itertools import product
from pathlib import Path
from threading import RLock

from minijinja import Environment, TemplateError

from vefa.content.brand import Brand
from vefa.content.brand_file import load_brand
from vefa.content.bulk import RenderedBulk, SplitEmail
from vefa.content.columns import ABSENT
from vefa.content.environments import html_environment, text_environment
from vefa.content.expressions import strict_filters, variables_in
from vefa.content.markup import MarkupRefused, compile_markup, to_ascii
from vefa.content.messages import EmailTemplate, RenderedEmail, RenderedSms, SmsTemplate, Words
from vefa.content.names import OWN_NAMES
from vefa.content.parts import TURN_FUEL
from vefa.content.plain_text import derive_text, without_tag_lines
from vefa.content.problems import (
    RenderError,
    TemplateBroken,
    TemplateMissing,
    TemplateProblem,
)
from vefa.content.sources import Folder, TemplateFile, fingerprint, read_folder
from vefa.plan.steps import Medium, Message
from vefa.settings import Settings

__all__ = [
    "ABSENT",
    "EmailTemplate",
    "RenderError",
    "RenderedBulk",
    "RenderedEmail",
    "RenderedSms",
    "SmsTemplate",
    "TemplateBroken",
    "TemplateMissing",
    "TemplateProblem",
    "TemplateStore",
]

_BRAND_VALUE = re.compile(r"\{\{-?\s*brand((?:\.\w+)+)\s*-?\}\}")


class TemplateStore:
    """The templates of `root/journeys/templates` with the brand of `root/config/brand.yaml`.

    Safe to use from several threads. What was compiled stays until `refresh` finds a file changed.
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        self._templates_path = root / "journeys" / "templates"
        self.brand_path = root / "config" / "brand.yaml"
        self._settings = settings
        self._lock = RLock()
        self._load()

    @property
    def brand(self) -> Brand:
        """Who the shop is."""
        return self._brand

    @property
    def folder(self) -> Folder:
        """The files as last read."""
        return self._folder

    @property
    def country(self) -> str:
        """The shop's country, whose law its messages keep."""
        return self._settings.shop.country

    @property
    def locales(self) -> tuple[str, ...]:
        """The shop's languages; the first is the fallback."""
        return self._settings.shop.locales

    def refresh(self) -> bool:
        """Read everything anew if a file has changed; whether one had."""
        with self._lock:
            if fingerprint(self._templates_path, self.brand_path) == self._fingerprint:
                return False
            self._load()
            return True

    def email(self, name: str, locale: str) -> EmailTemplate:
        """The e-mail template in this language, else in the shop's first."""
        with self._lock:
            found = self._found(name, locale, self._folder.email)
            if found is None:
                raise TemplateMissing(self._missing(name, f"{name}.{self.locales[0]}.mjml"))
            key = (name, found.locale)
            if key not in self._emails:
                self._emails[key] = self._compile_email(found)
            return self._emails[key]

    def sms(self, name: str, locale: str) -> SmsTemplate:
        """The SMS template in this language, else in the shop's first."""
        with self._lock:
            found = self._found(name, locale, lambda n, at: self._folder.files.get(("sms", n, at)))
            if found is None:
                raise TemplateMissing(self._missing(name, f"{name}.{self.locales[0]}.sms.txt"))
            key = (name, found.locale)
            if key not in self._smses:
                self._smses[key] = self._compile_sms(found)
            return self._smses[key]

    def names(self, medium: Medium) -> frozenset[str]:
        """All templates of a medium."""
        return self._folder.names(medium)

    def variables(self, name: str, medium: Medium) -> frozenset[str]:
        """Dotted names that a template needs from the engine, over all languages, layout included."""
        locales = self._folder.locales(medium, name)
        if not locales:
            raise TemplateMissing(self._missing(name, name))
        return frozenset().union(*(self._variables(name, medium, locale) for locale in locales))

    def variables_in(self, text: str) -> frozenset[str]:
        """Dotted names that a subject or preheader needs; TemplateBroken if it cannot be read."""
        try:
            names = variables_in(self.text_environment(self.locales[0]), text)
        except TemplateError as error:
            raise TemplateBroken(f'"{text}": {error.detail or error.message}') from None
        return _from_engine(names)

    def names_of(self, step: Message, *media: Medium) -> frozenset[str]:
        """Everything that the words of a message name: of all variants and languages, by these media or by any."""
        wanted, names = media or step.media, set[str]()
        for template, medium in product(step.templates, wanted):
            names |= self.variables(template, medium)
        if "email" in wanted:
            subjects = [text for version in step.versions for text in version.subject.values()]
            for text in dict.fromkeys((*subjects, *step.preheader.values())):
                names |= self.variables_in(text)
        return frozenset(names)

    def problems(
        self, commercial: frozenset[tuple[Medium, str]] | None = None, known: frozenset[str] | None = None
    ) -> list[TemplateProblem]:
        """Every mistake in every file.

        `commercial` names the templates of commercial messages by medium (all e-mail, if not said); `known` the
        fields of the CRM, so that a name which is none of them is a mistake too.
        """
        from vefa.content.checks import check_templates

        return check_templates(self, commercial, known)

    def html_environment(self, locale: str) -> Environment:
        """What fills in HTML of this language."""
        return self._environments(locale)[0]

    def text_environment(self, locale: str) -> Environment:
        """What fills in plain text of this language."""
        return self._environments(locale)[1]

    def _load(self) -> None:
        self._fingerprint = fingerprint(self._templates_path, self.brand_path)
        self._brand = load_brand(self.brand_path, self._settings.shop.name)
        self._folder = read_folder(self._templates_path)
        self._emails: dict[tuple[str, str], EmailTemplate] = {}
        self._smses: dict[tuple[str, str], SmsTemplate] = {}
        names, currency = {"brand": self._brand.names()}, self._settings.shop.currency
        self._environments: Callable[[str], tuple[Environment, Environment, Environment, Words]] = lru_cache(
            maxsize=None
        )(
            lambda locale: (
                html_environment(locale, names, currency),
                (text := text_environment(locale, names, currency)),
                text_environment(locale, names, currency),
                Words(text),
            )
        )

    def _found(self, name: str, locale: str, look: Callable[[str, str], TemplateFile | None]) -> TemplateFile | None:
        wanted = (locale, locale.split("-", maxsplit=1)[0], *self.locales)
        return next((file for at in wanted if (file := look(name, at))), None)

    def _missing(self, name: str, file: str) -> str:
        return f'there is no template "{name}"; write {self._templates_path / file}'

    def _compile_email(self, file: TemplateFile) -> EmailTemplate:
        html = self._compiled_html(file)
        override = self._folder.files.get(("text", file.name, file.locale))
        text = without_tag_lines(override.source) if override else derive_text(html)
        html_environment_, text_environment_, _, words = self._environments(file.locale)
        try:
            html_environment_.add_template(file.name, strict_filters(html))
            text_environment_.add_template(file.name, strict_filters(text))
        except TemplateError as error:
            raise TemplateBroken(f"{file.path}: {error.detail or error.message}") from None
        return EmailTemplate(
            name=file.name,
            locale=file.locale,
            hash=_hash(html, text),
            html_source=html,
            text_source=text,
            _html=html_environment_,
            _text=text_environment_,
            _words=words,
            _split=self._split_email(file.locale, html, text),
        )

    def _split_email(self, locale: str, html: str, text: str) -> SplitEmail:
        names, currency = {"brand": self._brand.names()}, self._settings.shop.currency
        return SplitEmail(
            locale,
            html,
            text,
            lambda: html_environment(locale, names, currency, TURN_FUEL),
            lambda: text_environment(locale, names, currency, TURN_FUEL),
        )

    def _compiled_html(self, file: TemplateFile) -> str:
        whole = self._folder.assemble(file)
        if file.kind == "html" and file.whole:
            return to_ascii(whole)
        try:
            return compile_markup(whole, self._brand_value)
        except MarkupRefused as error:
            raise TemplateBroken(f"{file.path}: {error}") from None

    def _compile_sms(self, file: TemplateFile) -> SmsTemplate:
        environment = self._environments(file.locale)[2]
        try:
            environment.add_template(file.name, strict_filters(without_tag_lines(file.source)))
        except TemplateError as error:
            raise TemplateBroken(f"{file.path}: {error.detail or error.message}") from None
        changed = self._brand.sms.transliterate
        return SmsTemplate(file.name, file.locale, _hash(file.source, str(changed)), file.source, changed, environment)

    def _variables(self, name: str, medium: Medium, locale: str) -> frozenset[str]:
        if medium == "sms":
            return _from_engine(variables_in(self.text_environment(locale), self.sms(name, locale).source))
        email = self.email(name, locale)
        return _from_engine(
            variables_in(self.html_environment(locale), email.html_source)
            | variables_in(self.text_environment(locale), email.text_source)
        )

    def _brand_value(self, tag: str) -> str | None:
        """What `{{ brand.… }}` stands for, ready for HTML; None for any other tag, or a name it does not have."""
        match = _BRAND_VALUE.fullmatch(tag)
        value: object = self._brand.names()
        for part in match[1].split(".")[1:] if match else ():
            value = value.get(part) if isinstance(value, Mapping) else None
        if match is None or not isinstance(value, str | int):
            return None
        # single quotes stay: attributes stand in double ones, and font names in styles need them
        return escape(str(value), quote=False).replace('"', "&quot;").replace("{", "&#123;")


def _from_engine(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if name.split(".")[0] not in OWN_NAMES)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
