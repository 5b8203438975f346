"""`config/coupons.yaml` as data: pools of codes, and how the shop's checkout learns of codes that vefa makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from vefa.language.conditions import Duration
from vefa.language.coupon_rules import CheckoutForm, CouponsForm, PoolForm
from vefa.language.forms import read_form
from vefa.language.source import Source, Trail, read_file

FILE = "config/coupons.yaml"
WORTH = ("percent", "amount", "free_shipping")
_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Pool:
    """Codes that the checkout has made, and what each of them is worth there."""

    name: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    free_shipping: bool = False
    minimum: Decimal | None = None
    minimum_currency: str | None = None
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
    if not source.usable or source.value is None or read_form(source, CouponsForm, ()) is None:
        return {}, Checkout()
    return _pools(source), _checkout(source)


def shop_coupons(root: Path) -> tuple[Mapping[str, Pool | None], Checkout]:
    """The same as it stands in the shop's file now; nothing where there is none."""
    path = root / FILE
    return read_coupons(read_file(path, root)) if path.exists() else ({}, Checkout())


def _pools(source: Source) -> dict[str, Pool | None]:
    given = source.get(("pools",))
    if given is not None and not isinstance(given, dict):
        source.report(("pools",), "this must be pools by name", "Write spring: {percent: 10, valid: 14 days}.", "type")
        return {}
    found: dict[str, Pool | None] = {}
    for name in given or {}:
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
    said = [word for word in WORTH if word in given and (word != "free_shipping" or form.free_shipping)]
    if len(said) != 1:
        message = f"a pool has one of {' and '.join(said)}" if said else "the pool does not say what a code is worth"
        source.report(trail, message, "Keep one." if said else "Add percent: 10.", "coupon", at="key")
        return None
    return Pool(
        name,
        percent=form.percent,
        amount=form.amount.amount if form.amount else None,
        currency=form.amount.currency if form.amount else None,
        free_shipping=form.free_shipping,
        minimum=form.minimum.amount if form.minimum else None,
        minimum_currency=form.minimum.currency if form.minimum else None,
        valid=form.valid,
        ends=form.valid_until,
    )


def _checkout(source: Source) -> Checkout:
    trail: Trail = ("checkout",)
    if source.get(trail) is None:
        return Checkout()
    form = read_form(source, CheckoutForm, trail)
    if form is None:
        return Checkout()
    url = form.url
    if url is not None and not _is_safe(url):
        hint = "Write one that begins with https://."
        source.report((*trail, "url"), "codes are worth money and go over no open wire", hint, "url")
        url = None
    before = form.before_telling if form.before_telling is not None else url is not None
    return Checkout(url, form.batch, before)


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE))
