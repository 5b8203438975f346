"""Who the shop is and how it looks: `config/brand.yaml`. Without the file, a plain brand of the shop's own name."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vefa.text import ascii_mailbox, web_address

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
#: Quotes, letters, commas: nothing that could end a style.
_FONTS = re.compile(r"[\w\s,.'\"-]+")


def _color(value: str) -> str:
    if not _COLOR.fullmatch(value):
        raise ValueError('is no colour. Write one such as "#b4472e", in quotes')
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if value and not (value.startswith(("https://", "http://localhost", "http://127.")) and parts.hostname):
        raise ValueError("must begin with https://")
    if re.search(r"\s", value):
        raise ValueError("has a space in it. Write %20 for it, or look for a missing quote")
    address = web_address(value) if value else ""
    if address is None:
        raise ValueError("is no web address. Write one such as https://www.ornek.example")
    return address


def _mailbox(value: str) -> str:
    if value and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]+", value):
        raise ValueError("is no e-mail address. Write one such as destek@ornek.example")
    address = ascii_mailbox(value) if value else ""
    if address is None:
        raise ValueError("has letters before the @ that few servers take. Write a to z, as in destek@ornek.example")
    return address


def _mersis(value: str) -> str:
    if value and not re.fullmatch(r"\d{16}", value):
        raise ValueError('is no MERSİS number: it has 16 digits. Write it in quotes, such as "0123456789000015"')
    return value


def _sms_code(value: str) -> str:
    if value and not re.fullmatch(r"B\d{3}", value):
        raise ValueError("is no operator's code. Write one such as B001")
    return value


def _fonts(value: str) -> str:
    if not _FONTS.fullmatch(value):
        raise ValueError("is no list of fonts. Write names with commas between, such as Georgia, serif")
    return value


Color = Annotated[str, AfterValidator(_color)]
FontStack = Annotated[str, AfterValidator(_fonts)]
Url = Annotated[str, AfterValidator(_web_address)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Palette(_Part):
    """Colours of one mode, as #rrggbb."""

    background: Color = "#f3f1ec"
    card: Color = "#ffffff"
    text: Color = "#23211e"
    muted: Color = "#6b665e"
    line: Color = "#e7e2d9"
    accent: Color = "#b4472e"
    accent_text: Color = "#ffffff"
    tint: Color = "#faf3ee"


class Night(Palette):
    """The same for devices that are dark; what is not given stays dark."""

    background: Color = "#141311"
    card: Color = "#1f1d1a"
    text: Color = "#f2eee7"
    muted: Color = "#a8a196"
    line: Color = "#38342e"
    accent: Color = "#e58a6d"
    accent_text: Color = "#1b1210"
    tint: Color = "#2a2420"


class Fonts(_Part):
    """Font stacks; only what readers' machines have is sure to show."""

    heading: FontStack = "Georgia, 'Times New Roman', serif"
    body: FontStack = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


class Social(_Part):
    """One account of the shop."""

    name: str
    url: Url


class SmsWords(_Part):
    """What the law and the operators want in a commercial SMS."""

    label: str = Field("", description="the word a commercial SMS begins with, such as TANITIM")
    code: Annotated[str, AfterValidator(_sms_code)] = Field(
        "", description="the operator's code of the sender, such as B001, which operators append to each SMS"
    )
    stop: str = Field("", description="how to refuse, such as: RET ORNEK 3338")
    suffix_chars: dict[str, int] = Field(
        default_factory=dict, description="characters that operators append, by country; else the code's: {TR: 5}"
    )
    transliterate: bool = Field(
        False, description="write ş ğ ı İ ç without their marks, so that a segment holds 160 characters"
    )

    @model_validator(mode="after")
    def _code_is_counted(self) -> Self:
        """Operators put a space and the code behind every SMS."""
        if self.code and not self.suffix_chars:
            self.suffix_chars["TR"] = len(self.code) + 1
        return self


class Brand(_Part):
    """The sender as the customer and the law see it."""

    name: str
    trade_name: str = ""
    mersis: Annotated[str, AfterValidator(_mersis)] = Field("", description="MERSİS number: 16 digits")
    address: str = ""
    email: Annotated[str, AfterValidator(_mailbox)] = ""
    phone: str = ""
    logo_url: Url = Field("", description="empty: the name itself, set in type, is the logo")
    logo_width: int = Field(140, ge=24, le=560)
    colors: Palette = Palette()
    dark: Night = Night()
    fonts: Fonts = Fonts()
    urls: dict[str, Url] = Field(
        default_factory=dict, description="pages of the shop that messages link to, by name: shop, account, …"
    )
    social: tuple[Social, ...] = ()
    sms: SmsWords = SmsWords()

    def names(self) -> dict[str, Any]:
        """What templates see as `brand.…`."""
        return self.model_dump()
