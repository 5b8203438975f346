"""A shop's folder to write templates into, and a customer's values to fill them with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vefa.content.templates import TemplateStore
from vefa.crm.values import MoneyAmount
from vefa.settings import Settings, Shop

PROJECT = Path(__file__).parents[2]

PLAIN_LAYOUT = """<mjml lang="{{ locale }}"><mj-body>
<!-- vefa:content -->
<mj-section><mj-column><mj-text><a href="{{ links.unsubscribe }}">leave</a></mj-text></mj-column></mj-section>
</mj-body></mjml>"""

MakeStore = Callable[[Mapping[str, str]], TemplateStore]


BODY = "<mj-section><mj-column><mj-text>{words}</mj-text></mj-column></mj-section>"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "journeys" / "templates").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    return tmp_path


@pytest.fixture
def make_store(root: Path) -> MakeStore:
    """A store over these files, in a shop that writes Turkish only unless it says otherwise. Bare words get a body."""

    def make(files: Mapping[str, str], locales: tuple[str, ...] = ("tr",), brand: str = "name: Örnek") -> TemplateStore:
        (root / "config" / "brand.yaml").write_text(brand, encoding="utf-8")
        for name, source in {"_layout.mjml": PLAIN_LAYOUT, **files}.items():
            bare = name.endswith(".mjml") and not name.startswith("_") and "<mj" not in source
            whole = BODY.replace("{words}", source) if bare else source
            (root / "journeys" / "templates" / name).write_text(whole, encoding="utf-8")
        return TemplateStore(root, Settings(root=root, shop=Shop(locales=locales)))

    return make


@pytest.fixture
def shipped(root: Path) -> Path:
    """The layout, parts and brand that the project comes with, without its messages."""
    for source in (PROJECT / "journeys" / "templates").glob("_*.mjml"):
        shutil.copy(source, root / "journeys" / "templates")
    shutil.copy(PROJECT / "config" / "brand.yaml", root / "config")
    return root


@pytest.fixture
def context() -> dict[str, object]:
    return {
        "customer": {"first_name": "Ayşe"},
        "order": {
            "number": "TR-1042",
            "placed_at": datetime(2026, 3, 3, 9, 30, tzinfo=ZoneInfo("Europe/Istanbul")),
            "total": MoneyAmount(Decimal("1234.5"), "TRY"),
            "lines": [
                {
                    "name": "Keten gömlek",
                    "quantity": 2,
                    "gift_card": False,
                    "price": MoneyAmount(Decimal(899), "TRY"),
                    "url": "https://ornek.example/p/1?a=1&b=2",
                    "image_url": None,
                }
            ],
        },
        "coupon": {
            "code": "VEFA-7K2M9",
            "percent": 15,
            "amount": None,
            "free_shipping": False,
            "minimum": None,
            "valid_until": date(2026, 3, 17),
        },
        "recommendations": [
            {
                "name": "Bakır cezve",
                "price": MoneyAmount(Decimal(615), "TRY"),
                "url": "https://ornek.example/p/2",
                "image_url": "https://ornek.example/p/2.jpg",
                "category": "Mutfak",
            }
        ],
        "links": {"unsubscribe": "https://ornek.example/u/T", "preferences": "https://ornek.example/p/T"},
        "purpose": "commercial",
        "commercial": True,
    }
