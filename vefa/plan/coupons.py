"""Coupons: what they are worth, and how long."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vefa.language.loader import StepDraft
from vefa.language.problems import did_you_mean
from vefa.language.source import Trail
from vefa.language.steps import CouponTerms
from vefa.plan import steps as plan
from vefa.plan.pools import FILE, Pool
from vefa.plan.worth import KEYS, worth_of

if TYPE_CHECKING:
    from vefa.plan.layout import Layout

VALIDITY = ("valid", "valid_until")


def coupon(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """One worth and one validity, both told exactly once: here, or by the pool."""
    terms, name, trail = step.detail, layout.names[step.trail], (*step.trail, "coupon")
    if not isinstance(terms, CouponTerms):
        layout.whole = False
        return
    given = layout.source.get(trail) if layout.source.clean(step.trail) else None
    until = layout.moment((*trail, "valid_until"), terms.valid_until) if terms.valid_until else None
    made = plan.Coupon(
        name.key,
        name.id,
        follow,
        **vars(worth_of(terms)),
        prefix=terms.prefix,
        valid=terms.valid,
        valid_until=until,
    )
    if terms.pool is not None:
        made = _from_pool(layout, trail, given, made, terms.pool)
    else:
        _one_of(layout, trail, given, KEYS, "what it is worth", "percent: 15")
        _one_of(layout, trail, given, VALIDITY, "how long it is good for", "valid: 14 days")
    layout.steps.append(made)


def _from_pool(layout: Layout, trail: Trail, given: dict[str, Any] | None, step: plan.Coupon, name: str) -> plan.Coupon:
    """The step with what its pool says. What the step says of the validity goes before the pool's."""
    if name not in layout.around.pools:
        hint = did_you_mean(name, layout.around.pools, f"Pools stand in {FILE}.")
        layout.source.report((*trail, "pool"), f'there is no pool "{name}"', hint, "unknown-pool")
        return step
    pool = layout.around.pools[name]
    if pool is None:
        layout.whole = False  # what is wrong in it has been told of
        return step
    if given is not None:
        _check_against(layout, trail, given, pool)
    said, worth = step.valid or step.valid_until, pool.worth
    if worth.minimum is None:
        worth = replace(worth, minimum=step.minimum, minimum_currency=step.minimum_currency)
    return replace(step, **vars(worth), valid=step.valid if said else pool.valid, pool=name, ends=pool.ends)


def _check_against(layout: Layout, trail: Trail, given: dict[str, Any], pool: Pool) -> None:
    """The checkout has made these codes, so their pool says what they are worth; how long, somebody must say."""
    for key in KEYS:
        if key in given:
            message = f'what a code of the pool "{pool.name}" is worth is said in {FILE}'
            layout.source.report((*trail, key), message, "Take it out.", "coupon", at="key")
    if "minimum" in given and pool.worth.minimum is not None:
        message = f'the pool "{pool.name}" says its own minimum'
        layout.source.report((*trail, "minimum"), message, "Take it out.", "coupon", at="key")
    if "prefix" in given:
        message = "the codes of a pool come as the checkout has made them"
        layout.source.report((*trail, "prefix"), message, "Take it out.", "coupon", at="key")
    said = [key for key in VALIDITY if key in given]
    if len(said) > 1:
        _one_of(layout, trail, given, VALIDITY, "", "")
    elif not said and pool.valid is None and pool.ends is None:
        message = f'neither this coupon nor the pool "{pool.name}" says how long it is good for'
        hint = f"Add valid: 14 days here, or valid_until: 2026-12-31 in {FILE}."
        layout.source.report(trail, message, hint, "coupon", at="key")


def _one_of(
    layout: Layout,
    trail: Trail,
    given: dict[str, object] | None,
    keys: tuple[str, ...],
    what: str,
    example: str,
) -> None:
    if given is None:
        return  # what is wrong in it has been told of
    said = [key for key in keys if key in given]
    if len(said) > 1:
        layout.source.report(
            (*trail, said[1]), f"a coupon has one of {' and '.join(said)}", "Keep one.", "coupon", at="key"
        )
    elif not said:
        message = f"the coupon does not say {what}"
        layout.source.report(trail, message, f"Add {example}.", "coupon", at="key")
    elif said == ["free_shipping"] and given["free_shipping"] in {"no", False}:
        layout.source.report(trail, f"the coupon does not say {what}", f"Add {example}.", "coupon", at="key")
