"""What people call the fields and events: the tables that `english` speaks from.

In a count's rest, `#` stands for "at least 2" and `*` for the plural s. In a list's rest, `#` stands for the
values asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

MEDIA = {"email": "e-mail", "sms": "SMS"}


@dataclass(frozen=True)
class Clause:
    """Subject, verb and rest of a short sentence; `say(False)` puts the "not" where it belongs."""

    subject: str
    verb: str
    rest: str

    def say(self, yes: bool) -> str:
        """The clause, or its denial."""
        if yes:
            return f"{self.subject} {self.verb} {self.rest}"
        article, _, noun = self.subject.partition(" ")
        if article in {"a", "an"}:
            return f"no {noun} {self.verb} {self.rest}"
        return f"{self.subject} {self.verb} not {self.rest}"


NAMES = {
    "customer.outside_id": "the customer number",
    "customer.first_name": "their first name",
    "customer.last_name": "their last name",
    "customer.gender": "their gender",
    "customer.age": "their age",
    "customer.birth_date": "their birthday",
    "customer.language": "their language",
    "customer.country": "their country",
    "customer.city": "their city",
    "customer.zone": "their time zone",
    "customer.created_at": "their sign-up",
    "customer.preferred_channel": "their preferred channel",
    "customer.answers_on": "the channel they answer to",
    "customer.agent": "who looked after them last",
    "customer.tags": "their tags",
    "orders.count": "the number of their orders",
    "orders.revenue": "what they have spent",
    "orders.average": "their average order",
    "orders.first_at": "their first order",
    "orders.last_at": "their last order",
    "orders.typical_gap": "the usual number of days between their orders",
    "orders.gaps_since_last": "the time since their last order, in usual gaps,",
    "orders.categories": "the categories they buy",
    "orders.products": "the products they buy",
    "rfm.recency": "their recency score",
    "rfm.frequency": "their frequency score",
    "rfm.monetary": "their spending score",
    "returns.count": "the number of their returns",
    "tickets.count": "the number of their complaints",
    "tickets.open": "the number of their open complaints",
    "reviews.count": "the number of their reviews",
    "feedback.nps": "their last recommendation score",
    "feedback.csat": "their last satisfaction score",
    "email.last_opened_at": "the last e-mail they opened",
    "email.last_clicked_at": "the last e-mail they clicked in",
    "consent.email": "their consent to commercial e-mail",
    "consent.sms": "their consent to commercial SMS",
    "order.number": "the order number",
    "order.total": "the order total",
    "order.currency": "the order's currency",
    "order.coupon_codes": "the coupon codes used",
    "order.only_gift_cards": "whether the order holds nothing but gift cards",
    "order.placed_at": "the order",
    "order.shipped_at": "the order's dispatch",
    "order.delivered_at": "the delivery",
    "order.cancelled_at": "the cancellation",
    "order.refunded_at": "the last payment back",
    "order.refunded_amount": "what has been paid back of the order",
    "order.coupon_code": "the coupon code used",
    "order.is_first": "the first order",
    "order.items": "the number of pieces in the order",
    "order.categories": "the order's categories",
    "order.products": "the order's products",
    "delivery.carrier": "the carrier",
    "delivery.tracking": "the tracking number",
    "delivery.promised_at": "the promised delivery",
    "delivery.shipped_at": "the parcel's dispatch",
    "delivery.delivered_at": "the parcel's delivery",
    "return.reason": "the reason for the return",
    "return.amount": "the amount to refund",
    "return.state": "the state of the return",
    "return.requested_at": "the return request",
    "return.received_at": "the returned parcel's arrival",
    "return.refunded_at": "the refund",
    "ticket.subject": "the complaint's subject",
    "ticket.category": "the complaint's category",
    "ticket.agent": "the agent",
    "ticket.csat": "the satisfaction with the answer",
    "ticket.state": "the state of the complaint",
    "ticket.opened_at": "the complaint",
    "ticket.answered_at": "the first answer",
    "ticket.resolved_at": "the solution",
    "review.rating": "the rating",
    "review.text": "the review's text",
    "review.posted_at": "the review",
    "survey.name": "the survey",
    "survey.score": "the survey's score",
    "survey.choice": "the survey's answer",
    "survey.comment": "the comment on the survey",
    "survey.answered_at": "the survey's answer",
    "loyalty.points": "the number of their points",
    "loyalty.worth": "what their points are worth",
    "loyalty.tier": "their tier",
    "loyalty.next_tier": "the tier above theirs",
    "loyalty.to_next_tier": "the points that they lack for the next tier",
    "loyalty.expiring": "the points that run out next",
    "loyalty.expires_at": "the end of their next points",
    "order.points": "the points for the order",
    "coupon.code": "the coupon code",
    "coupon.used": "the coupon",
    "coupon.valid_until": "the coupon's last day",
    "trigger.date": "the day itself",
    "trigger.years": "the number of years on that day",
    "trigger.at": "the moment of entering",
    "shop.founded_on": "the shop's birthday",
}

#: Numbers that are better told as something the customer has or did.
COUNTS = {
    "orders.count": Clause("they", "have", "placed # order*"),
    "returns.count": Clause("they", "have", "asked for # return*"),
    "tickets.count": Clause("they", "have", "made # complaint*"),
    "tickets.open": Clause("they", "have", "# open complaint*"),
    "reviews.count": Clause("they", "have", "written # review*"),
    "loyalty.points": Clause("they", "have", "# point*"),
    "orders.gaps_since_last": Clause("their last order", "is", "# of their usual gap* ago"),
}

#: What a count's denial says: nothing of it at all.
NONE_OF = {
    "orders.count": "they have placed no orders",
    "returns.count": "they have asked for no returns",
    "tickets.count": "they have made no complaints",
    "tickets.open": "they have no open complaints",
    "reviews.count": "they have written no reviews",
    "loyalty.points": "they have no points",
}

#: Lists, told by what is in them.
HOLDS = {
    "customer.tags": Clause("they", "are", "tagged #"),
    "orders.categories": Clause("they", "have", "bought from #"),
    "orders.products": Clause("they", "have", "bought #"),
    "order.categories": Clause("the order", "does", "hold something from #"),
    "order.products": Clause("the order", "does", "hold #"),
}

#: Yes-or-no fields, and moments that are known once something has happened.
FACTS = {
    "order.is_first": Clause("this", "is", "their first order"),
    "coupon.used": Clause("the coupon", "has", "been used"),
    "consent.email": Clause("they", "have", "agreed to commercial e-mail"),
    "consent.sms": Clause("they", "have", "agreed to commercial SMS"),
    "order.shipped_at": Clause("the order", "has", "been shipped"),
    "order.delivered_at": Clause("the order", "has", "been delivered"),
    "order.cancelled_at": Clause("the order", "has", "been cancelled"),
    "order.only_gift_cards": Clause("the order", "is", "of gift cards alone"),
    "order.refunded_at": Clause("money of the order", "has", "been paid back"),
    "order.coupon_code": Clause("the order", "was", "paid for with a coupon"),
    "delivery.shipped_at": Clause("the parcel", "has", "been shipped"),
    "delivery.delivered_at": Clause("the parcel", "has", "been delivered"),
    "return.received_at": Clause("the returned parcel", "has", "arrived"),
    "return.refunded_at": Clause("the refund", "has", "been made"),
    "ticket.answered_at": Clause("the complaint", "has", "been answered"),
    "ticket.resolved_at": Clause("the complaint", "has", "been resolved"),
    "survey.name": Clause("the survey", "has", "been answered"),
    "survey.score": Clause("the survey", "has", "been answered"),
    "survey.choice": Clause("the survey", "has", "been answered"),
    "survey.answered_at": Clause("the survey", "has", "been answered"),
    "survey.comment": Clause("they", "have", "written something beside the survey's answer"),
    "orders.gaps_since_last": Clause("their usual gap between orders", "is", "known"),
    "orders.typical_gap": Clause("their usual gap between orders", "is", "known"),
    "orders.first_at": Clause("they", "have", "ordered before"),
    "orders.last_at": Clause("they", "have", "ordered before"),
    "email.last_opened_at": Clause("they", "have", "opened one of our e-mails"),
    "email.last_clicked_at": Clause("they", "have", "clicked in one of our e-mails"),
}

#: Events: who or what, and what becomes of it after "is" or "was".
EVENTS = {
    "order.placed": ("an order", "placed"),
    "order.shipped": ("an order", "shipped"),
    "order.delivered": ("an order", "delivered"),
    "order.cancelled": ("an order", "cancelled"),
    "order.refunded": ("money of an order", "paid back"),
    "delivery.shipped": ("a parcel", "shipped"),
    "delivery.delivered": ("a parcel", "delivered"),
    "return.requested": ("a return", "asked for"),
    "return.received": ("a returned parcel", "received"),
    "return.refunded": ("a return", "refunded"),
    "return.state_changed": ("the state of a return", "changed"),
    "ticket.opened": ("a complaint", "opened"),
    "ticket.answered": ("a complaint", "answered"),
    "ticket.resolved": ("a complaint", "resolved"),
    "ticket.state_changed": ("the state of a complaint", "changed"),
    "review.posted": ("a review", "posted"),
    "survey.answered": ("a survey", "answered"),
    "loyalty.redeemed": ("points", "spent"),
    "loyalty.tier_changed": ("their tier", "changed"),
    "loyalty.tier_raised": ("their tier", "raised"),
    "points.expiring": ("points", "about to run out"),
    "customer.created": ("an account", "opened"),
    "coupon.redeemed": ("the coupon", "used in an order"),
    "email.opened": ("an e-mail", "opened"),
    "email.clicked": ("a link in an e-mail", "clicked"),
}

#: What a moment is called that an event began: "1 day after …".
SINCE = {
    "order.placed": "the order",
    "order.shipped": "the order's dispatch",
    "order.delivered": "the delivery",
    "order.cancelled": "the cancellation",
    "order.refunded": "the payment back",
    "delivery.shipped": "the parcel's dispatch",
    "delivery.delivered": "the parcel's delivery",
    "return.requested": "the return request",
    "return.received": "the returned parcel's arrival",
    "return.refunded": "the refund",
    "return.state_changed": "the return's new state",
    "ticket.opened": "the complaint",
    "ticket.answered": "the first answer",
    "ticket.resolved": "the solution",
    "ticket.state_changed": "the complaint's new state",
    "review.posted": "the review",
    "survey.answered": "the survey",
    "loyalty.redeemed": "the spending",
    "loyalty.tier_changed": "the change of tier",
    "loyalty.tier_raised": "the higher tier",
    "points.expiring": "the first word on points that run out",
    "customer.created": "signing up",
    "coupon.redeemed": "the use of the coupon",
    "email.opened": "the opening",
    "email.clicked": "the click",
}

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

WEEKDAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
