"""What was said in tickets comes in by the shop's own exports."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import NOW, write_csv
from vefa.crm.tables import rejects
from vefa.crm.ticket_messages import ticket_messages

TICKETS = "ticket_id,customer_id,order_id,subject,category,agent,csat,opened_at,answered_at,resolved_at"
MESSAGES = "message_id,ticket_id,author,agent,text,said_at"


@pytest.fixture
def shop(source):
    people = "customer_id,first_name,last_name,gender,birth_date,language,country,city,preferred_channel,created_at"
    write_csv(source / "customers.csv", f"{people},email,phone", "c1,Işıl,,,,tr,TR,,,,,")
    write_csv(source / "tickets.csv", TICKETS, "t1,c1,,Kırık geldi,damaged,Elif,,2026-02-01T10:00:00+03:00,,")
    write_csv(
        source / "ticket_messages.csv",
        MESSAGES,
        "m1,t1,Customer,,Kulbu kırık,2026-02-01T10:00:00+03:00",
        "m2,t1,agent,Elif,Hemen bakıyorum,2026-02-01T10:04:00+03:00",
        "m3,t9,agent,Elif,Kime?,2026-02-01T10:04:00+03:00",
        "m4,t1,robot,,Bip,2026-02-01T10:04:00+03:00",
        "m5,t1,agent,Elif,,2026-02-01T10:04:00+03:00",
    )
    return source


def test_messages_come_after_their_tickets_and_bad_ones_stop_nothing(imported, rows, shop):
    imported("shop-csv")

    first, second = rows(sa.select(ticket_messages).order_by(ticket_messages.c.said_at))
    assert (first.author, first.agent, first.text) == ("customer", None, "Kulbu kırık")
    assert (first.said_at, first.said_known_at) == (datetime(2026, 2, 1, 7, tzinfo=UTC), NOW)
    assert (second.author, second.agent, second.ticket_id) == ("agent", "Elif", first.ticket_id)
    reasons = {row.line: row.reason for row in rows(sa.select(rejects))}
    assert reasons == {4: "unknown ticket", 5: "unknown author", 6: "no text"}


def test_the_same_file_again_changes_nothing(imported, rows, shop):
    imported("shop-csv")
    before = rows(sa.select(ticket_messages))

    summary = imported("shop-csv")

    assert summary.targets["ticket_messages"].unchanged == 2
    assert rows(sa.select(ticket_messages)) == before
