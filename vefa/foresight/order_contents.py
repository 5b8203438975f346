"""What is not known of orders: lines that could not be read, and what a currency without a rate is worth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted, counted_currency, unpriced
from vefa.crm.shared_mailboxes import SharedMailboxes, shared_mailboxes
from vefa.crm.tables import orders
from vefa.database import open_database, reading
from vefa.engine.assumed_deliveries import overdue_parcels
from vefa.foresight.findings import Finding
from vefa.foresight.troubles import Trouble
from vefa.settings import Settings, Shop
from vefa.store import version_of, versions

#: Orders that lack lines are told for so long after they came.
SHOWN = timedelta(days=7)


def unpriced_currencies(connection: Connection, now: datetime, shop: Shop) -> dict[str, int]:
    """Orders that count as of `now`, by each currency that the shop gives no rate for."""
    currency = counted_currency()
    query = sa.select(currency, sa.func.count()).where(unpriced(shop), counted(now)).group_by(currency)
    return dict(sorted(connection.execute(query).tuples().all()))


def order_troubles(connection: Connection, now: datetime, shop: Shop | None) -> Iterator[Trouble]:
    """What a person must look after; without `shop`, currencies are left out."""
    o = orders.c
    lately = sa.and_(o.lines_incomplete, o.placed_known_at > now - SHOWN, o.placed_known_at <= now)
    if count := connection.scalar(sa.select(sa.func.count()).where(lately)):
        says = f"{count:,} of the orders of the last days came with lines that could not be read"
        yield Trouble(
            "incomplete orders", says, "vefa rejects lists lines of files; of webhooks see docs/web-service.md"
        )
    overdue = overdue_parcels(connection, now)
    if overdue.silent * 2 >= overdue.shipped > 0:
        says = (
            f"of {overdue.silent:,} of {overdue.shipped:,} parcels that left 14 to 60 days ago nobody has reported the"
            " arrival, so journeys that wait for it never begin"
        )
        yield Trouble("never arrives", says, "say deliveries: delivered_after: 5 days in config/settings.yaml")
    for currency, count in unpriced_currencies(connection, now, shop).items() if shop else ():
        says = f"{_orders(count)} in {currency}, which has no rate: they count, and their money is in no sum"
        yield Trouble("no rate", says, _remedy(currency))


def lint_stored_data(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Warnings about what the shop's data holds, where there is a database of today's form to look at: a currency of
    orders without a rate, and addresses that several customers share."""
    path = sa.make_url(settings.database).database
    if settings.database.startswith("sqlite") and not (path and Path(path).exists()):
        return
    engine = open_database(settings.database)
    try:
        with reading(engine) as connection:
            if version_of(connection) == versions()[-1]:
                found = unpriced_currencies(connection, now, settings.shop)
                yield from (_finding(currency, count) for currency, count in found.items())
                yield from _sharing(shared_mailboxes(connection))
    except sa.exc.OperationalError:
        return  # a database that cannot be reached keeps nobody from checking files
    finally:
        engine.dispose()


def _sharing(shared: SharedMailboxes) -> Iterator[Finding]:
    if shared.addresses:
        yield Finding("warning", "the shop's data", describe_sharing(shared))


def describe_sharing(shared: SharedMailboxes) -> str:
    """A sentence on addresses that several customers name, with some of the customers' numbers."""
    addresses = "1 address is" if shared.addresses == 1 else f"{shared.addresses:,} addresses are"
    return (
        f"{addresses} shared by {shared.customers:,} customers ({', '.join(shared.examples)}"
        f"{', …' if shared.customers > len(shared.examples) else ''}): each is written to once and capped as one."
    )


def _finding(currency: str, count: int) -> Finding:
    says = f"exchange_rates has no {currency}, and {_orders(count)} in it: they count, and their money is in no sum."
    return Finding("warning", "config/settings.yaml", f"{says} {_remedy(currency).capitalize()}.")


def _remedy(currency: str) -> str:
    return f"write what one is worth below shop: in config/settings.yaml: exchange_rates: {{ {currency}: 1.5 }}"


def _orders(count: int) -> str:
    return f"{count:,} order is" if count == 1 else f"{count:,} orders are"
