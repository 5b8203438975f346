"""How well colours can be read upon each other (WCAG 2.2), and which of the brand's meet in messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vefa.content.brand import Brand, Palette

#: Level AA, for text of ordinary size.
READABLE = 4.5

#: Which colour stands on which, and where: name, name behind it, what it is.
PAIRS = (
    ("text", "card", "words"),
    ("muted", "card", "small words"),
    ("accent", "card", "links"),
    ("accent_text", "accent", "buttons"),
    ("accent", "tint", "quiet buttons and coupons"),
    ("text", "tint", "words on coupons"),
    ("text", "background", "the shop's name"),
    ("muted", "background", "the foot"),
)


@dataclass(frozen=True)
class Faint:
    """Two colours of the brand that are hard to tell apart where they meet."""

    mode: str
    color: str
    behind: str
    what: str
    ratio: float


def contrast(color: str, behind: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    dark, light = sorted((_luminance(color), _luminance(behind)))
    return (light + 0.05) / (dark + 0.05)


def faint_pairs(brand: Brand) -> Iterator[Faint]:
    """Pairs of the brand's colours below READABLE, by day and by night."""
    for mode, palette in (("colors", brand.colors), ("dark", brand.dark)):
        yield from _in_palette(mode, palette)


def _in_palette(mode: str, palette: Palette) -> Iterator[Faint]:
    for color, behind, what in PAIRS:
        ratio = contrast(getattr(palette, color), getattr(palette, behind))
        if ratio < READABLE:
            yield Faint(mode, color, behind, what, ratio)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
