"""All tables of the shop's database, wherever they are at home. Who needs the whole `metadata` takes it from here."""

from __future__ import annotations

from importlib import import_module

from vefa.database import metadata

__all__ = ["HOMES", "metadata"]

#: Every module that has tables; a test looks for others.
HOMES = (
    "vefa.consent.tables",
    "vefa.crm.answers",
    "vefa.crm.consent_echoes",
    "vefa.crm.coupon_uses",
    "vefa.crm.forgotten",
    "vefa.crm.identifiers",
    "vefa.crm.former_addresses",
    "vefa.crm.points",
    "vefa.crm.recommendations.tables",
    "vefa.crm.source_activity",
    "vefa.crm.states",
    "vefa.crm.suppression_history",
    "vefa.crm.tables",
    "vefa.crm.tag_tables",
    "vefa.crm.ticket_messages",
    "vefa.crm.wishes",
    "vefa.engine.consent_relay",
    "vefa.engine.privacy_requests",
    "vefa.engine.shortages",
    "vefa.engine.tables",
    "vefa.engine.trial_tables",
    "vefa.errands.tables",
    "vefa.inbox",
    "vefa.ledger.tables",
    "vefa.rewards.tables",
    "vefa.web.keys",
)

for _home in HOMES:
    import_module(_home)
