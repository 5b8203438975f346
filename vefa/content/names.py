"""The names that words can ask for beside the fields of the CRM."""

from __future__ import annotations

#: what the template store puts in by itself
OWN_NAMES = frozenset({"brand", "locale", "subject", "preheader"})

#: what messages have at hand beside the fields of the CRM
CONTEXT_NAMES = frozenset(
    {
        *("links.unsubscribe", "links.preferences", "purpose", "commercial", "recommendations", "shop.name"),
        *("guides", "order.lines", "trigger.date", "trigger.at"),
        *(f"coupon.{field}" for field in ("code", "valid_until", "percent", "amount", "free_shipping", "minimum")),
    }
)
