"""What the law, the operators and good manners want, as far as files can show it; and settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from vefa.content.sms import has_url
from vefa.content.templates import TemplateStore
from vefa.errors import VefaError
from vefa.foresight.findings import Finding
from vefa.foresight.words import Place
from vefa.plan.plans import Plan
from vefa.plan.pools import FILE, Checkout
from vefa.plan.steps import Medium, Message
from vefa.plan.ways_in import DateTrigger
from vefa.settings import Settings

#: SMS providers that hand over to Turkish operators from abroad.
FOREIGN = frozenset({"twilio"})
BRAND = "config/brand.yaml"


def lint_journey(plan: Plan, store: TemplateStore, place: Place) -> Iterator[Finding]:
    """Transactional messages that sell something."""
    for step in plan.steps:
        if isinstance(step, Message) and step.purpose == "transactional":
            yield from _selling(step, store, place)


def lint_day(plan: Plan, settings: Settings, place: Place) -> Iterator[Finding]:
    """A journey that begins on a day that the shop has not told: nobody would ever enter."""
    trigger = plan.trigger
    if isinstance(trigger, DateTrigger) and trigger.field == "shop.founded_on" and not settings.shop.founded_on:
        says = "begins on the shop's birthday, which config/settings.yaml does not know. Write founded_on: 2015-03-20"
        yield Finding("warning", place.of("founded_on"), f"{says} (your own day) below shop:, or nobody ever enters.")


def _selling(step: Message, store: TemplateStore, place: Place) -> Iterator[Finding]:
    # Suggestions (`recommend`) are left out by the engine for those without consent; a coupon is not.
    names = _variables(step, store)
    if any(name.startswith("coupon.") for name in names) and "commercial" not in names:
        yield Finding(
            "warning",
            place.of_template(step.template),
            f"“{step.id}” is transactional, but its words hold a coupon, and that makes it advertising. Make it "
            "commercial, or put the coupon into a block {% if commercial %}.",
        )


def lint_test(plan: Plan, settings: Settings, place: Place) -> Iterator[Finding]:
    """Tests that nothing can decide."""
    counted = {"clicked": settings.tracking.clicks, "opened": settings.tracking.opens}
    for step in plan.steps:
        by = step.test.by if isinstance(step, Message) and step.test else "goal"
        if counted.get(by, True) or settings.channels.email == "outbox":
            continue
        switch = {"clicked": "clicks", "opened": "opens"}[by]
        yield Finding(
            "warning",
            place.of("by: " + by),
            f"the test of “{step.id}” is decided by {switch}, and tracking.{switch} is off in config/settings.yaml: "
            "unless your provider tells of them, the first variant always wins.",
        )


def _variables(step: Message, store: TemplateStore) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for medium in step.media:
        with suppress(VefaError):  # missing and broken templates are told elsewhere
            found = found.union(*(store.variables(template, medium) for template in step.templates))
    return found


def lint_shop(settings: Settings, store: TemplateStore, commercial: frozenset[tuple[Medium, str]]) -> Iterator[Finding]:
    """What the brand owes the reader, and SMS that would not arrive."""
    brand = store.brand
    if settings.shop.country == "TR" and commercial and not (brand.email or brand.phone):
        yield Finding("error", BRAND, "email or phone is missing: a commercial message names one way to reach you.")
    yield from _sms_marks(settings, store)
    yield from _sms_links(settings, store)


def _sms_marks(settings: Settings, store: TemplateStore) -> Iterator[Finding]:
    words = store.brand.sms
    if settings.shop.country != "TR" or not store.names("sms"):
        return
    if not words.label:
        yield Finding(
            "warning", BRAND, "sms.label is empty: a commercial SMS in Türkiye begins with a word such as TANITIM."
        )
    if not words.stop:
        yield Finding("warning", BRAND, "sms.stop is empty: a commercial SMS in Türkiye says how to refuse it.")


def _sms_links(settings: Settings, store: TemplateStore) -> Iterator[Finding]:
    """Turkish operators drop what comes from abroad with a link in it (since April 2026)."""
    abroad = settings.channels.sms in FOREIGN
    if settings.shop.country != "TR":
        return
    for file in store.folder.files.values():
        if file.kind == "sms" and (has_url(file.source) or _prints_link(file.source)):
            place = f"journeys/templates/{file.path.name}"
            why = f"{settings.channels.sms} sends from abroad" if abroad else "a provider abroad could not send it"
            yield Finding(
                "error" if abroad else "warning",
                place,
                f"holds a link, and Turkish operators block SMS from abroad with links; {why}. Leave the link out.",
            )


def _prints_link(source: str) -> bool:
    return "links." in source or "url" in source.replace(" ", "").lower()


#: Which keys a provider cannot do without: the setting and where it comes from.
KEYS = {
    ("email", "sendgrid"): (("sendgrid_api_key", "VEFA_SENDGRID_API_KEY"),),
    ("sms", "twilio"): (
        ("twilio_account_sid", "VEFA_TWILIO_ACCOUNT_SID"),
        ("twilio_auth_token", "VEFA_TWILIO_AUTH_TOKEN"),
    ),
}


def lint_settings(settings: Settings) -> Iterator[Finding]:
    """Settings that would stop the first message, or let it go out wrong."""
    used = {"email": settings.channels.email, "sms": settings.channels.sms}
    for medium, provider in used.items():
        for setting, variable in KEYS.get((medium, provider), ()):
            if not _given(settings, setting):
                yield _setting(f"{provider} needs a key: set {variable} in the environment.")
    if set(used.values()) == {"outbox"}:
        return
    if not _given(settings, "secret_key"):
        yield _setting("VEFA_SECRET_KEY is not set: without it no unsubscribe link can be signed.")
    host = urlsplit(settings.public_url).hostname or ""
    if host == "localhost" or host.startswith("127."):
        yield _setting(f"public_url is {settings.public_url}: customers could not open their unsubscribe links.")
    if settings.sender_email.endswith(".example"):
        yield _setting(f"sender_email is {settings.sender_email}: no real mail server takes that.")


def lint_coupons(checkout: Checkout, settings: Settings) -> Iterator[Finding]:
    """A checkout that codes are posted to must be able to know that they are the shop's own."""
    if checkout.url is not None and not _given(settings, "checkout_secret"):
        yield Finding("error", FILE, "checkout has a url, and VEFA_CHECKOUT_SECRET, which signs, is not set.")


def _setting(says: str) -> Finding:
    return Finding("error", "config/settings.yaml", says)


def _given(settings: Settings, name: str) -> bool:
    value = getattr(settings, name)
    return bool(value if isinstance(value, str) else value.get_secret_value())
