"""A shop, opened: everything that ticks, commands and flows work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from vefa.channels.base import Channel
from vefa.channels.registry import make_channel
from vefa.clock import Clock
from vefa.consent.register import Register, open_register
from vefa.content.links import LinkSigner
from vefa.content.survey_links import SurveyLinks
from vefa.content.templates import TemplateStore
from vefa.content.tracked_links import TrackedLinks
from vefa.crm.recommendations.choosing import Recommender
from vefa.database import open_database
from vefa.plan.directory import load_outside
from vefa.plan.loyalty import Programme
from vefa.plan.outside import Outside
from vefa.plan.policy import Policy
from vefa.plan.pools import Checkout, shop_coupons
from vefa.plan.project import load_project, shop_loyalty
from vefa.plan.steps import Medium
from vefa.plan.surveys import Surveys
from vefa.secret_key import secret_of
from vefa.settings import Settings
from vefa.statements import Kept


@dataclass(frozen=True)
class Shop:
    """One shop's settings, database, rules, words and ways out."""

    settings: Settings
    database: sa.Engine
    policy: Policy
    templates: TemplateStore
    channels: Mapping[Medium, Channel]
    links: LinkSigner
    secret: bytes
    tracked: TrackedLinks
    surveys: Surveys
    survey_links: SurveyLinks
    register: Register | None = None
    checkout: Checkout = Checkout()
    loyalty: Programme = Programme()
    suggestions: Recommender = field(default_factory=Recommender)
    statements: Kept = field(default_factory=Kept)
    outside: Outside = field(default_factory=Outside)

    def close(self) -> None:
        """Let go of the channels and the database's connections."""
        for channel in self.channels.values():
            channel.close()
        if self.register is not None:
            self.register.close()
        self.database.dispose()


def open_shop(
    settings: Settings,
    *,
    database: sa.Engine | None = None,
    channels: Mapping[Medium, Channel] | None = None,
    policy: Policy | None = None,
    clock: Clock | None = None,
    register: Register | None = None,
    outside: Outside | None = None,
    checkout: Checkout | None = None,
    loyalty: Programme | None = None,
) -> Shop:
    """The shop of these settings. Whatever is given is used instead of what the settings would open.

    The tables must be there (`vefa.store.open_store` sees to that). `clock` dates what local channels write.
    """
    secret = secret_of(settings)
    database = database or open_database(settings.database)
    return Shop(
        settings,
        database,
        policy or load_project(settings.root, settings).policy,
        TemplateStore(settings.root, settings),
        channels or {medium: make_channel(medium, settings, clock=clock) for medium in ("email", "sms")},
        LinkSigner(secret, settings.public_url),
        secret,
        TrackedLinks(secret, settings.public_url),
        Surveys(settings.root, settings.shop.locales),
        SurveyLinks(secret, settings.public_url),
        register or open_register(settings, database, secret),
        checkout=checkout or shop_coupons(settings.root)[1],
        outside=outside or load_outside(settings.root),
        loyalty=loyalty or shop_loyalty(settings.root, settings),
    )
