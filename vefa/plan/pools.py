"""`config/coupons.yaml` as data: pools of codes, and how the shop's checkout learns of codes that vefa makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from vefa.language.conditions import Duration
from vefa.language.coupon_rules import CheckoutForm, CouponsForm, PoolForm
from vefa.language.forms import read_form
from vefa.language.source import Source, Trail, read_optional
from vefa.plan.directory import url_fault
from vefa.plan.worth import KEYS, Worth, worth_of

FILE = "config/coupons.yaml"
_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Pool:
    """Codes that the checkout has made, and what each of them is worth there."""

    name: str
    worth: Worth
    valid: Duration | None = None
    ends: date | None = None


@dataclass(frozen=True)
class Checkout:
    """How the checkout learns of codes that vefa makes. `url` None: from files (`vefa coupons export`)."""

    url: str | None = None
    batch: int = 500
    before_telling: bool = False


def read_coupons(source: Source) -> tuple[dict[str, Pool | None], Checkout]:
    """The pools by name, None where one holds mistakes; and the checkout."""
    form = read_form(source, CouponsForm, ()) if source.usable and source.value is not None else None
    return ({}, Checkout()) if form is None else (_pools(source, form), _checkout(source))


def shop_coupons(root: Path) -> tuple[Mapping[str, Pool | None], Checkout]:
    """The same as it stands in the shop's file now; nothing where there is none."""
    return read_coupons(read_optional(root, FILE))


def _pools(source: Source, form: CouponsForm) -> dict[str, Pool | None]:
    found: dict[str, Pool | None] = {}
    for name in form.pools or {}:
        if not _NAME.fullmatch(name):
            hint = "Use small letters a-z, digits and dashes."
            source.report(("pools", name), f'"{name}" is no name for a pool', hint, "name", at="key")
        found[name] = _pool(source, ("pools", name), name)
    return found


def _pool(source: Source, trail: Trail, name: str) -> Pool | None:
    form = read_form(source, PoolForm, trail)
    if form is None or not source.clean(trail):
        return None
    given = source.get(trail)
    said = [word for word in KEYS if word in given and (word != "free_shipping" or form.free_shipping)]
    if len(said) != 1:
        message = f"a pool has one of {' and '.join(said)}" if said else "the pool does not say what a code is worth"
        source.report(trail, message, "Keep one." if said else "Add percent: 10.", "coupon", at="key")
        return None
    return Pool(name, worth_of(form), form.valid, form.valid_until)


def _checkout(source: Source) -> Checkout:
    trail: Trail = ("checkout",)
    if source.get(trail) is None:
        return Checkout()
    form = read_form(source, CheckoutForm, trail)
    if form is None:
        return Checkout()
    url = form.url
    if url is not None and (wrong := url_fault(url)):
        source.report((*trail, "url"), wrong, "", "url")
        url = None
    before = form.before_telling if form.before_telling is not None else url is not None
    return Checkout(url, form.batch, before)
