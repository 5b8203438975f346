"""What is known of a customer, in the words of their language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from vefa.content.locales import Locale, locale_named
from vefa.engine.dossier import Row
from vefa.settings import Settings
from vefa.web.pages.rendering import words_of

#: Rows of one table that the page shows, the newest; the file has all.
SHOWN = 200


@dataclass(frozen=True)
class _Teller:
    words: Mapping[str, Any]
    locale: Locale
    zone: ZoneInfo

    def row(self, row: Row) -> list[dict[str, str]]:
        return [{"name": self.name(name), "value": self.value(value)} for name, value in row.items()]

    def name(self, name: str) -> str:
        return str(self.words["fields"].get(name, name.replace("_", " ")))

    def value(self, value: Any) -> str:
        match value:
            case bool():
                return self.locale.yes_no[0 if value else 1]
            case datetime():
                return self.locale.datetime(value.astimezone(self.zone))
            case Decimal():
                return self.locale.number(value, 2)
            case Mapping():
                return ", ".join(f"{self.name(name)}: {self.value(each)}" for name, each in value.items())
            case list():
                return ", ".join(map(self.value, value))
            case str():
                return str(self.words["values"].get(value, value))
        return self.locale.date(value) if hasattr(value, "isoformat") else str(value)


def sections(found: Mapping[str, list[Row]], language: str, settings: Settings) -> list[dict[str, Any]]:
    """Each table with its title, its rows as names and values, and how many rows are in the file only."""
    words = words_of(language, "")
    teller = _Teller(words, locale_named(language), ZoneInfo(settings.shop.zone))
    return [
        {
            "title": words["tables"][name],
            "count": len(rows),
            "rows": [teller.row(row) for row in rows[-SHOWN:]],
            "more": max(len(rows) - SHOWN, 0),
        }
        for name, rows in found.items()
    ]
