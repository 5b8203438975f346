"""What differs between shops: `config/settings.yaml`, with the environment (`VEFA_…`) over it.

Keys and passwords come from the environment only and never print.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vefa.errors import SettingsError
from vefa.shop_settings import Consents, Shopify
from vefa.text import ascii_domain, ascii_mailbox, web_address


class Shop(BaseModel):
    """The shop itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "Örnek Mağaza"
    zone: str = Field("Europe/Istanbul", description="IANA zone of the shop; customers without one get it")
    country: str = Field("TR", description="ISO 3166-1 alpha-2; phone numbers without a prefix are read as of here")
    currency: str = Field("TRY", description="revenue is counted in it")
    exchange_rates: dict[str, Decimal] = Field(
        default_factory=dict, description="worth of one unit of another currency in the shop's own"
    )
    locales: tuple[str, ...] = Field(("tr", "en"), description="languages of the templates; the first is the fallback")
    founded_on: date | None = None

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f'"{value}" is no IANA time zone; write one such as Europe/Istanbul') from None
        return value


class Channels(BaseModel):
    """Which channel carries each medium. The outbox needs no keys and writes files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Literal["outbox", "sendgrid", "smtp"] = "outbox"
    sms: Literal["outbox", "twilio"] = "outbox"
    tools: Literal["outbox", "http"] = "outbox"


class Smtp(BaseModel):
    """A mail server. The password comes from VEFA_SMTP_PASSWORD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "localhost"
    port: int = 587
    user: str | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"


class MessagesPerSecond(BaseModel):
    """How fast messages may go at most, over all workers on all machines; 0 is as fast as the provider answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: float = Field(0, ge=0, description="all e-mails together")
    sms: float = Field(0, ge=0, description="all SMS together")
    sms_sender: float = Field(10, ge=0, description="the SMS of one sender")


class Delivery(BaseModel):
    """How many runs deliver a large sending, on as many machines as have workers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shards: int = Field(1, ge=1, le=64, description="runs that deliver one step together at most; 1 is one run alone")
    shard_from_batches: int = Field(
        300, ge=1, description="what one run delivers in about a minute, in batches of 1,000; more is shared out"
    )


class Tracking(BaseModel):
    """What is learned from e-mails of who reads them. Off unless switched on; each customer may refuse."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clicks: bool = Field(False, description="links lead over this vefa, which counts the click and passes on at once")
    opens: bool = Field(False, description="a picture of one point tells that the letter was opened")
    utm: bool = Field(True, description="links to the shop's own pages name the journey and the step, for statistics")
    hosts: tuple[str, ...] = Field((), description="the shop's own hosts beside those of the brand's urls")
    scanners: tuple[str, ...] = Field(
        (), description="words in a browser's name that tell a program which follows links, beside those known"
    )

    @field_validator("hosts")
    @classmethod
    def _ascii_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ascii_domain(host) or host for host in value)


class Retention(BaseModel):
    """How many days the nightly housekeeping leaves things. What the promises need is never removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    considered_days: int = Field(90, ge=8, description="why somebody did not enter a journey")
    history_days: int = Field(
        400, ge=30, description="what did not go straight with a message, ended incidents, words to tools and staff"
    )
    batches_days: int = Field(30, ge=8, description="which worker sent what; rates look a week back")
    inbox_days: int = Field(14, ge=1, description="what providers and shops sent, after it was taken in")
    rejects_days: int = Field(90, ge=1, description="rows of imports that could not be used")
    imports_days: int = Field(400, ge=1, description="that an import was done, and what it did")
    outbox_days: int = Field(90, ge=1, description="messages in the outbox")
    logs_days: int = Field(30, ge=1, description="files in var/log")


