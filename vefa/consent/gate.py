"""Whether İYS lets a commercial message through, as one SQL expression over a customer and an address.

It is asked in the very statement that looks at a batch. Where İYS is off nothing of it is in that statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from vefa.consent.answers import FEEDS
from vefa.consent.tables import iys_progress, iys_recipients
from vefa.consent.words import NO, PERSON, YES
from vefa.crm.tables import contacts, tags
from vefa.database import other

#: Who has not heard from İYS for so long does not know it any more: nothing commercial goes to whom it keeps.
STALE = timedelta(hours=24)

#: What the expression says of those who may not be written to. The first two end a message, the others put it off.
REFUSED, NOT_APPROVED, STALE_NOW, NOT_ASKED = "refused", "not approved", "stale", "not asked"
#: The reason that messages bear which wait for İYS to be heard again.
STALE_REASON = f"İYS: {STALE_NOW}"
ENDS = (REFUSED, NOT_APPROVED)


@dataclass(frozen=True)
class Gate:
    """The rules of one shop: its country, where a customer's own is not known, and the tag that merchants bear."""

    country: str
    merchant_tag: str

    def against(self, medium: str, address: Any, address_key: Any, customer: Any, now: datetime) -> ColumnElement[Any]:
        """Why nothing commercial may go to the address now; null where it may.

        `customer` has the columns of the customer's row.
        """
        return sa.case(
            (sa.not_(self.is_kept(address, customer)), sa.null()),
            (_refused(medium, address_key), sa.literal(REFUSED, sa.Text)),
            (sa.not_(is_fresh(now)), sa.literal(STALE_NOW, sa.Text)),
            (_approved(medium, address_key), sa.null()),
            (self.is_merchant(customer), sa.null()),
            (_never_asked(medium, address_key), sa.literal(NOT_ASKED, sa.Text)),
            else_=sa.literal(NOT_APPROVED, sa.Text),
        )

    def is_kept(self, address: Any, customer: Any) -> ColumnElement[bool]:
        """Whether İYS keeps the recipient: somebody in Türkiye, or with a number of there."""
        k = other(contacts)
        number = sa.exists().where(k.c.customer_id == customer.id, k.c.channel == "sms", k.c.address.like("+90%"))
        here = sa.func.coalesce(customer.country, self.country) == "TR"
        return sa.or_(here, address.like("+90%"), number.correlate_except(k))

    def is_merchant(self, customer: Any) -> ColumnElement[bool]:
        """Whether the shop knows the customer as a merchant, who need not say yes but may say no."""
        t = other(tags)
        tagged = sa.exists().where(t.c.customer_id == customer.id, t.c.tag == self.merchant_tag)
        return tagged.correlate_except(t)


def is_fresh(now: datetime) -> ColumnElement[bool]:
    """Whether everything that was said to İYS up to a day ago is here."""
    p = other(iys_progress)
    names = [feed_name(feed) for feed in FEEDS]
    read = sa.select(sa.func.count()).where(p.c.name.in_(names), p.c.at > now - STALE)
    return read.correlate_except(p).scalar_subquery() == len(FEEDS)


def feed_name(feed: str) -> str:
    """What the cursor of that feed is called."""
    return f"changes {feed}"


def _row(medium: str, address_key: Any, *more: Any) -> ColumnElement[bool]:
    r = other(iys_recipients)
    found = sa.exists().where(r.c.channel == medium, r.c.address_key == address_key, *more)
    return found.correlate_except(r)


def _refused(medium: str, address_key: Any) -> ColumnElement[bool]:
    return _row(medium, address_key, other(iys_recipients).c.status == NO)


def _approved(medium: str, address_key: Any) -> ColumnElement[bool]:
    """They said yes, and did not stand otherwise when they were asked about after that."""
    return _row(medium, address_key, stands_approved(other(iys_recipients).c))


def stands_approved(r: Any) -> ColumnElement[bool]:
    """Over `iys_recipients` (or an alias's columns): it stands as ONAY."""
    said = sa.and_(r.status == YES, sa.or_(r.asked_at.is_(None), r.approved, r.asked_at < r.said_at))
    return sa.or_(said, sa.and_(r.status.is_(None), r.approved))


def _never_asked(medium: str, address_key: Any) -> ColumnElement[bool]:
    r = other(iys_recipients).c
    return sa.not_(_row(medium, address_key, r.recipient_type == PERSON))
