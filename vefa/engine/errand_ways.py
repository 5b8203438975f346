"""An errand's way out: by which tool or to whom, what it says, and what an answer means for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Outcome, Refused
from vefa.content.problems import RenderError
from vefa.database import to_micros
from vefa.engine.consent_relay import EVENT, KINDS, SHOPIFY, Change
from vefa.engine.errand_words import Known, fill
from vefa.engine.shop import Shop
from vefa.errands import letters
from vefa.errands.book import TRIES, WAITS, End, Errand
from vefa.errands.keys import Access, access
from vefa.errands.shopify_admin import STOPPED, AdminAccess, write_body
from vefa.errands.signing import event_id
from vefa.errands.tables import errands
from vefa.plan.outside import Tool

r = errands.c

#: No tool may ask for a longer wait.
LONGEST_WAIT = timedelta(days=1)
#: No consent waits longer than this for its next try, unless the other side asked for it.
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Flight:
    """An errand with its way out: through a tool, or by e-mail. `fault`: why there is none at this moment."""

    errand: Errand
    about: letters.About
    body: str | None
    tool: Tool | None = None
    access: Access | None = None
    fault: str | None = None
    admin: AdminAccess | None = None
    change: Change | None = None

    @property
    def is_known_by_id(self) -> bool:
        """Whether a second one does whoever gets it no harm."""
        return self.change is not None or (self.tool is not None and self.tool.takes == "event")

    @property
    def through(self) -> str | None:
        """The tool's name, or Shopify's; None where others need not wait when this one's way is shut."""
        if self.change is not None:
            return self.errand.target
        return self.tool.name if self.tool is not None and self.access is not None else None


