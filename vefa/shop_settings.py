"""Settings of shop systems: how Shopify's webhooks are read, and who gets the consents that are given here."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Shopify(BaseModel):
    """How a Shopify shop's webhooks are read, and whether it gets the consents that are given here.

    The secret of its webhooks comes from VEFA_SHOPIFY_SECRET, the token of its Admin API from
    VEFA_SHOPIFY_ACCESS_TOKEN.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field("shopify", description="whose ids its orders have, as an import's map names it")
    tell_consents: bool = Field(False, description="what customers agree to and refuse here is written to Shopify")
    shop: str | None = Field(None, description="the shop's own domain, such as ornek.myshopify.com")
    api_version: str = Field("2026-07", pattern=r"^20\d\d-(01|04|07|10)$", description="of Shopify's Admin API")

    @field_validator("shop")
    @classmethod
    def _own_domain(cls, value: str | None) -> str | None:
        # The token goes there: never to any other host.
        if value is None or re.fullmatch(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", value):
            return value
        if re.fullmatch(r"http://(127\.0\.0\.1|localhost):\d{1,5}", value):
            return value
        raise ValueError("must be the shop's own domain, such as ornek.myshopify.com")

    @model_validator(mode="after")
    def _whole(self) -> Shopify:
        if self.tell_consents and self.shop is None:
            raise ValueError("tell_consents needs shop, such as ornek.myshopify.com")
        return self

    @property
    def admin_url(self) -> str:
        """Where the Admin API answers: the shop's own domain, or a fake one on this machine."""
        shop = self.shop or ""
        return shop if shop.startswith("http://") else f"https://{shop}"


class Consents(BaseModel):
    """Who else gets the consents that are given here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tell: str | None = Field(None, description="a tool of config/tools.yaml that gets the event consent.changed")