class Limits(BaseModel):
    """How much and how often anybody may send. Who sends more is told when to go on, and nothing is lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body_megabytes: float = Field(2, gt=0, le=50, description="a larger body is refused before it is read (413)")
    body_seconds: float = Field(15, gt=0, description="in which a whole body must have come (408)")
    key_per_second: float = Field(50, ge=0, description="requests with one key; 0 is no limit")
    key_burst: int = Field(200, ge=1, description="requests at once with one key, after a rest")
    address_per_second: float = Field(100, ge=0, description="requests from one address; 0 is no limit")
    address_burst: int = Field(500, ge=1, description="requests at once from one address, after a rest")
    address_connections: int = Field(
        100, ge=0, description="open connections from one address; 0 is no limit. A trusted proxy has none"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses or networks whose X-Forwarded-For is believed; nobody's unless said"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                ip_network(each, strict=False)
            except ValueError:
                raise ValueError(f'"{each}" is no address or network; write one such as 10.0.0.0/8') from None
        return value


class WooCommerce(BaseModel):
    """How a WooCommerce shop's webhooks are read. Their secret comes from VEFA_WOOCOMMERCE_SECRET."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field("woocommerce", description="whose ids its orders have, as an import's map names it")
    statuses: dict[str, Literal["shipped", "delivered"]] = Field(
        {"completed": "shipped", "shipped": "shipped", "delivered": "delivered"},
        description="what the states of an order mean, those of plug-ins, too",
    )


class Deliveries(BaseModel):
    """When a parcel is taken to have arrived of which no carrier reports it. Off unless said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delivered_after: timedelta | None = Field(
        None, description="from shipping, such as 5 days; unsaid, only what a carrier or the shop reports has arrived"
    )
    carriers: dict[str, timedelta] = Field(default_factory=dict, description="the same of one carrier, by its name")
    countries: dict[str, timedelta] = Field(
        default_factory=dict, description="the same of customers in one country, such as DE: 8 days"
    )

    @field_validator("delivered_after", mode="before")
    @classmethod
    def _length(cls, value: Any) -> timedelta | None:
        return None if value is None else parse_length(value)

    @field_validator("carriers", "countries", mode="before")
    @classmethod
    def _lengths(cls, value: Any) -> Any:
        return {str(name): parse_length(each) for name, each in value.items()} if isinstance(value, dict) else value

    @property
    def is_on(self) -> bool:
        """Whether anything is ever assumed."""
        return self.delivered_after is not None or bool(self.carriers) or bool(self.countries)


class Web(BaseModel):
    """What `vefa serve` answers, and to how much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unknown_customers: Literal["refuse", "create"] = Field(
        "create", description="events about somebody whom nobody knows: refuse them, or make a customer of them"
    )
    limits: Limits = Limits()
    woocommerce: WooCommerce = WooCommerce()
    shopify: Shopify = Shopify()


class Iys(BaseModel):
    """İYS, Turkey's register of consents. The user comes from VEFA_IYS_USER and VEFA_IYS_PASSWORD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(False, description="nothing commercial goes to recipients in Türkiye whom İYS does not allow")
    code: int | None = Field(None, description="the shop's İYS code")
    brand_code: int | None = Field(None, description="the brand's code")
    base_url: str = "https://api.iys.org.tr"
    merchant_tag: str = Field("tacir", description="customers with this tag are merchants: asked for no, never for yes")
    ask_after_hours: int = Field(24, ge=1, description="who was asked about longer ago is asked about before a wave")
    default_source: str = Field("HS_WEB", description="where something was said, if its own source is none of İYS's")
    sources: dict[str, str] = Field(default_factory=dict, description="our sources and what İYS calls them")

    @field_validator("base_url")
    @classmethod
    def _https_or_loopback(cls, value: str) -> str:
        return https_or_loopback(value)

    @model_validator(mode="after")
    def _whole(self) -> Iys:
        if self.enabled and (self.code is None or self.brand_code is None):
            raise ValueError("needs code and brand_code, the numbers that İYS gave the shop and its brand")
        return self


def parse_length(value: Any) -> timedelta:
    """A length such as `5 days` or `36 hours`. ValueError with a sentence where it is none of 1 hour to 90 days."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,4})\s*(hour|day|week)s?", str(value).strip().lower())
    if found is not None:
        length = timedelta(**{f"{found[2]}s": int(found[1])})
        if timedelta(hours=1) <= length <= timedelta(days=90):
            return length
    raise ValueError(f'"{value}" is no length of 1 hour to 90 days; write one such as 5 days')