@dataclass(frozen=True)
class Ways:
    """The shop's ways out as its files and the environment have them now."""

    shop: Shop

    def addresses(self, errand: Errand) -> Sequence[str]:
        """Whom of a team it must still be made out to."""
        team = self.shop.outside.teams.get(errand.target) if errand.kind == "notify" else None
        return team.email if team is not None and errand.recipient is None else ()

    def fields(self, errand: Errand) -> Sequence[str]:
        """The fields that its tool is to get."""
        tool = self._tool(errand)
        return (tool.send or ()) if tool is not None and tool.takes == "event" else ()

    def way(self, errand: Errand, known: Known) -> Flight:
        """Its way, with its body where it has gone before."""
        flight = Flight(errand, known.about, errand.body, change=known.change)
        if errand.recipient is not None:
            return flight
        if errand.kind == SHOPIFY:
            return self._to_shopify(flight)
        tool = self._tool(errand)
        if tool is None:
            where = "config/staff.yaml has no team" if errand.kind == "notify" else "config/tools.yaml has no tool"
            return replace(flight, fault=f"{where} “{errand.target}”")
        if errand.kind == EVENT and tool.takes != "event":
            return replace(flight, tool=tool, fault=f"{STOPPED}“{tool.name}” takes text and no events")
        if self.shop.settings.channels.tools == "outbox":
            return replace(flight, tool=tool)
        found = access(tool)
        if isinstance(found, str):
            return replace(flight, tool=tool, fault=found)
        return replace(flight, tool=tool, access=found)

    def _to_shopify(self, flight: Flight) -> Flight:
        settings = self.shop.settings
        shopify, token = settings.web.shopify, settings.shopify_access_token
        if not token.get_secret_value():
            return replace(flight, fault=f"{STOPPED}VEFA_SHOPIFY_ACCESS_TOKEN is not set")
        timeout = settings.provider_timeout_seconds
        admin = AdminAccess(shopify.admin_url, shopify.api_version, token, timeout)
        return replace(flight, admin=admin)

    def written(self, flight: Flight, known: Known) -> Flight:
        """The same with the body that goes at every try. RenderError, TypeError where it cannot be written."""
        return replace(flight, body=self._body(flight, known))

    def name(self, errand: Errand) -> str:
        """What it is called outside. A number that is given again after a restore is told apart by the rest."""
        return event_id(self.shop.secret, errand.id, errand.enrolment_id, errand.at_step, to_micros(errand.queued_at))

    def repeatable(self) -> Any:
        """Over `errands`: whoever gets it knows a second one by its id."""
        ours = self.shop.outside
        by_id = {tool.name for tool in ours.tools.values() if tool.takes == "event"}
        teams = [team.name for team in ours.teams.values() if team.tool in by_id]
        told = sa.and_(r.kind == "notify", r.recipient.is_(None), r.target.in_(teams))
        return sa.or_(r.kind.in_(("webhook", *KINDS)), told)

    def through(self, tool: str) -> Any:
        """Over `errands`: what goes by that tool."""
        teams = [team.name for team in self.shop.outside.teams.values() if team.tool == tool]
        told = sa.and_(r.kind == "notify", r.recipient.is_(None), r.target.in_(teams))
        return sa.or_(sa.and_(r.kind.in_(("webhook", EVENT)), r.target == tool), told)

    def shut(self, flight: Flight) -> Any:
        """Over `errands`: what goes by the same way as this one."""
        if flight.errand.kind == SHOPIFY:
            return r.kind == SHOPIFY
        return self.through(flight.through or "")

    def _tool(self, errand: Errand) -> Tool | None:
        ours = self.shop.outside
        if errand.kind in ("webhook", EVENT):
            return ours.tools.get(errand.target)
        if errand.kind == SHOPIFY:
            return None
        team = ours.teams.get(errand.target)
        return ours.tools.get(team.tool) if team is not None and team.tool and errand.recipient is None else None

    def _body(self, flight: Flight, known: Known) -> str:
        errand, about, text = flight.errand, flight.about, None
        if flight.change is not None:
            return self._consent(errand, about, flight.change)
        if errand.kind == "notify":
            text = known.say or ""
            text = text if errand.enrolment_id is None else fill(self.shop, text, known)
            if not text.strip():
                raise RenderError("say: the words come out empty")
        if flight.tool is None:
            return letters.note(text or "", about, self.shop.settings.shop.locales[0])
        if flight.tool.takes == "text":
            return letters.chat(text or "")
        names = flight.tool.send if flight.tool.send is not None else ("customer.outside_id",)
        fields = {name: known.values.get(name) for name in names if about.customer}
        return letters.event(self.name(errand), errand.kind, errand.queued_at, about, fields, text)

    def _consent(self, errand: Errand, about: letters.About, change: Change) -> str:
        if errand.kind == SHOPIFY:
            return write_body(change.outside_id, change.channel, change.granted, change.occurred_at)
        fields = {
            "customer.outside_id": change.outside_id,
            "consent.channel": change.channel,
            "consent.granted": change.granted,
            "consent.occurred_at": change.occurred_at,
        }
        return letters.event(self.name(errand), "consent.changed", errand.queued_at, about, fields, None)


def end_of(outcome: Outcome, flight: Flight, now: datetime) -> End:
    """What an answer means for the errand. A doubt is tried again only where the receiver knows a second one."""
    asked = timedelta()
    match outcome:
        case Accepted():
            return End("done")
        case Refused(reason=reason):
            return End("failed", reason)
        case Doubtful(reason=reason) if not flight.is_known_by_id:
            return End("unknown", reason)
        case Busy(reason=reason, retry_after=seconds):
            asked = timedelta(seconds=seconds) if flight.tool or flight.admin else asked
        case Denied(reason=reason) | Doubtful(reason=reason):
            pass
    before = flight.errand.attempts
    if flight.change is not None:
        # A no is never given up: it waits until it gets through, or a later consent counts.
        pause = WAITS[min(before, len(WAITS) - 1)]
        return End("queued", reason, now + (asked or min(pause, LONGEST_PAUSE)))
    if before + 1 >= TRIES:
        return End("failed", f"{reason}, {TRIES} times")
    return End("queued", reason, now + max(WAITS[before], min(asked, LONGEST_WAIT)))


def words_of(error: RenderError | TypeError) -> str:
    """Why it cannot be written, without anything of the customer's."""
    return "cannot be written as JSON" if isinstance(error, TypeError) else str(error)
