"""A shop as the first version of the tables held it: at least one row in each, in the database's own values.

Frozen. It is what lies on operators' disks, so it never follows the code: a later revision has to bring it along.
Moments are microseconds, money is ten-thousandths. Ids are high, so that the next row of a table gets a free one.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection, Engine

from vefa.store import migrating, migration_config

VERSION = "0001"
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
#: 10 March 2026, 09:00 UTC
NOON = 1_773_133_200_000_000
THANKS, PLAN, BATCH = 1001, 1001, 1001
REST, HELLO = 1001, 1002  # steps

#: The order placed → rest a day → e-mail "hello" of the template "note".
BODY = (
    '{"journey":"thanks","name":"Thanks","trigger":{"event":"order.placed","object_kind":"order","where":'
    '{"conditions":[],"kind":"all"},"kind":"event"},"steps":[{"key":"rest","id":"rest","next":"hello","length":'
    '{"days":1,"seconds":0},"at":null,"on":[],"kind":"wait_for"},{"key":"hello","id":"hello","next":null,'
    '"medium":"email","template":"note","purpose":"commercial","subject":{"tr":"Merhaba"},"preheader":{},'
    '"recommend":0,"sender":null,"reply_to":null,"not_after":null,"unless":null,"on_failure":"continue",'
    '"kind":"message"}],"purpose":"commercial","description":"","owner":null,"status":"live","runs":'
    '{"at_once":false,"minutes":15,"at":null},"audience":{"conditions":[],"kind":"all"},"reentry":null,"exits":'
    '{"on":[],"unless":null,"then_enter":null},"goal":null,"holdout":0,"backfill":null}'
)
PEOPLE = {
    1001: "waiting", 1002: "queued", 1003: "sent", 1004: "unknown", 1005: "holdout", 1006: "reserved", 1007: "claimed",
    1008: "new",
}  # fmt: skip

Row = dict[str, Any]


def address(name: str) -> str:
    """The customer's e-mail address."""
    return f"{name}@ornek.example"


def make_old_shop(engine: Engine) -> None:
    """Tables at the first version, and the rows."""
    with migrating(engine) as connection:
        command.upgrade(migration_config(connection), VERSION)
        for table, rows in ROWS.items():
            for row in rows:
                _insert(connection, table, row)


def _insert(connection: Connection, table: str, row: Row) -> None:
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def contents(connection: Connection, columns: dict[str, list[str]] | None = None) -> dict[str, list[Row]]:
    """All rows of the tables as they stand; with `columns` only of these, and only what is still there of them."""
    inspector = sa.inspect(connection)
    found = {}
    for table in sorted(columns or inspector.get_table_names()):
        if table == "alembic_version" or not inspector.has_table(table):
            continue
        there = [column["name"] for column in inspector.get_columns(table)]
        chosen = [name for name in (columns[table] if columns else there) if name in there]
        query = sa.text(f"SELECT {', '.join(chosen)} FROM {table}")
        found[table] = sorted((dict(row) for row in connection.execute(query).mappings()), key=repr)
    return found


def _enrolment(number: int, **more: Any) -> Row:
    given = {
        "id": number, "journey_id": THANKS, "customer_id": number, "entry_key": number, "plan_id": PLAN,
        "entered_at": NOON - 2 * DAY, "enrolled_at": NOON - 2 * DAY, "object_kind": "order", "object_id": number,
        "order_id": number, "state": "active", "step": HELLO, "phase": 1, "arrived_at": NOON - DAY, "due_at": None,
    }  # fmt: skip
    return given | more


def _send(number: int, state: str, **more: Any) -> Row:
    given = {
        "id": number, "enrolment_id": number, "step": HELLO, "journey_id": THANKS, "plan_id": PLAN,
        "template": "note", "customer_id": number, "purpose": "commercial", "medium": "email", "state": state,
        "due_at": NOON - DAY, "not_before": NOON - DAY,
    }  # fmt: skip
    return given | more


def _order(number: int) -> Row:
    placed = NOON - (30 * MINUTE if PEOPLE[number] == "new" else 2 * DAY)
    return {
        "id": number, "source": "shop", "outside_id": f"o{number}", "number": f"N{number}", "customer_id": number,
        "total": 1_999_900, "currency": "TRY", "placed_at": placed, "placed_known_at": placed,
    }  # fmt: skip


def _event(number: int) -> Row:
    order = _order(number)
    return {
        "id": number, "source": "shop", "type": "order.placed", "object_kind": "order", "object_key": f"o{number}",
        "object_id": number, "order_id": number, "customer_id": number, "occurred_at": order["placed_at"],
        "known_at": order["placed_known_at"], "data": '{"note": "çabuk"}',
    }  # fmt: skip


def _customer(number: int) -> Row:
    return {
        "id": number, "outside_id": f"C-{number}", "first_name": PEOPLE[number].title(), "last_name": "Yıldız",
        "gender": "female", "birth_date": "1990-02-28", "language": "tr", "country": "TR", "city": "Iğdır",
        "zone": "Europe/Istanbul", "preferred_channel": "email", "created_at": NOON - 400 * DAY,
        "known_at": NOON - 400 * DAY, "bucket": number * 1_000_003 % 2_147_483_647,
    }  # fmt: skip


def _consent(number: int) -> Row:
    return {
        "id": number, "customer_id": number, "channel": "email", "purpose": "commercial", "granted": True,
        "source": "HS_WEB", "evidence": "form 3", "occurred_at": NOON - 400 * DAY, "known_at": NOON - 400 * DAY,
    }  # fmt: skip


def _contact(number: int) -> Row:
    name = PEOPLE[number]
    return {"customer_id": number, "channel": "email", "address": address(name), "address_key": f"key of {name}"}


