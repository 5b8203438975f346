"""Pages from templates: in the customer's language, in the shop's colours, without a script and without a cookie."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from minijinja import Environment, safe
from ruamel.yaml import YAML

from vefa.content.brand import Brand, Palette
from vefa.content.brand_file import load_brand
from vefa.content.environments import html_environment
from vefa.settings import Settings

HERE = Path(__file__).parent
#: Languages that pages are written in; the first is for whoever speaks none of them.
LANGUAGES = ("en", "tr")
#: Larger than a message: what is known of somebody may be a long page.
FUEL = 5_000_000

HEADERS: dict[str, str] = {
    # Nothing is loaded but the shop's own logo, and a form goes nowhere else.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """Writes the pages of one shop. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def brand(self) -> Brand:
        """Who the shop is."""
        return load_brand(self._settings.root / "config" / "brand.yaml", self._settings.shop.name)

    def language(self, request: Request, own: str | None = None) -> str:
        """The customer's own language where it is known, else what the browser asks for, else the shop's."""
        asked = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
        for wanted in (own or "", *asked, *self._settings.shop.locales):
            short = wanted.replace("_", "-").partition("-")[0].lower()
            if short in LANGUAGES:
                return short
        return LANGUAGES[0]

    def show(self, page: str, language: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page of that template."""
        words = words_of(language, self.brand.name)
        html = self._environments[language].render_template(f"{page}.html", words=words, page=page, **context)
        return HTMLResponse(html, status, HEADERS | {"Content-Language": language})

    def letter(self, name: str, language: str, **context: Any) -> tuple[str, str, str]:
        """Subject, HTML and plain text of a mail that is no journey's."""
        language = language if language in LANGUAGES else LANGUAGES[0]
        words = words_of(language, self.brand.name)
        html = self._environments[language].render_template(f"{name}.html", words=words, page=name, **context)
        lines = [words[name]["text"], *context.values(), words[name]["not_you"], self.brand.name]
        return words[name]["subject"], html, "\n\n".join(map(str, lines))

    def lost(self, request: Request) -> HTMLResponse:
        """What a link shows that is not ours, or is damaged, or is too old: always the same."""
        return self.show("lost", self.language(request), 404)

    @cached_property
    def _environments(self) -> dict[str, Environment]:
        return {language: self._environment(language) for language in LANGUAGES}

    def _environment(self, language: str) -> Environment:
        known = {"brand": self.brand.names(), "language": language, "style": safe(_style(self.brand))}
        environment = html_environment(language, known, self._settings.shop.currency, FUEL)
        for path in sorted(HERE.glob("*.html")):
            environment.add_template(path.name, path.read_text(encoding="utf-8"))
        return environment


@lru_cache(maxsize=16)
def words_of(language: str, shop: str) -> dict[str, Any]:
    """The words of the pages, with the shop's name in them."""
    words: dict[str, Any] = YAML(typ="safe").load((HERE / f"{language}.yaml").read_text(encoding="utf-8"))
    return _filled(words, shop)


def _filled(words: dict[str, Any], shop: str) -> dict[str, Any]:
    def fill(value: Any) -> Any:
        return _filled(value, shop) if isinstance(value, dict) else str(value).replace("{shop}", shop)

    return {name: fill(value) for name, value in words.items()}


def _style(brand: Brand) -> str:
    """The style sheet with the shop's colours and fonts."""
    sheet = (HERE / "page.css").read_text(encoding="utf-8")
    fonts = f"--heading:{_plain(brand.fonts.heading)};--body:{_plain(brand.fonts.body)}"
    by_night = f"@media (prefers-color-scheme:dark){{:root{{{_colors(brand.dark)}}}}}"
    return f":root{{{_colors(brand.colors)};{fonts}}}{by_night}\n{sheet}"


def _colors(palette: Palette) -> str:
    return ";".join(f"--{name.replace('_', '-')}:{value}" for name, value in palette.model_dump().items())


def _plain(fonts: str) -> str:
    """A font stack cannot end the style sheet."""
    return "".join(letter for letter in fonts if letter not in "<>{};\\")
