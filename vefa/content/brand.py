"""Who the shop is and how it looks: `config/brand.yaml`. Without the file, a plain brand of the shop's own name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vefa.content.problems import BrandError

Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


def _web_address(value: str) -> str:
    if value and not value.startswith(("https://", "http://localhost", "http://127.")):
        raise ValueError("must begin with https://")
    return value


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


DARK = Palette(
    background="#141311",
    card="#1f1d1a",
    text="#f2eee7",
    muted="#a8a196",
    line="#38342e",
    accent="#e58a6d",
    accent_text="#1b1210",
    tint="#2a2420",
)


class Fonts(_Part):
    """Font stacks; only what readers' machines have is sure to show."""

    heading: str = "Georgia, 'Times New Roman', serif"
    body: str = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


class Social(_Part):
    """One account of the shop."""

    name: str
    url: Url


class SmsWords(_Part):
    """What the law and the operators want in a commercial SMS."""

    label: str = Field("", description="the word a commercial SMS begins with, such as TANITIM")
    code: str = Field("", pattern=r"^(B\d{3})?$", description="the operator's code of the sender, such as B001")
    stop: str = Field("", description="how to refuse, such as: RET ORNEK 3338")
    suffix_chars: dict[str, int] = Field(
        default_factory=dict, description="characters that operators append, by country: {TR: 5}"
    )
    transliterate: bool = Field(
        False, description="write ş ğ ı İ ç without their marks, so that a segment holds 160 characters"
    )


class Brand(_Part):
    """The sender as the customer and the law see it."""

    name: str
    trade_name: str = ""
    mersis: str = Field("", pattern=r"^(\d{16})?$", description="MERSİS number: 16 digits")
    address: str = ""
    email: str = ""
    phone: str = ""
    logo_url: Url = Field("", description="empty: the name itself, set in type, is the logo")
    logo_width: int = Field(140, ge=24, le=560)
    colors: Palette = Palette()
    dark: Palette = DARK
    fonts: Fonts = Fonts()
    urls: dict[str, Url] = Field(
        default_factory=dict, description="pages of the shop that messages link to, by name: shop, account, …"
    )
    social: tuple[Social, ...] = ()
    sms: SmsWords = SmsWords()

    def names(self) -> dict[str, Any]:
        """What templates see as `brand.…`."""
        return self.model_dump()


def load_brand(path: Path, shop_name: str) -> Brand:
    """The brand in `path`; BrandError with a sentence per mistake."""
    if not path.exists():
        return Brand(name=shop_name)
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise BrandError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise BrandError(f"{path}: must hold `key: value` lines")
    try:
        return Brand(**{"name": shop_name, **content})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise BrandError(f"{path}:\n  " + "\n  ".join(lines)) from None