def https_or_loopback(value: str) -> str:
    """The address without its last slash; ValueError where what is sent there could be read on the way."""
    parts = urlsplit(value)
    loopback = parts.hostname in {"localhost", "::1"} or (parts.hostname or "").startswith("127.")
    if parts.scheme == "https" or (parts.scheme == "http" and loopback):
        return value.rstrip("/")
    raise ValueError("must begin with https:// (plain http only for this machine itself)")


class Imports(BaseModel):
    """What is thought of files of which much cannot be used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unusable_share: float = Field(
        0.1, ge=0, le=1, description="with more unusable rows than this share, an import fails and removes nothing"
    )


class Settings(BaseSettings):
    """All settings of one shop. `root` is the folder that holds `journeys/` and `config/`."""

    model_config = SettingsConfigDict(
        env_prefix="VEFA_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    root: Path = Path()
    shop: Shop = Shop()
    channels: Channels = Channels()
    smtp: Smtp = Smtp()
    messages_per_second: MessagesPerSecond = MessagesPerSecond()
    retention: Retention = Retention()
    web: Web = Web()
    deliveries: Deliveries = Deliveries()
    tracking: Tracking = Tracking()
    imports: Imports = Imports()
    iys: Iys = Iys()
    consents: Consents = Consents()
    database_url: str = Field(
        "sqlite:///var/vefa.db", description="relative SQLite paths count from the root", repr=False
    )
    delivery: Delivery = Delivery()
    public_url: str = Field(
        "http://localhost:8020", description="where customers reach the shop's vefa: unsubscribe links"
    )
    sender_email: str = "merhaba@ornek.example"
    sender_name: str = "Örnek Mağaza"
    reply_to: str | None = None
    sms_sender: str = Field("ORNEK", description="a number, an alphanumeric sender, or a Messaging Service (MG…)")
    sms_valid_minutes: int | None = Field(
        None, ge=1, le=600, description="what the provider has not sent on by then it drops; unless said, its ten hours"
    )
    sendgrid_base_url: str = "https://api.sendgrid.com"
    sendgrid_webhook_public_key: str = Field(
        "", description="SendGrid's verification key of the signed Event Webhook; without it nothing of it is believed"
    )
    twilio_base_url: str = "https://api.twilio.com"
    provider_timeout_seconds: float = Field(15.0, gt=0)
    log: Literal["file", "stderr", "json", "none"] = Field(
        "file", description="where log lines go: var/log, or standard error, for people on a terminal or always as JSON"
    )
    sends_in_flight: int = Field(4, ge=1, description="requests to a provider at one time")

    secret_key: SecretStr = Field(SecretStr(""), description="signs links and coupon codes: VEFA_SECRET_KEY")
    sendgrid_api_key: SecretStr = Field(SecretStr(""), description="VEFA_SENDGRID_API_KEY")
    twilio_account_sid: str = Field("", repr=False)
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="VEFA_TWILIO_AUTH_TOKEN")
    smtp_password: SecretStr = Field(SecretStr(""), description="VEFA_SMTP_PASSWORD")
    woocommerce_secret: SecretStr = Field(SecretStr(""), description="proves its webhooks: VEFA_WOOCOMMERCE_SECRET")
    shopify_secret: SecretStr = Field(SecretStr(""), description="proves its webhooks: VEFA_SHOPIFY_SECRET")
    shopify_access_token: SecretStr = Field(
        SecretStr(""), description="of its Admin API, with the scope write_customers: VEFA_SHOPIFY_ACCESS_TOKEN"
    )
    checkout_secret: SecretStr = Field(SecretStr(""), description="signs codes posted to it: VEFA_CHECKOUT_SECRET")
    iys_user: str = Field("", repr=False, description="VEFA_IYS_USER")
    iys_password: SecretStr = Field(SecretStr(""), description="VEFA_IYS_PASSWORD")

    @field_validator("sender_email", "reply_to")
    @classmethod
    def _as_in_a_header(cls, value: str | None) -> str | None:
        if value is None or (address := ascii_mailbox(value)) is not None:
            return value and address
        raise ValueError(
            f'"{value}" cannot stand in a letter\'s head. Write an address such as merhaba@ornek.example, '
            "before the @ with the letters a to z only (no ı, İ, ş, ğ)"
        )

    @field_validator("public_url")
    @classmethod
    def _as_in_a_link(cls, value: str) -> str:
        if (address := web_address(value)) is None:
            raise ValueError(f'"{value}" is no web address; write one such as https://vefa.ornek.example')
        return address

    @field_validator("sendgrid_base_url", "twilio_base_url")
    @classmethod
    def _https_or_loopback(cls, value: str) -> str:
        return https_or_loopback(value)

    @field_validator("delivery")
    @classmethod
    def _shards_share_a_server(cls, value: Delivery, given: ValidationInfo) -> Delivery:
        if value.shards > 1 and str(given.data.get("database_url", "")).startswith("sqlite"):
            raise ValueError(
                f"shards: {value.shards} needs PostgreSQL (database_url, or VEFA_DATABASE_URL); "
                "SQLite is a file of one machine, where one run delivers everything"
            )
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings  # the environment goes over the file

    @cached_property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.shop.zone)

    @property
    def database(self) -> str:
        """The database's URL, with a relative SQLite path resolved against the root."""
        prefix = "sqlite:///"
        if self.database_url.startswith(prefix) and not self.database_url.startswith(prefix + "/"):
            return prefix + str((self.root / self.database_url.removeprefix(prefix)).resolve())
        return self.database_url

    @property
    def var(self) -> Path:
        """Where local files go: the database, the outbox, logs."""
        return self.root / "var"


