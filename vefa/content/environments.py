"""The engine that fills in words: strict, metered, by the customer's locale, one for HTML and one for plain text.

A value is only ever printed, never read as template text. In HTML every value is escaped by the finalizer, in
attributes as well, and comes out as pure ASCII (a mail of one byte per character is half the work to send).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, get_args

from minijinja import Environment, TemplateError, escape, safe

from vefa.content.locales import DateStyle, Locale, locale_named, turkish_upper
from vefa.content.problems import RenderError
from vefa.crm.values import MoneyAmount

#: steps one message may take; a layout with twenty products needs some three thousand
FUEL = 200_000

#: names the template language itself has
BUILTIN_NAMES = frozenset({"range", "dict", "namespace", "cycler", "joiner", "loop", "self", "super", "caller"})
#: would print a value as it stands, show all values, or reach for other files
FORBIDDEN_FILTERS = ("safe", "tojson", "pprint")

#: what is left out of values in plain text
CONTROLS = frozenset(map(chr, (*range(0x09), *range(0x0B, 0x20), 0x7F, 0x2028, 0x2029)))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
_LAST_WORD = re.compile(r"\s+\S*$")


def to_text(value: object, locale: Locale) -> str:
    """A value as this locale writes it. A group of fields cannot be written, only its fields can."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if writer := _WRITERS.get(type(value)):
        return _written(writer, value, locale)
    if isinstance(value, (list, tuple)):
        return ", ".join(to_text(item, locale) for item in value)
    if isinstance(value, Mapping):
        raise RenderError(f"a group of fields ({', '.join(map(str, value))}) was to be printed; name one field")
    return str(value)


def _written(writer: Callable[[Any, Locale], str], value: object, locale: Locale) -> str:
    try:
        return writer(value, locale)
    except ArithmeticError:
        raise RenderError("a number has too many digits to be written") from None


_WRITERS: Mapping[type, Callable[[Any, Locale], str]] = {
    bool: lambda value, locale: locale.yes_no[0] if value else locale.yes_no[1],
    int: lambda value, _: str(value),
    float: lambda value, locale: locale.number(value),
    Decimal: lambda value, locale: locale.number(value),
    MoneyAmount: lambda value, locale: locale.money(value),
    datetime: lambda value, locale: locale.date(value),
    date: lambda value, locale: locale.date(value),
    time: lambda value, locale: locale.time(value),
}


def html_environment(locale_name: str, globals_: Mapping[str, object], currency: str, fuel: int = FUEL) -> Environment:
    """For HTML: every value is escaped and ASCII."""
    locale = locale_named(locale_name)

    def finalize(value: object) -> object:
        if type(value) is str:
            text = escape(value)
        elif hasattr(value, "__html__"):
            return NotImplemented
        else:
            text = escape(to_text(value, locale))
        return text if text.isascii() else safe(text.encode("ascii", "xmlcharrefreplace").decode())

    return _environment(locale, globals_, currency, finalize, fuel, escaped=True)


def text_environment(locale_name: str, globals_: Mapping[str, object], currency: str, fuel: int = FUEL) -> Environment:
    """For subjects, SMS and the plain part: nothing is escaped, control characters are left out."""
    locale = locale_named(locale_name)

    def finalize(value: object) -> object:
        return CONTROL.sub("", value if isinstance(value, str) else to_text(value, locale))

    return _environment(locale, globals_, currency, finalize, fuel, escaped=False)


def _environment(
    locale: Locale,
    globals_: Mapping[str, object],
    currency: str,
    finalize: Callable[[object], object],
    fuel: int,
    *,
    escaped: bool,
) -> Environment:
    environment = Environment(
        undefined_behavior="strict",
        fuel=fuel,
        pycompat=False,
        auto_escape_callback=lambda _: escaped,  # so that what a macro or a {% set %} block made is not escaped again
        finalizer=finalize,
        filters=_filters(locale, currency),
        globals=globals_,
    )
    for name in FORBIDDEN_FILTERS:
        environment.remove_filter(name)
    environment.remove_global("debug")
    return environment


def _filters(locale: Locale, currency: str) -> dict[str, Callable[..., object]]:
    text = partial(to_text, locale=locale)
    cased = {
        "upper": locale.upper,
        "lower": locale.lower,
        "capitalize": locale.capitalize,
        "title": locale.title,
        "tr_upper": turkish_upper,
    }
    written = {name: _on_text(change, text) for name, change in cased.items()}
    careful: dict[str, Callable[..., object]] = {
        "money": partial(_money, locale=locale, shop_currency=currency),
        "date": partial(_date, locale=locale),
        "time": lambda value: "" if value is None else locale.time(value),
        "datetime": lambda value: "" if value is None else locale.datetime(value),
        "plus_days": lambda value, days: None if value is None else value + timedelta(days=days),
        "number": lambda value, decimals=None: "" if value is None else locale.number(value, decimals),
    }
    return {
        **written,
        **{name: _refusing(name, filter_) for name, filter_ in careful.items()},
        "default": _default,
        "d": _default,
        "truncate": lambda value, length=80, end="…": _truncate(text(value), length, end),
    }


def _refusing(name: str, filter_: Callable[..., object]) -> Callable[..., object]:
    """What a filter cannot write is a mistake of this one message, whatever Python calls it."""

    def refusing(value: object, *details: object, **named: object) -> object:
        try:
            return filter_(value, *details, **named)
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            kind = type(value).__name__
            raise RenderError(f"the {name} filter was given a value that it cannot write ({kind})") from None

    return refusing


def _on_text(change: Callable[[str], str], text: Callable[[object], str]) -> Callable[[object], str]:
    return lambda value: change(text(value))


def _money(value: object, currency: str | None = None, *, locale: Locale, shop_currency: str) -> str:
    if value is None:
        return ""
    if isinstance(value, MoneyAmount):
        return locale.money(value)
    return locale.money(MoneyAmount(Decimal(str(value)), currency or shop_currency))


_DATE_STYLES: Mapping[str, DateStyle] = {style: style for style in get_args(DateStyle)}


def _date(value: object, style: str = "long", *, locale: Locale) -> str:
    if value is None:
        return ""
    if not isinstance(value, date):
        raise RenderError(f"the date filter was given {value!r}, which is no date")
    known = _DATE_STYLES.get(style)
    if known is None:
        raise RenderError(f'the date filter has no style "{style}"; there are long, short, day and weekday')
    return locale.date(value, known)


def _default(value: object, other: object = "", _boolean: bool = True) -> object:
    """Empty counts as missing: a customer without a first name has one that is empty."""
    return other if value is None or value == "" else value


def _truncate(text: str, length: int, end: str) -> str:
    if len(text) <= length:
        return text
    cut = text[: max(length - len(end), 0)]
    return (_LAST_WORD.sub("", cut) or cut).rstrip(" ,.;:-") + end


def render_error(error: BaseException, what: str) -> RenderError:
    """A failure of the template engine as one sentence about one message."""
    if not isinstance(error, TemplateError):
        return RenderError(f"{what}: {error}")
    if error.kind == "OutOfFuel":
        return RenderError(f"{what}: takes too many steps; is there a loop over a very long list?")
    detail = error.detail or error.message
    return RenderError(f"{what}: {detail}")