def _outside(number: int = 1001) -> Row:
    return {"id": number, "source": "shop", "outside_id": f"x{number}", "fingerprint": "f"}


#: In an order that foreign keys allow.
ROWS: dict[str, list[Row]] = {
    "customers": [_customer(number) for number in PEOPLE],
    "contacts": [_contact(number) for number in PEOPLE],
    "consents": [_consent(number) for number in PEOPLE],
    "suppressions": [
        {"id": 1001, "channel": "sms", "address_key": "key of nobody", "purpose": "commercial", "reason": "manual",
         "evidence": "phone call", "occurred_at": NOON - DAY, "known_at": NOON - DAY},
    ],
    "products": [{**_outside(), "name": "Çay bardağı", "category": "Mutfak", "price": 125_000, "currency": "TRY"}],
    "orders": [_order(number) for number in PEOPLE],
    "order_lines": [{"order_id": 1001, "line": 1, "product_id": 1001, "quantity": 2, "unit_price": 125_000}],
    "deliveries": [{**_outside(), "order_id": 1003, "carrier": "Kargo", "delivered_at": NOON - DAY,
                    "delivered_known_at": NOON - DAY}],
    "returns": [{**_outside(), "customer_id": 1003, "order_id": 1003, "reason": "small", "amount": 125_000,
                 "currency": "TRY", "requested_at": NOON - HOUR, "requested_known_at": NOON - HOUR}],
    "tickets": [{**_outside(), "customer_id": 1003, "order_id": 1003, "subject": "Nerede?", "csat": 4,
                 "opened_at": NOON - HOUR, "opened_known_at": NOON - HOUR}],
    "reviews": [{**_outside(), "customer_id": 1003, "order_id": 1003, "product_id": 1001, "rating": 5,
                 "text": "Çok güzel", "posted_at": NOON - HOUR, "posted_known_at": NOON - HOUR}],
    "survey_answers": [{**_outside(), "customer_id": 1003, "survey": "nps", "score": 9, "answered_at": NOON - HOUR,
                        "answered_known_at": NOON - HOUR}],
    "events": [_event(number) for number in PEOPLE],
    "tags": [{"customer_id": 1003, "tag": "reviewer", "since": NOON - HOUR}],
    "facts": [{"customer_id": 1003, "orders_count": 1, "orders_revenue": 1_999_900, "orders_first_at": NOON - 2 * DAY,
               "orders_last_at": NOON - 2 * DAY, "as_of": NOON - DAY}],
    "stale_facts": [{"customer_id": 1008}],
    "imports": [{"id": 1001, "name": "shop", "path": "exports", "started_at": NOON - DAY, "finished_at": NOON - DAY,
                 "summary": '{"customers": {"new": 8}}'}],
    "rejects": [{"id": 1001, "import_id": 1001, "file": "customers.csv", "line": 7, "reason": "no number"}],
    "journeys": [{"id": THANKS, "name": "thanks", "state": "live", "file_status": "live", "plan_id": PLAN,
                  "live_since": NOON - 9 * DAY, "entry_from": NOON - 9 * DAY, "last_tick_at": NOON - HOUR}],
    "plans": [{"id": PLAN, "journey_id": THANKS, "hash": "c85796f3c34ac013", "body": BODY,
               "stored_at": NOON - 9 * DAY}],
    "step_names": [{"id": REST, "journey_id": THANKS, "name": "rest"},
                   {"id": HELLO, "journey_id": THANKS, "name": "hello"}],
    "enrolments": [
        _enrolment(1001, step=REST, arrived_at=NOON - 23 * HOUR, due_at=NOON + HOUR),
        _enrolment(1002),
        _enrolment(1003, state="finished", step=None, phase=0, left_at=NOON - DAY),
        _enrolment(1004, due_at=NOON - 6 * HOUR),
        _enrolment(1005, state="holdout", step=None, phase=0),
        _enrolment(1006),
        _enrolment(1007),
    ],
    "considered": [{"journey_id": THANKS, "event_id": number, "outcome": "entered", "at": NOON - 2 * DAY}
                   for number in PEOPLE if PEOPLE[number] != "new"],
    "reentry_slots": [{"journey_id": THANKS, "customer_id": 1003, "entry_key": 1003, "next_at": None}],
    "segment_members": [{"journey_id": THANKS, "customer_id": 1003, "since": NOON - DAY}],
    "coupons": [{"id": 1001, "code": "HI-AAAA", "enrolment_id": 1003, "step": REST, "customer_id": 1003,
                 "terms": '{"percent": 10}', "made_at": NOON - DAY, "valid_days": 14}],
    "batches": [{"id": BATCH, "owner": "elsewhere:1:a", "journey_id": THANKS, "channel": "post",
                 "reserved_at": NOON - HOUR}],
    "sends": [
        _send(1002, "queued", medium=None),
        _send(1003, "sent", attempt=1, claimed_at=NOON - DAY, settled_at=NOON - DAY, provider_id="p-1003.1"),
        _send(1004, "unknown", attempt=1, doubts=1, claimed_at=NOON - 30 * HOUR, settled_at=NOON - 30 * HOUR),
        _send(1006, "reserved", batch_id=BATCH, lease_until=NOON - 50 * MINUTE),
        _send(1007, "claimed", batch_id=BATCH, attempt=1, claimed_at=NOON - HOUR, lease_until=NOON - 50 * MINUTE),
    ],
    "send_history": [{"id": 1001, "send_id": 1004, "at": NOON - 30 * HOUR, "attempt": 1, "what": "unknown",
                      "detail": "time-out"}],
    "breakers": [{"channel": "phone", "open_until": NOON - HOUR, "reason": "status 401"}],
}  # fmt: skip