#: What never stands in a file of the shop: every field of the type SecretStr, and names that go with one.
SECRETS = frozenset(
    {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    | {"twilio_account_sid", "iys_user"}
)
#: Last words of keys that can only name a secret, wherever they stand in the file.
_SECRET_WORDS = ("password", "secret", "token", "api_key", "auth_key", "private_key")


def load_settings(root: Path | None = None) -> Settings:
    """The settings of the shop in `root` (else `VEFA_ROOT`, else the nearest folder upwards that has `journeys/`).

    Raises SettingsError with a sentence for each thing that is wrong.
    """
    root = (root or _find_root()).resolve()
    path = root / "config" / "settings.yaml"
    given = _read_yaml(path) if path.exists() else {}
    for name, variable in _secrets_in(given):
        raise SettingsError(f"{path}: {name} is a secret and does not belong in a file; set {variable} instead")
    try:
        return Settings(**{**given, "root": root})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SettingsError(f"{path} or the environment:\n  " + "\n  ".join(lines)) from None


def _secrets_in(given: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The key of each secret in the file, and the variable of the environment that it belongs in."""
    for key, value in given.items():
        place = (*before, str(key))
        name = str(key).lower()
        if isinstance(value, dict):
            yield from _secrets_in(value, place)
        elif name in SECRETS or name.endswith(_SECRET_WORDS):
            flat = "_".join(place).lower()
            variable = flat if flat in SECRETS else "__".join(place).lower()
            yield ".".join(place), f"VEFA_{variable.upper()}"
        elif name == "database_url" and (urlsplit(str(value)).password or "password=" in str(value)):
            yield "the password in database_url", "VEFA_DATABASE_URL"


def _find_root() -> Path:
    import os

    if named := os.environ.get("VEFA_ROOT"):
        return Path(named)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "journeys").is_dir()), here)


def _read_yaml(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(path)
    except YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: must hold `key: value` lines")
    return content
