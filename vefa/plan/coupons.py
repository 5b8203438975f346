"""Coupons: what they are worth, and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.loader import StepDraft
from vefa.language.source import Trail
from vefa.language.steps import CouponTerms
from vefa.plan import steps as plan

if TYPE_CHECKING:
    from vefa.plan.layout import Layout


def coupon(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """One worth and one validity, both told exactly once."""
    terms, name, trail = step.detail, layout.names[step.trail], (*step.trail, "coupon")
    if not isinstance(terms, CouponTerms):
        layout.whole = False
        return
    given = layout.source.get(trail) if layout.source.clean(step.trail) else None
    _one_of(layout, trail, given, ("percent", "amount", "free_shipping"), "what it is worth", "percent: 15")
    _one_of(layout, trail, given, ("valid", "valid_until"), "how long it is good for", "valid: 14 days")
    until = layout.moment((*trail, "valid_until"), terms.valid_until) if terms.valid_until else None
    layout.steps.append(
        plan.Coupon(
            name.key,
            name.id,
            follow,
            percent=terms.percent,
            amount=terms.amount.amount if terms.amount else None,
            currency=terms.amount.currency if terms.amount else None,
            free_shipping=terms.free_shipping,
            minimum=terms.minimum.amount if terms.minimum else None,
            minimum_currency=terms.minimum.currency if terms.minimum else None,
            prefix=terms.prefix,
            valid=terms.valid,
            valid_until=until,
        )
    )


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
