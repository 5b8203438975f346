"""Words in every language of the shop, no more and no fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.problems import did_you_mean
from vefa.language.source import Trail

if TYPE_CHECKING:
    from vefa.plan.layout import Layout


def words(layout: Layout, trail: Trail, given: dict[str, str] | str | None) -> dict[str, str]:
    """The words there in every language of the shop; what is missing is told of."""
    locales, key = layout.around.locales, trail[-1]
    if given is None:
        return {}
    if isinstance(given, str):
        if len(locales) > 1:
            example = ", ".join(f'{locale}: "…"' for locale in locales)
            layout.source.report(trail, f'"{key}" is in one language only', f"Write {{{example}}}.", "locale")
        return {locales[0]: given}
    for locale in given:
        if locale not in locales:
            hint = did_you_mean(locale, locales, f"Languages are {', '.join(locales)}.")
            layout.source.report((*trail, locale), f'"{locale}" is no language of the shop', hint, "locale", at="key")
    if lacking := [locale for locale in locales if locale not in given]:
        hint = f'Add {lacking[0]}: "…".'
        layout.source.report(trail, f'"{key}" lacks the language {", ".join(lacking)}', hint, "locale", at="key")
    return {locale: given[locale] for locale in locales if locale in given}
