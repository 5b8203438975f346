"""Consents whose file knows addresses only, as İYS's own export does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm import tables as t
from vefa.crm.identity import address_key
from vefa.database import writing
from vefa.errors import ImportMapError

HEADER = "Alıcı;Alıcı Tipi;Tip;Durum;Kaynak;Tarih"


@pytest.fixture
def people(engine):
    """Two customers who share an e-mail address, and one with a phone."""
    ways = (
        ("A-1", "email", "biz@ornek.example"),
        ("A-2", "email", "biz@ornek.example"),
        ("A-3", "sms", "+905320000001"),
    )
    with writing(engine) as connection:
        for number, (outside_id, channel, address) in enumerate(ways, 1):
            person = {"id": number, "outside_id": outside_id, "zone": "Europe/Istanbul", "bucket": 1}
            known = {"known_at": datetime(2026, 1, 1, tzinfo=UTC)}
            connection.execute(sa.insert(t.customers).values(person | known))
            way = {"customer_id": number, "channel": channel, "address": address, "address_key": address_key(address)}
            connection.execute(sa.insert(t.contacts).values(way))


@pytest.fixture
def export(source):
    return write_csv(
        source / "izinler.csv",
        HEADER,
        "BIZ@ornek.example;BIREYSEL;EPOSTA;ONAY;HS_WEB;2026-01-05 10:00:00",
        "biz@ornek.example;BIREYSEL;EPOSTA;RET;IYS_WEB;06.01.2026 10:00:00",
        "+90 532 000 00 01;BIREYSEL;MESAJ;ONAY;HS_MOBIL;2026-01-05 10:00:00",
        "+90 532 000 00 01;BIREYSEL;ARAMA;ONAY;HS_MOBIL;2026-01-05 10:00:00",
        "kimse@ornek.example;BIREYSEL;EPOSTA;ONAY;HS_WEB;2026-01-05 10:00:00",
        "hickimse@ornek.example;BIREYSEL;EPOSTA;ONAY;HS_WEB;2026-01-05 10:00:00",
        "bozuk;BIREYSEL;EPOSTA;ONAY;HS_WEB;2026-01-05 10:00:00",
        ";BIREYSEL;EPOSTA;ONAY;HS_WEB;2026-01-05 10:00:00",
        "biz@ornek.example;BIREYSEL;EPOSTA;BELKI;HS_WEB;2026-01-05 10:00:00",
    )


def test_iyss_export_becomes_words_of_all_who_have_the_address(imported, rows, people, export):
    summary = imported("iys-export")

    c = t.consents.c
    found = rows(sa.select(c.customer_id, c.channel, c.granted, c.source, c.occurred_at).order_by(c.customer_id, c.id))
    first, second = datetime(2026, 1, 5, 7, tzinfo=UTC), datetime(2026, 1, 6, 7, tzinfo=UTC)
    assert sorted(map(tuple, found)) == [
        (1, "email", False, "IYS_WEB", second),
        (1, "email", True, "HS_WEB", first),
        (2, "email", False, "IYS_WEB", second),
        (2, "email", True, "HS_WEB", first),
        (3, "sms", True, "HS_MOBIL", first),
    ]
    assert summary.targets["consents"].rejected == {
        "unknown customer": 2,
        "broken e-mail": 1,
        "no address": 1,
        "neither yes nor no": 1,
    }


def test_what_proves_a_word_is_its_line_in_the_file(imported, rows, people, export):
    imported("iys-export")

    told = {row.evidence for row in rows(sa.select(t.consents.c.evidence))}
    assert "İYS: BIREYSEL ONAY HS_WEB 2026-01-05 10:00:00" in told


def test_the_same_file_again_changes_nothing(imported, rows, people, export):
    imported("iys-export")
    again = imported("iys-export")

    assert (again.targets["consents"].new, again.targets["consents"].changed) == (0, 0)
    assert again.targets["consents"].unchanged == 5


def test_a_reject_holds_no_address(imported, rows, people, export):
    imported("iys-export")

    details = [
        row.detail for row in rows(sa.select(t.rejects.c.detail).where(t.rejects.c.reason == "unknown customer"))
    ]
    assert len(details) == 2
    assert not any("@" in detail for detail in details)


def test_chunks_make_no_difference(imported, rows, people, export):
    imported("iys-export", chunk_rows=2)

    assert rows(sa.select(sa.func.count()).select_from(t.consents))[0][0] == 5


CONSENT = {
    "channel": {"constant": "email"},
    "purpose": {"constant": "commercial"},
    "granted": "granted",
    "source": "source",
    "occurred_at": "at",
}


def test_the_version_of_the_text_and_the_proof_are_kept(imported, rows, people, source):
    write_csv(source / "rows.csv", "no,granted,source,at,text,form", "A-1,yes,HS_WEB,2026-01-05,v3,form 17")
    more = {"customer": "no", "text_version": "text", "evidence": "form"}

    imported(one_table_map("consents", CONSENT | more))

    (row,) = rows(sa.select(t.consents))
    assert (row.text_version, row.evidence) == ("v3", "form 17")


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"address": "a", "customer": "c"}, "not both"),
        ({"address": "a", "channel": "kind"}, "constant"),
        ({}, "consents needs customer"),
    ],
    ids=["both", "no constant", "neither"],
)
def test_a_map_that_says_whose_in_no_or_two_ways_is_refused(columns, problem):
    with pytest.raises(ImportMapError, match=problem):
        one_table_map("consents", CONSENT | columns)
