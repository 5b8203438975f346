"""A WooCommerce shop that lives at random. Bodies as its REST API (v3) shows them, shortened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.shops.truth import GOODS, NAMES, Account, MadeUpShop, Message, Order, Refund

#: A family, or a courier's own number: several guests leave the same.
SHARED_PHONE = "0532 765 43 21"
WAITING = ("pending", "on-hold", "failed")


def gmt(moment: datetime | None) -> str | None:
    """A moment as WooCommerce writes it: in UTC, without saying so."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}" if moment else None


def stands(order: Order) -> bool:
    """Placed, and neither cancelled nor gone."""
    return order.placed is not None and order.cancelled is None and order.gone is None


class WooCommerceShop(MadeUpShop):
    """Half of its orders are guests', who may open an account later."""

    def __init__(self, seed: int, size: int) -> None:
        self.paid: dict[int, datetime] = {}
        self.completed: dict[int, datetime] = {}
        super().__init__(seed, size)

    def acts(self) -> list[Callable[[], None]]:
        new = [self.new_order] * 10 if len(self.orders) < self.size else []
        often = [self.pay, self.pay, self.complete, self.complete, self.arrive]
        seldom = [
            *(self.give_money_back, self.pay_all_back, self.cancel, self.cancel_unpaid),
            *(self.cancel_not, self.fail, self.trash, self.trash_for_a_while),
        ]
        return [*new, *often, *seldom, self.new_account, self.guest_opens_account, self.rename]

    # --- customers

    def new_account(self) -> None:
        self.wait()
        self.open_account(f"w{self.number()}@ornek.example", self.random.choice(NAMES))

    def guest_opens_account(self) -> None:
        known = {account.email for account in self.accounts.values()}
        guests = sorted({o.email for o in self.orders.values()} - known)
        if guests:
            self.wait()
            self.open_account(self.random.choice(guests), "Misafir")

    def open_account(self, email: str, name: str) -> None:
        account = Account(self.number(), email, name, self.now, True)
        self.accounts[account.id] = account
        self.send("customer.created", self.customer_body(account))

    def rename(self) -> None:
        if self.accounts:
            account = self.random.choice([*self.accounts.values()])
            self.wait()
            account.name = self.random.choice(NAMES)
            self.send("customer.updated", self.customer_body(account))

    def customer_body(self, account: Account) -> dict[str, Any]:
        return {
            "id": account.id,
            "date_created_gmt": gmt(account.created),
            "date_modified_gmt": gmt(self.now),
            "email": account.email,
            "first_name": account.name,
            "last_name": "Yaman",
            "role": "customer",
            "username": f"u{account.id}",
            "billing": {"first_name": account.name, "email": account.email, "country": "TR"},
            "is_paying_customer": False,
            "meta_data": [],
        }

    # --- orders

    def new_order(self) -> None:
        self.wait()
        account, email = None, f"g{self.random.randint(1, self.size)}@ornek.example"
        if self.accounts and self.random.random() < 0.5:
            chosen = self.random.choice([*self.accounts.values()])
            email = chosen.email
            account = chosen.id if self.random.random() < 0.7 else None
        lines = self.make_lines()
        total = sum((line.price * line.bought for line in lines), Decimal(0))
        order = Order(self.number(), account, email, self.now, total, lines, self.make_codes())
        order.status = self.random.choice(("pending", "on-hold", "processing", "processing", "cod"))
        if order.status not in WAITING:
            order.placed = self.now
        if order.status == "processing":
            self.paid[order.id] = self.now
        order.status = "processing" if order.status == "cod" else order.status
        self.orders[order.id] = order
        self.show("order.created", order)

    def change(self, order: Order, status: str, *, same_second: bool = False) -> None:
        self.wait(same_second=same_second)
        order.status = status
        if status == "completed":
            self.completed[order.id] = self.now
            self.paid.setdefault(order.id, self.now)

    def pay(self) -> None:
        order = self.any_order(lambda o: o.placed is None and o.gone is None)
        if order:
            self.change(order, "processing", same_second=order.cancelled is None)
            order.placed = self.paid[order.id] = self.now
            order.cancelled = None
            self.show("order.updated", order)

    def fail(self) -> None:
        order = self.any_order(lambda o: o.status == "pending" and o.gone is None)
        if order:
            self.change(order, "failed")
            self.show("order.updated", order)

    def complete(self) -> None:
        order = self.any_order(lambda o: stands(o) and o.status == "processing")
        if order:
            self.change(order, "completed", same_second=True)
            order.shipped = self.now
            self.show("order.updated", order)

    def arrive(self) -> None:
        order = self.any_order(lambda o: stands(o) and o.status == "completed")
        if order:
            self.change(order, "delivered")
            order.delivered = self.now
            self.show("order.updated", order)

    def cancel(self) -> None:
        order = self.any_order(lambda o: stands(o) and o.status == "processing" and not o.refunds)
        if order:
            self.change(order, "cancelled", same_second=True)
            order.cancelled = self.now
            self.show("order.updated", order)

    def cancel_unpaid(self) -> None:
        order = self.any_order(lambda o: o.placed is None and o.status in WAITING and not o.gone)
        if order:
            self.change(order, "cancelled")
            self.show("order.updated", order)

    def cancel_not(self) -> None:
        order = self.any_order(lambda o: o.cancelled is not None and o.status == "cancelled")
        if order and order.gone is None:
            self.change(order, "processing")
            order.cancelled = None
            self.show("order.updated", order)

    def give_money_back(self) -> None:
        order = self.any_order(lambda o: stands(o) and o.paid_back() + 20 < o.total)
        if order and order.id in self.paid:
            self.wait()
            self.pay_back(order, Decimal(5))

    def pay_all_back(self) -> None:
        """Before anything was sent: the order has ended."""
        order = self.any_order(lambda o: stands(o) and o.status == "processing" and o.id in self.paid)
        if order and order.paid_back() < order.total:
            self.change(order, "refunded")
            order.cancelled = self.now
            self.pay_back(order, order.total - order.paid_back())

    def pay_back(self, order: Order, amount: Decimal) -> None:
        order.refunds.append(Refund(self.number(), self.now, amount, paid=self.now))
        self.show("order.updated", order)

    def trash(self) -> None:
        order = self.any_order(lambda o: o.gone is None)
        if order and self.random.random() < 0.3:
            before = order.status
            self.change(order, "trash")
            order.gone = "trashed"
            if self.random.random() < 0.5:
                self.show("order.updated", order)
            order.status = before
            self.send("order.deleted", {"id": order.id})

    def trash_for_a_while(self) -> None:
        """A message that an order is deleted bears no date: these only come in their order."""
        order = self.any_order(lambda o: o.gone is None)
        if order and self.random.random() < 0.3:
            order.restored = True
            self.wait()
            self.send("order.deleted", {"id": order.id})
            self.wait()
            self.show("order.restored", order)

    # --- bodies

    def send(self, topic: str, body: dict[str, Any]) -> None:
        self.messages.append(Message(topic, body, self.now))

    def chains(self) -> set[int]:
        """Orders whose messages only come in their order."""
        return {order.id for order in self.orders.values() if order.restored}

    def show(self, topic: str, order: Order) -> None:
        self.send(topic, self.order_body(order))

    def order_body(self, order: Order) -> dict[str, Any]:
        billing = {"first_name": "Misafir", "last_name": "Yaman", "city": "İzmir", "country": "TR"}
        paid, completed = self.paid.get(order.id), self.completed.get(order.id)
        return {
            "id": order.id,
            "parent_id": 0,
            "number": str(order.id),
            "status": order.status,
            "currency": "TRY",
            "total": f"{order.total}.00",
            "customer_id": order.account or 0,
            "date_created_gmt": gmt(order.created),
            "date_modified_gmt": gmt(self.now),
            "date_paid_gmt": gmt(paid),
            "date_completed_gmt": gmt(completed),
            "payment_method": "bacs" if order.status == "on-hold" else "iyzico",
            "billing": {**billing, "email": order.email, "phone": self.phone(order)},
            "coupon_lines": [{"code": code.lower(), "discount": "0"} for code in order.codes],
            "line_items": [
                {
                    "id": line.id,
                    "name": GOODS[line.product],
                    "parent_name": None,
                    "product_id": int(line.product),
                    "variation_id": 0,
                    "quantity": line.bought,
                    "total": f"{line.price * line.bought}.00",
                    "total_tax": "0.00",
                    "price": float(line.price),
                }
                for line in order.lines
            ],
            "refunds": [{"id": each.id, "reason": "", "total": f"-{each.amount}.00"} for each in order.refunds],
        }

    def phone(self, order: Order) -> str:
        """Of an account none; a third of the guests share one."""
        guest = int("".join(filter(str.isdigit, order.email)))
        if order.account is not None or guest % 3 == 1:
            return ""
        return SHARED_PHONE if guest % 3 == 2 else f"0533 {guest:07}"
