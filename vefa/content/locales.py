"""How a language writes money, numbers, dates and capitals.

Only the languages in `LOCALES` have rules of their own; any other is written by the English ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from vefa.crm.values import MoneyAmount

DateStyle = Literal["long", "short", "day", "weekday"]

SYMBOLS: Mapping[str, str] = {"TRY": "₺", "EUR": "€", "USD": "$", "GBP": "£"}
#: decimals of the currencies that do not have two
DECIMALS: Mapping[str, int] = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3}

TURKISH_UPPER = str.maketrans({"i": "İ", "ı": "I"})
TURKISH_LOWER = str.maketrans({"İ": "i", "I": "ı"})


def turkish_upper(text: str) -> str:
    """Capitals as Turkish has them: i becomes İ, ı becomes I."""
    return text.translate(TURKISH_UPPER).upper()


def turkish_lower(text: str) -> str:
    """Small letters as Turkish has them: İ becomes i (one character), I becomes ı."""
    return text.translate(TURKISH_LOWER).lower()


@dataclass(frozen=True)
class Locale:
    """The writing rules of one language."""

    language: str
    thousands: str
    decimal: str
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    yes_no: tuple[str, str]
    #: `{number}`, `{symbol}`: with a known symbol, and with a bare currency code
    money_patterns: tuple[str, str]
    date_patterns: Mapping[DateStyle, str]
    datetime_pattern: str
    upper: Callable[[str], str]
    lower: Callable[[str], str]

    def number(self, value: Decimal | float, decimals: int | None = None) -> str:
        """Grouped by thousands; `decimals` None keeps those that matter."""
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
        if decimals is None:
            text = f"{exact:,f}"
            text = text.rstrip("0").rstrip(".") if "." in text else text
        else:
            text = f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,f}"
        if self.decimal == ".":
            return text
        return text.replace(",", " ").replace(".", self.decimal).replace(" ", self.thousands)

    def money(self, value: MoneyAmount) -> str:
        """`1.234,50 ₺`, `₺1,234.50`; a currency without a known symbol is named by its code."""
        number = self.number(abs(value.amount), DECIMALS.get(value.currency, 2))
        symbol = SYMBOLS.get(value.currency)
        pattern = self.money_patterns[0] if symbol else self.money_patterns[1]
        sign = "-" if value.amount < 0 else ""
        return sign + pattern.format(number=number, symbol=symbol or value.currency)

    def date(self, value: date, style: DateStyle = "long") -> str:
        """`3 Mart 2026`, `3 March 2026` and shorter."""
        month = self.months[value.month - 1]
        return self.date_patterns[style].format(
            d=value, month=month, short_month=month[:3], weekday=self.weekdays[value.weekday()]
        )

    def time(self, value: time | datetime) -> str:
        """`09:30`."""
        return f"{value:%H:%M}"

    def datetime(self, value: datetime) -> str:
        """`3 Mart 2026 09:30`."""
        return self.datetime_pattern.format(date=self.date(value), time=self.time(value))

    def capitalize(self, text: str) -> str:
        """The first letter great, the others small."""
        return self.upper(text[:1]) + self.lower(text[1:])

    def title(self, text: str) -> str:
        """Each word capitalised; what follows an apostrophe stays small (`Ayşe'nin`)."""
        return " ".join("-".join(map(self.capitalize, word.split("-"))) for word in text.split(" "))


TURKISH = Locale(
    language="tr",
    thousands=".",
    decimal=",",
    months=(
        "Ocak",
        "Şubat",
        "Mart",
        "Nisan",
        "Mayıs",
        "Haziran",
        "Temmuz",
        "Ağustos",
        "Eylül",
        "Ekim",
        "Kasım",
        "Aralık",
    ),
    weekdays=("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar"),
    yes_no=("evet", "hayır"),
    money_patterns=("{number} {symbol}", "{number} {symbol}"),
    date_patterns={
        "long": "{d.day} {month} {d.year}",
        "short": "{d.day:02}.{d.month:02}.{d.year}",
        "day": "{d.day} {month}",
        "weekday": "{d.day} {month} {weekday}",
    },
    datetime_pattern="{date} {time}",
    upper=turkish_upper,
    lower=turkish_lower,
)

ENGLISH = Locale(
    language="en",
    thousands=",",
    decimal=".",
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    yes_no=("yes", "no"),
    money_patterns=("{symbol}{number}", "{symbol} {number}"),
    date_patterns={
        "long": "{d.day} {month} {d.year}",
        "short": "{d.day} {short_month} {d.year}",  # 03/04 is two dates in two countries
        "day": "{d.day} {month}",
        "weekday": "{weekday}, {d.day} {month}",
    },
    datetime_pattern="{date}, {time}",
    upper=str.upper,
    lower=str.lower,
)

LOCALES: Mapping[str, Locale] = {"tr": TURKISH, "en": ENGLISH}


def locale_named(name: str) -> Locale:
    """The rules for a locale such as `tr` or `en-GB`."""
    return LOCALES.get(name.replace("_", "-").split("-")[0].lower(), ENGLISH)
