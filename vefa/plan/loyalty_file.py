"""`config/loyalty.yaml` as a programme; what cannot be read is told of and left out."""

from __future__ import annotations

from vefa.language.conditions import Duration
from vefa.language.durations import Sum
from vefa.language.forms import read_form
from vefa.language.loyalty import EarnForm, ExpireForm, LevelForm, LoyaltyForm, TiersForm
from vefa.language.source import Source, Trail
from vefa.plan.loyalty import Earning, Expiry, Level, Programme
from vefa.settings import Shop


def read_loyalty(source: Source, shop: Shop) -> Programme:
    """The shop's programme; none where there is no file."""
    if not source.usable or source.value is None:
        return Programme()
    form = read_form(source, LoyaltyForm, ())
    if form is None:
        return Programme()
    _check_currency(source, ("worth",), form.worth, shop)
    within, levels = _tiers(source, shop)
    return Programme(
        form.starts,
        _earn(source, shop),
        _expire(source),
        form.worth.amount if form.worth else None,
        form.rules or {},
        within,
        levels,
    )


def _check_currency(source: Source, trail: Trail, amount: Sum | None, shop: Shop) -> None:
    if amount is not None and amount.currency != shop.currency:
        message = f"points are counted in {shop.currency}, the shop's currency, and not in {amount.currency}"
        hint = f"Write {amount.amount:f} {shop.currency}; orders in others count by the settings' exchange_rates."
        source.report(trail, message, hint, "currency")


def _earn(source: Source, shop: Shop) -> Earning | None:
    if source.get(("earn",)) is None:
        return None
    form = read_form(source, EarnForm, ("earn",))
    if form is None or form.points is None or form.per is None:
        return None
    _check_currency(source, ("earn", "per"), form.per, shop)
    return Earning(form.points, form.per.amount, form.on, form.categories or {}, form.first_order or 0)


def _expire(source: Source) -> Expiry | None:
    if source.get(("expire",)) is None:
        return None
    form = read_form(source, ExpireForm, ("expire",))
    if form is None or form.after is None:
        return None
    if form.tell is not None and (form.tell.days, form.tell.seconds) >= (form.after.days, form.after.seconds):
        message = "customers cannot be told that points run out before they have them"
        source.report(("expire", "tell"), message, "Write less than after, such as 30 days.", "expire")
    return Expiry(form.after, form.at_end_of, form.tell)


def _tiers(source: Source, shop: Shop) -> tuple[Duration, tuple[Level, ...]]:
    nothing = (Duration(365), ())
    if source.get(("tiers",)) is None:
        return nothing
    form = read_form(source, TiersForm, ("tiers",))
    given = source.get(("tiers", "levels"))
    if form is None:
        return nothing
    if not isinstance(given, list) or not given:
        if given is not None:
            hint = "Write a list, such as - {name: silver, from: 500}."
            source.report(("tiers", "levels"), "the tiers must be a list of at least one", hint, "type")
        return nothing
    read = [_level(source, ("tiers", "levels", index), shop) for index in range(len(given))]
    levels = [level for level in read if level is not None]
    for index, (level, before) in enumerate(zip(read[1:], read, strict=False), 1):
        if level and before and level.start <= before.start:
            message = f"{level.name} begins at {level.start}, and {before.name} before it at {before.start}"
            hint = "Write the tiers from the lowest to the highest, each beginning later than the one before."
            source.report(("tiers", "levels", index, "from"), message, hint, "tiers")
        if level and any(level.name == other.name for other in read[:index] if other):
            source.report(("tiers", "levels", index, "name"), f'two tiers are called "{level.name}"', "", "tiers")
    return form.within or Duration(365), tuple(levels)


def _level(source: Source, trail: Trail, shop: Shop) -> Level | None:
    form = read_form(source, LevelForm, trail)
    if form is None or form.name is None or form.start is None:
        return None
    words = form.words if isinstance(form.words, dict) else {}
    missing = [locale for locale in shop.locales if locale not in words]
    if missing:
        hint = 'Write them in each of the shop\'s languages: words: {tr: "Altın", en: "Gold"}.'
        message = f"the tier {form.name} has no words in {', '.join(missing)}"
        source.report((*trail, "words") if "words" in (source.get(trail) or {}) else trail, message, hint, "locale")
    return Level(form.name, form.start, words)
