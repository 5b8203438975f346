"""Made-up customers to look at words with: an ordinary one, and those whom templates forget.

Every field of the CRM has a value by its type; the table below has better ones for those that stand in messages. What
a field may lack, the bare sample lacks.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

from vefa.content.names import CONTEXT_NAMES
from vefa.crm.contexts import nested
from vefa.crm.values import MoneyAmount
from vefa.engine.timing import yearly
from vefa.foresight.preview.beside import conversation, inert_links, survey_values, tier_names, tiers
from vefa.language.catalogue import FIELDS, FILLED_BY, Field
from vefa.plan.plans import Plan
from vefa.plan.steps import Coupon, Message
from vefa.plan.ways_in import DateTrigger, EventTrigger
from vefa.rewards import coupons
from vefa.settings import Settings

SampleName = Literal["usual", "long", "bare", "foreign"]
NAMES: tuple[SampleName, ...] = get_args(SampleName)

#: What each is for, as the page says it.
MEANING: Mapping[SampleName, str] = {
    "usual": "an ordinary customer with a Turkish name",
    "long": "very long names, product names of three lines, large sums",
    "bare": "nothing known that may be missing: no first name, no suggestions, no last day",
    "foreign": "prices in euros and dollars, products without pictures",
}
#: Its letters are none that a code is made of, so nobody was ever given it.
CODE = "SAMPLE01"

#: What words may name; anything else is a mistake that a preview must not hide.
KNOWN = CONTEXT_NAMES | frozenset(FIELDS)

_PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "tr": ("Bakır cezve", "Şile bezi masa örtüsü", "Çini kâse, ikili"),
    "en": ("Copper coffee pot", "Linen table cloth", "Two tiled bowls"),
}
_LONG: Mapping[str, str] = {
    "tr": "El dokuması, doğal boyalı, kenarları oyalı, çift kişilik Şile bezi yatak örtüsü takımı (iki yastık kılıflı)",
    "en": "Hand-woven, naturally dyed cotton bedspread with crocheted edges, for a double bed, with two pillow cases",
}
_COLORS = ("#d9b08c", "#8fb0a9", "#c98f8f")


@dataclass(frozen=True)
class Samples:
    """One made-up customer, as of now, in any language."""

    name: SampleName
    now: datetime
    settings: Settings

    def context(self, plan: Plan, step: Message, locale: str) -> Mapping[str, Any]:
        """Everything that the words of this message may name."""
        return Sample(self.name, locale, self.now, self.settings).context(plan, step)


@dataclass(frozen=True)
class Sample:
    """One made-up customer, in the language and at the moment they are written to."""

    name: SampleName
    locale: str
    now: datetime
    settings: Settings

    def context(self, plan: Plan, step: Message) -> dict[str, Any]:
        """Everything that the words of this message may name."""
        values: dict[str, Any] = {name: self._value(field, plan) for name, field in FIELDS.items()}
        values |= self._known() | self._trigger(plan) | self._beside(step)
        if self.name == "bare":
            values |= {name: None for name, field in FIELDS.items() if field.nullable and not _filled(name, plan)}
        columns = {name: [value] for name, value in values.items()}
        day = values["trigger.date"] or self.now.date()
        moment = datetime.combine(day, self.now.timetz())
        return nested(columns, 0) | {"coupon": sample_coupon(plan, step, moment, NAMES.index(self.name))}

    # --- values

    def _value(self, field: Field, plan: Plan) -> Any:
        days = {"placed": 5, "created": 400, "first": 700}.get(field.name.rpartition(".")[2].removesuffix("_at"), 1)
        by_type: dict[str, Any] = {
            "text": field.choices[0] if field.choices else self._words("Örnek", "Sample"),
            "number": 3,
            "money": self._money("1234.50"),
            "time": self.now - timedelta(days=days),
            "date": date(1990, 5, 4),
            "bool": True,
            "list": list(self._names[:2]),
        }
        return by_type[field.type]

    def _known(self) -> dict[str, Any]:
        return {
            "customer.outside_id": "C-1042",
            "customer.first_name": "Abdurrahman Gazanfer Şükrü" if self.name == "long" else "Ayşe",
            "customer.last_name": "Büyükkaragözoğlu-Çağlayangil" if self.name == "long" else "Işık",
            "customer.language": self.locale,
            "customer.country": "TR",
            "customer.city": "Iğdır",
            "customer.zone": self.settings.shop.zone,
            "order.number": "TR-2026-0012345/ÖZEL-SİPARİŞ-7" if self.name == "long" else "TR-1042",
            "order.total": self._money("1234567.89" if self.name == "long" else "2469.00"),
            "order.currency": self._currency,
            "order.items": 3,
            "delivery.carrier": "Örnek Kargo",
            "delivery.tracking": "1Z-ORNEK-0042",
            "ticket.agent": "Işıl",
            "ticket.subject": self._words("Kupanın kulbu kırık geldi", "The mug came with a broken handle"),
            "ticket.state": "answered",
            "customer.agent": "Işıl",
            "return.amount": self._money("899.90"),
            "loyalty.points": 1_234_567 if self.name == "long" else 1_240,
            "loyalty.tier": tiers(self.settings)[0],
            "loyalty.next_tier": tiers(self.settings)[1],
            "loyalty.to_next_tier": 760,
            "loyalty.expiring": 240,
            "loyalty.worth": self._money("124.00"),
            "order.points": 246,
            "shop.founded_on": self.settings.shop.founded_on,
        }

    def _trigger(self, plan: Plan) -> dict[str, Any]:
        if not isinstance(plan.trigger, DateTrigger):
            return {"trigger.at": self.now, "trigger.date": None, "trigger.years": None}
        founded = self.settings.shop.founded_on
        is_shop = plan.trigger.field == "shop.founded_on" and founded is not None
        day = yearly(founded, self.now.year + 1) if is_shop and founded else self.now.date()
        years = day.year - founded.year if is_shop and founded else {"bare": 1, "long": 12}.get(self.name, 2)
        return {"trigger.at": self.now, "trigger.date": day, "trigger.years": years}

    def _beside(self, step: Message) -> dict[str, Any]:
        """What the engine puts in beside the fields."""
        shop, wanted = self.settings.shop, 0 if self.name == "bare" else step.recommend
        return {
            "order.lines": [self._line(number) for number in range(1 if self.name == "bare" else 3)],
            "recommendations": [self._product(number) for number in range(min(wanted, 6))],
            "commercial": step.purpose == "commercial" or self.name != "bare",
            "purpose": step.purpose,
            "shop.name": shop.name,
            "guides": [] if self.name == "bare" else [self._guide(number) for number in range(2)],
            **inert_links(self.settings),
            **conversation(self.locale, self.now, {"bare": 0, "long": 6}.get(self.name, 1), self.settings),
            **survey_values(step, self.locale, self.settings),
            **tier_names(*tiers(self.settings), self.locale, self.settings),
        }

    def _guide(self, number: int) -> dict[str, Any]:
        return {"name": self._names[number], "url": "https://ornek.example/rehber/7"}

    def _line(self, number: int) -> dict[str, Any]:
        product = self._product(number)
        line = {key: product[key] for key in ("name", "price", "image_url", "url", "category")}
        own = {"product": product["name"], "variant": None, "guide_url": None, "gift_card": False}
        return line | own | {"quantity": number + 1}

    def _product(self, number: int) -> dict[str, Any]:
        pictured = self.name in ("usual", "long")
        return {
            "name": self._names[number % 3],
            "price": self._money(("615.00", "1299.90", "349.50")[number % 3]),
            "url": "https://ornek.example/urun/7" if self.name != "bare" else None,
            "image_url": _picture(_COLORS[number % 3]) if pictured else None,
            "category": self._words("Mutfak", "Kitchen"),
        }

    @property
    def _names(self) -> Sequence[str]:
        language = "tr" if self.locale.startswith("tr") else "en"
        return (_LONG[language],) * 3 if self.name == "long" else _PRODUCTS[language]

    @property
    def _currency(self) -> str:
        return {"foreign": "USD" if self.locale.startswith("tr") else "EUR"}.get(self.name, self.settings.shop.currency)

    def _money(self, amount: str) -> MoneyAmount:
        return MoneyAmount(Decimal(amount), self._currency)

    def _words(self, turkish: str, english: str) -> str:
        return turkish if self.locale.startswith("tr") else english


def sample_coupon(plan: Plan, step: Message, now: datetime, which: int = 0) -> dict[str, Any]:
    """The words of a coupon that a step before the message would make; its code is nobody's."""
    gifts = _coupons_before(plan, step) or (Coupon("gift", "gift", None, percent=Decimal(10)),)
    gift = gifts[which % len(gifts)]
    end = now + timedelta(days=gift.valid.days or 14) if gift.valid else now + timedelta(days=7)
    code = f"{gift.prefix}-{CODE}" if gift.prefix else CODE
    held = coupons.Held(0, 0, code, coupons.terms(gift), None, None, None, None)
    return coupons.words(held, datetime.combine(end.date(), time(23, 59), now.tzinfo))


