"""Previews to look at: of a made-up customer of the shop's, and one made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vefa.content.templates import TemplateStore
from vefa.foresight.preview.rendering import Preview, Renderer
from vefa.foresight.preview.samples import SampleName, Samples
from vefa.settings import Settings

NOW = datetime(2026, 3, 3, 10, tzinfo=UTC)


def renderer(shop: Settings, sample: SampleName = "usual") -> Renderer:
    return Renderer(TemplateStore(shop.root, shop), shop, sample, Samples(sample, NOW, shop).context)


def a_preview(**changes: Any) -> Preview:
    given: dict[str, Any] = {
        "subject": "Merhaba",
        "preheader": "Kısa",
        "html": "<p>Merhaba Ayşe</p>",
        "text": "Merhaba Ayşe",
    } | changes
    return Preview("j", "s", "t", given.pop("medium", "email"), "tr", "usual", "commercial", **given)
