"""A Shopify shop that lives at random. Bodies as Shopify's reference of webhooks shows them, shortened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.shops.truth import (
    BEGIN,
    GOODS,
    NAMES,
    Account,
    Line,
    MadeUpShop,
    Message,
    Order,
    Parcel,
    Refund,
    stamp,
)

#: From then on the shop uses an API in which consents and tags come by topics of their own.
NEW_API = BEGIN + timedelta(days=2)
#: How the reference and how messages in the wild name the two customers of a merge.
MERGE_KEYS = ("admin_graphql_api_customer_{}_id", "admin_graphql_api_id_customer_{}")


def open_order(order: Order) -> bool:
    """Paid or authorized, and neither cancelled nor gone."""
    return order.placed is not None and order.cancelled is None and order.gone is None


def unshipped(order: Order) -> bool:
    """Nothing has been sent, and nothing given back."""
    return open_order(order) and not order.parcels and not order.refunds


class ShopifyShop(MadeUpShop):
    """Its customers always have a number; who has no account is `disabled`."""

    def acts(self) -> list[Callable[[], None]]:
        new = [self.new_order] * 12 if len(self.orders) < self.size else []
        often = [self.pay, self.ship, self.ship, self.arrive, self.arrive, self.arrive] * 2
        seldom = [
            *(self.replace_parcel, self.edit, self.give_money_back, self.take_goods_back),
            *(self.give_money_back, self.refund_goes_through),
            *(self.cancel, self.cancel_shipped, self.void, self.delete),
        ]
        people = [self.new_account, self.rename, self.enable, self.merge]
        return [*new, *often, *seldom, *people, *[self.say, self.tag] * 2]

    # --- customers

    def new_account(self, *, enabled: bool | None = None) -> None:
        self.wait()
        number = self.number()
        account = Account(
            number,
            f"s{number}@ornek.example",
            self.random.choice(NAMES),
            self.now,
            self.random.random() < 0.5 if enabled is None else enabled,
        )
        self.accounts[number] = account
        self.send("customers/create", self.customer_body(account))

    def some_account(self) -> Account | None:
        here = [each for each in self.accounts.values() if each.merged_into is None]
        return self.random.choice(here) if here else None

    def rename(self) -> None:
        if account := self.some_account():
            self.wait()
            account.name = self.random.choice(NAMES)
            self.send("customers/update", self.customer_body(account))

    def enable(self) -> None:
        account = self.some_account()
        if account and not account.enabled:
            self.wait()
            account.enabled = True
            self.send("customers/enable", self.customer_body(account))

    def say(self) -> None:
        account = self.some_account()
        if account is None:
            return
        self.wait()
        channel = self.random.choice(("email", "sms"))
        before = account.consents.get(channel, ("", None))[0]
        ends = ("unsubscribed", "redacted", "invalid")
        state = self.random.choice(ends) if before == "subscribed" else "subscribed"
        account.consents[channel] = (state, self.now)
        if self.now < NEW_API:
            self.send("customers/update", self.customer_body(account))
        elif channel == "email":
            consent = {"email_marketing_consent": self.consent_body(account, "email")}
            body = {"customer_id": account.id, "email_address": account.email, **consent}
            self.send("customers_email_marketing_consent/update", body)
        else:
            consent = {"sms_marketing_consent": self.consent_body(account, "sms")}
            self.send("customers_marketing_consent/update", {"id": account.id, **consent})

    def tag(self) -> None:
        account = self.some_account()
        if account is None:
            return
        self.wait()
        tag = self.random.choice(("vip", "toptan", "basın"))
        added = tag not in account.tags
        account.tags ^= {tag}
        if self.now < NEW_API:
            self.send("customers/update", self.customer_body(account))
        else:
            body = {"customerId": f"gid://shopify/Customer/{account.id}", "tags": [tag]}
            body["occurredAt"] = self.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            self.send(f"customer.tags_{'added' if added else 'removed'}", body)

    def merge(self) -> None:
        kept, gone = self.some_account(), self.some_account()
        if not kept or not gone or kept is gone or gone.consents or gone.tags or gone.enabled:
            return
        self.wait()
        done = self.random.random() < 0.7
        if done:
            gone.merged_into = kept.id
        ids = {"kept": kept.id, "deleted": gone.id}
        spelling = self.random.choice(MERGE_KEYS)
        body = {spelling.format(k): f"gid://shopify/Customer/{n}" for k, n in ids.items()}
        status = {"status": "completed", "errors": []}
        if not done:
            status = {"status": "failed", "errors": [{"message": "both have a subscription"}]}
        self.send("customers/merge", {**body, **status})

    def customer_body(self, account: Account) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": account.id,
            "email": account.email,
            "created_at": stamp(account.created),
            "updated_at": stamp(self.now),
            "first_name": account.name,
            "last_name": "Yaman",
            "state": "enabled" if account.enabled else "disabled",
        }
        if self.now < NEW_API:
            body["tags"] = ", ".join(sorted(account.tags))
            for channel in ("email", "sms"):
                body[f"{channel}_marketing_consent"] = self.consent_body(account, channel)
        return body

    def consent_body(self, account: Account, channel: str) -> dict[str, Any] | None:
        state, at = account.consents.get(channel, ("not_subscribed", None))
        if at is None and channel == "sms":
            return None
        level = {"state": state, "opt_in_level": "single_opt_in"}
        return {**level, "consent_updated_at": stamp(at)}

    # --- orders

    def new_order(self) -> None:
        account = self.some_account() if self.random.random() < 0.6 else None
        if account is None:
            self.new_account(enabled=False)
            account = [*self.accounts.values()][-1]
        self.wait()
        lines = self.make_lines()
        total = sum((line.price * line.bought for line in lines), Decimal(0))
        order = Order(self.number(), account.id, account.email, self.now, total, lines, self.make_codes())
        order.payment = self.random.choice(("paid",) * 6 + ("pending", "pending", "authorized", "test"))
        order.placed = self.now if order.payment != "pending" else None
        order.gone = "test" if order.payment == "test" else None
        order.parts = self.random.choice((1, 1, 2))
        self.orders[order.id] = order
        self.show("orders/create", order)
        if order.payment == "paid":
            self.show("orders/paid", order)

    def pay(self) -> None:
        order = self.any_order(lambda o: o.placed is None and o.cancelled is None)
        if order:
            order.placed, order.payment = self.wait(same_second=True), "paid"
            self.show("orders/paid", order)

    def ship(self) -> None:
        order = self.any_order(lambda o: open_order(o) and len(o.valid_parcels()) < o.parts)
        if order:
            order.payment = "paid"
            self.wait(same_second=True)
            self.new_parcel(order)

    def new_parcel(self, order: Order) -> None:
        parcel = Parcel(self.number(), self.now, self.now)
        order.parcels.append(parcel)
        self.send("fulfillments/create", self.parcel_body(order, parcel))
        whole = len(order.valid_parcels()) == order.parts
        self.show("orders/fulfilled" if whole else "orders/partially_fulfilled", order)

    def under_way(self) -> tuple[Order, Parcel] | None:
        order = self.any_order(lambda o: o.gone is None and any(not p.delivered for p in o.valid_parcels()))
        if order is None:
            return None
        parcels = [each for each in order.valid_parcels() if not each.delivered]
        return order, self.random.choice(parcels)

    def arrive(self) -> None:
        if found := self.under_way():
            order, parcel = found
            parcel.delivered = parcel.changed = self.wait()
            self.send("fulfillments/update", self.parcel_body(order, parcel))
            if self.random.random() < 0.5:
                self.show("orders/updated", order)

    def replace_parcel(self) -> None:
        """How a merchant corrects a tracking number."""
        found = self.under_way()
        if found and open_order(found[0]) and not found[0].refunds:
            order, parcel = found
            parcel.cancelled, parcel.changed = True, self.wait()
            self.send("fulfillments/update", self.parcel_body(order, parcel))
            self.show("orders/updated", order)
            self.wait()
            self.new_parcel(order)

    def edit(self) -> None:
        """A line is taken out, and its money goes back."""
        order = self.any_order(lambda o: unshipped(o) and len(o.lines) > 1 and o.payment == "paid")
        if order:
            self.wait()
            edit = {"id": self.number(), "order_id": order.id, "committed_at": stamp(self.now)}
            self.send("orders/edited", {"order_edit": edit})
            self.refund(order, [(order.lines[-1], order.lines[-1].now, "cancel")])

    def refundable(self, order: Order) -> bool:
        return open_order(order) and order.payment == "paid" and order.paid_back() + 20 < order.total

    def give_money_back(self) -> None:
        if order := self.any_order(self.refundable):
            self.wait()
            ends = ("success", "success", "failure", "pending")
            self.refund(order, [], Decimal(5), self.random.choice(ends))

    def take_goods_back(self) -> None:
        order = self.any_order(lambda o: self.refundable(o) and len(o.lines) > 1 and bool(o.valid_parcels()))
        if order and order.lines[0].now and not order.refunds:
            self.wait()
            self.refund(order, [(order.lines[0], 1, "return")])

    def refund_goes_through(self) -> None:
        order = self.any_order(lambda o: any(r.status == "pending" for r in o.refunds))
        if order:
            refund = next(each for each in order.refunds if each.status == "pending")
            refund.status, refund.paid = "success", self.wait()
            self.show("orders/updated", order)

    def refund(
        self,
        order: Order,
        lines: list[tuple[Line, int, str]],
        amount: Decimal | None = None,
        status: str = "success",
        *,
        shown: bool = True,
    ) -> None:
        worth = sum((line.price * count for line, count, _ in lines), Decimal(0))
        refund = Refund(self.number(), self.now, worth if amount is None else amount, status)
        refund.paid = self.now if status == "success" else None
        refund.lines = lines
        refund.goods = any(kind == "return" for _, _, kind in lines)
        for line, count, _ in lines:
            line.now -= count
        order.refunds.append(refund)
        self.send("refunds/create", {**self.refund_body(order, refund)})
        if shown:
            self.show("orders/updated", order)

    def cancel(self) -> None:
        order = self.any_order(unshipped)
        if order:
            order.cancelled = self.wait(same_second=True)
            if order.payment == "paid":
                everything = [(line, line.now, "cancel") for line in order.lines]
                self.refund(order, everything, shown=False)
            else:
                order.payment = "voided"
            self.show("orders/cancelled", order)

    def cancel_shipped(self) -> None:
        order = self.any_order(lambda o: open_order(o) and bool(o.valid_parcels()) and not o.refunds)
        if order:
            order.cancelled = self.wait()
            everything = [(line, line.now, "return") for line in order.lines]
            self.refund(order, everything, shown=False)
            self.show("orders/cancelled", order)

    def void(self) -> None:
        order = self.any_order(lambda o: o.payment == "authorized" and unshipped(o))
        if order:
            self.wait()
            order.payment = order.gone = "voided"
            self.show("orders/updated", order)

    def delete(self) -> None:
        order = self.any_order(lambda o: o.gone is None)
        if order and self.random.random() < 0.2:
            self.wait()
            order.gone = "deleted"
            self.send("orders/delete", {"id": order.id})

    # --- bodies

    def send(self, topic: str, body: dict[str, Any]) -> None:
        self.messages.append(Message(topic, body, self.now))

    def show(self, topic: str, order: Order) -> None:
        self.send(topic, self.order_body(order))

    def money(self, order: Order) -> str:
        if order.payment in ("pending", "authorized", "voided"):
            return order.payment
        back = order.paid_back()
        if back == 0:
            return "paid"
        return "refunded" if back >= order.total else "partially_refunded"

    def order_body(self, order: Order) -> dict[str, Any]:
        account = self.accounts[order.account or 0]
        while account.merged_into is not None:
            account = self.accounts[account.merged_into]
        parcels = len(order.valid_parcels())
        return {
            "id": order.id,
            "name": f"#{order.id}",
            "email": account.email,
            "phone": None,
            "created_at": stamp(order.created),
            "processed_at": stamp(order.created),
            "updated_at": stamp(self.now),
            "cancelled_at": stamp(order.cancelled),
            "test": order.payment == "test",
            "currency": "TRY",
            "presentment_currency": "TRY",
            "total_price": f"{order.total}.00",
            "financial_status": self.money(order),
            "fulfillment_status": (None if not parcels else "fulfilled") if parcels in (0, order.parts) else "partial",
            "payment_gateway_names": ["Banka havalesi" if order.payment == "pending" else "iyzico"],
            "discount_codes": [{"code": c, "amount": "0.00", "type": "fixed"} for c in order.codes],
            "customer": self.customer_body(account),
            "billing_address": {"first_name": account.name, "last_name": "Yaman", "phone": None},
            "line_items": [
                {
                    "id": line.id,
                    "product_id": int(line.product),
                    "variant_id": int(line.product) * 10,
                    "title": GOODS[line.product],
                    "name": GOODS[line.product],
                    "quantity": line.bought,
                    "current_quantity": line.now,
                    "price": f"{line.price}.00",
                    "gift_card": False,
                }
                for line in order.lines
            ],
            "fulfillments": [self.parcel_body(order, each) for each in order.parcels],
            "refunds": [self.refund_body(order, each) for each in order.refunds],
        }

    def parcel_body(self, order: Order, parcel: Parcel) -> dict[str, Any]:
        return {
            "id": parcel.id,
            "order_id": order.id,
            "status": "cancelled" if parcel.cancelled else "success",
            "created_at": stamp(parcel.shipped),
            "updated_at": stamp(parcel.changed),
            "shipment_status": "delivered" if parcel.delivered else None,
            "tracking_number": f"T{parcel.id}",
        }

    def refund_body(self, order: Order, refund: Refund) -> dict[str, Any]:
        when: datetime = refund.paid or refund.made
        payment = {
            "id": refund.id * 10,
            "amount": f"{refund.amount}.00",
            "currency": "TRY",
            "kind": "refund",
            "status": refund.status,
            "processed_at": stamp(when),
        }
        return {
            "id": refund.id,
            "order_id": order.id,
            "created_at": stamp(refund.made),
            "processed_at": stamp(refund.made),
            "transactions": [payment],
            "refund_line_items": [
                {"line_item_id": line.id, "quantity": count, "restock_type": kind} for line, count, kind in refund.lines
            ],
        }