def with_stand_ins(context: Mapping[str, Any], names: Iterable[str], settings: Settings) -> dict[str, Any]:
    """The context with something for each name that is known to the language and that nothing here has a value for."""
    filled = {name: dict(value) if isinstance(value, dict) else value for name, value in context.items()}
    for name in names:
        home, _, field = name.partition(".")
        if not field:
            filled.setdefault(name, [])
        elif name in KNOWN and isinstance(group := filled.setdefault(home, {}), dict):
            group.setdefault(field, _stand_in(name, settings))
    return filled


def _stand_in(name: str, settings: Settings) -> str:
    """An address where the name speaks of one, else the name's own last word."""
    last = name.rpartition(".")[2]
    is_address = name.startswith("links.") or last.startswith("link") or last in ("url", "page")
    return f"{settings.public_url.rstrip('/')}/preview" if is_address else last.replace("_", " ")


def _coupons_before(plan: Plan, step: Message) -> tuple[Coupon, ...]:
    """The gifts from which some way leads to the message."""
    by_key = {each.key: each for each in plan.steps}

    def leads(key: str | None, seen: set[str]) -> bool:
        if key is None or key in seen:
            return False
        seen.add(key)
        return key == step.key or any(leads(after, seen) for after in plan.after(by_key[key]))

    gifts = [each for each in plan.steps if isinstance(each, Coupon) and leads(each.key, set())]
    return tuple(reversed(gifts))


def _filled(name: str, plan: Plan) -> bool:
    """Whether the journey's own trigger sees to it that the field is there."""
    trigger = plan.trigger
    if isinstance(trigger, DateTrigger):
        return name in ("trigger.years", trigger.field)
    return isinstance(trigger, EventTrigger) and name in FILLED_BY.get(trigger.event, frozenset())


def _picture(color: str) -> str:
    """A picture that is always there: it stands in its own address."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 300"><rect width="300" height="300" fill="{color}"/>'
        '<circle cx="150" cy="160" r="80" fill="#fff" opacity=".55"/>'
        '<path d="M110 120h80l-14 110h-52z" fill="#fff"/></svg>'
    )
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
