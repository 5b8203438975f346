"""The names that words can ask for beside the fields of the CRM."""

from __future__ import annotations

#: what the template store puts in by itself
OWN_NAMES = frozenset({"brand", "locale", "subject", "preheader"})

#: what a message that asks a survey has
SURVEY_NAMES = frozenset(
    {
        *(f"survey.{field}" for field in ("kind", "question", "low", "high", "page")),
        *(f"survey.link_{score}" for score in range(11)),
        *(f"survey.option_{place}" for place in range(1, 11)),
    }
)

#: what messages have at hand beside the fields of the CRM
CONTEXT_NAMES = frozenset(
    {
        *("links.unsubscribe", "links.preferences", "purpose", "commercial", "recommendations", "shop.name"),
        *("ticket.messages", "ticket.left_out"),
        *("guides", "order.lines", "trigger.date", "trigger.years", "trigger.at"),
        *("loyalty.tier_name", "loyalty.next_tier_name"),
        *SURVEY_NAMES,
        *(f"coupon.{field}" for field in ("code", "valid_until", "percent", "amount", "free_shipping", "minimum")),
    }
)
