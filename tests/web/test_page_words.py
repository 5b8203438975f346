"""The pages say the same in every language, and have a word for everything that they show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from vefa.engine.dossier import ORDER
from vefa.engine.holdings import HOLDINGS
from vefa.web.pages.rendering import LANGUAGES, words_of

#: English names its fields as the tables do; Turkish has a word for each.
NAMED_BY_THEMSELVES = {"fields", "values"}


def keys(words: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in words.items():
        if isinstance(value, dict) and name not in NAMED_BY_THEMSELVES:
            yield from keys(value, f"{above}{name}.")
        else:
            yield above + name


def test_every_language_has_the_same_words() -> None:
    english, turkish = (sorted(keys(words_of(language, "Ada"))) for language in ("en", "tr"))

    assert english == turkish


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_table_that_is_told_has_a_title(language: str) -> None:
    assert set(words_of(language, "Ada")["tables"]) == set(ORDER)


def test_every_column_that_is_told_has_a_turkish_name() -> None:
    told = {name for holding in HOLDINGS for name in (*holding.told, *holding.more)}

    assert told - set(words_of("tr", "Ada")["fields"]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shops_name_stands_where_it_is_meant(language: str) -> None:
    words = words_of(language, "Ada & Söhne")

    assert "Ada & Söhne" in words["unsubscribe"]["text"]
    assert "{" not in str(list(words.values())).replace("{'", "")
