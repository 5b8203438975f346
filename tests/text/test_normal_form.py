"""Every door gives text and addresses one form."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vefa.content.brand import Brand
from vefa.crm.identity import address_key
from vefa.crm.importers.addresses import ascii_email, e164
from vefa.crm.importers.maps import Column
from vefa.crm.importers.readings import Habits, Misfit, reader
from vefa.crm.personal_names import read_name
from vefa.crm.shops.update import person, text
from vefa.settings import Settings
from vefa.text import ascii_domain, clean_line, clean_lines, web_address, without_links
from vefa.web.bodies import read_json
from vefa.web.event_forms import Refusal, read_event

HABITS = Habits("Europe/Istanbul", "12:00", "TR")
TRAPS = {
    "colour": ("\x1b[31mAyşe\x1b[0m", "Ayşe"),
    "link": ("\x1b]8;;https://evil.example\x1b\\Ayşe\x1b]8;;\x07", "Ayşe"),
    "title": ("\x1b]0;owned\x07Ayşe", "Ayşe"),
    "eight-bit control": ("\x9bAyşe\x85", "Ayşe"),
    "override": ("\u202eAyşe\u2066", "Ayşe"),
    "line": ("Ayşe\r\nKaya", "Ayşe Kaya"),
    "unseen": ("\ufeff\u200bAy\u00adşe\u2060\u200d", "Ayşe"),
    "nul": ("Ay\x00şe", "Ayşe"),
    "two letters": ("Ays\u0327e", "Ayşe"),
    "hangul filler": ("\u3164", ""),
}


@pytest.mark.parametrize("given_text, expected", TRAPS.values(), ids=TRAPS)
def test_all_doors_clean_a_text_alike(given_text, expected):
    readers = {kind: reader(kind, Column(column="x"), HABITS) for kind in ("line", "id", "name")}

    assert {kind: read(given_text) or "" for kind, read in readers.items()} == dict.fromkeys(readers, expected)
    assert text(given_text) == clean_line(given_text) == expected
    assert (person("1", None, None, first_name=given_text).details or {}).get("first_name", "") == expected


@given(st.text())
def test_the_normal_form_is_one_line_in_nfc_and_its_own_normal_form(given_text):
    line, lines = clean_line(given_text), clean_lines(given_text)

    assert clean_line(line) == line == unicodedata.normalize("NFC", line)
    assert clean_lines(lines) == lines
    assert not [letter for letter in line if unicodedata.category(letter) == "Cc"]
    assert {letter for letter in lines if unicodedata.category(letter) == "Cc"} <= {"\n", "\t"}
    assert not set("\u202e\u2066\ufeff\u200b\u2028") & set(line)


def test_what_persian_emojis_and_notes_of_several_lines_need_stays():
    kept = "می\u200cخواهم 👩\u200d👧 ❤\ufe0f"

    assert clean_line(kept) == kept
    assert clean_lines("one\r\ntwo\rthree") == "one\ntwo\nthree"
    assert read_json('{"a\u202e": ["e\u0301\x7f"], "n": 1}'.encode()) == {"a": ["é"], "n": 1}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Ayse@Ornek.EXAMPLE", "Ayse@ornek.example"),
        ("ali@örnek.example", "ali@xn--rnek-4qa.example"),
        ("ali@O\u0308RNEK.example", "ali@xn--rnek-4qa.example"),
        ("ali@ÖRNEK\u3002example", "ali@xn--rnek-4qa.example"),
        ("ali@ışık.example", "ali@xn--k-ekaa7p.example"),
        ("ali@İSTANBUL.example", "ali@istanbul.example"),
        ("ali@İstanbul.example".lower(), "ali@istanbul.example"),
        ("\u200bali@ornek.example\ufeff", "ali@ornek.example"),
        ("ALİ@ornek.example", None),
        ("ıbrahim@ornek.example", None),
        ("ali@-ö.example", None),
        ("ali@ornek..example", None),
    ],
)
def test_an_address_becomes_ascii_or_is_refused(address, expected):
    assert ascii_email(address) == expected
    if expected is not None:
        assert address_key(address) == address_key(expected)


def test_keys_of_what_is_stored_already_stay():
    stored = "Ayse.Kaya+x@Ornek.example"

    assert address_key(stored) == blake2b(stored.strip().lower().encode(), digest_size=16).hexdigest()
    assert address_key("+905321234567") == blake2b(b"+905321234567", digest_size=16).hexdigest()
    assert e164("\u200e0532 123 45 67\u202c", "TR") == "+905321234567"


def test_letters_before_the_at_are_refused_with_what_to_write():
    settings = Settings()
    event = {"id": "1", "type": "customer.created", "customer": {"email": "ALİ@ornek.example"}}

    with pytest.raises(Refusal, match="write i for ı and İ"):
        read_event(event, _events(), settings)


def _events():
    from vefa.language.catalogue import EVENTS

    return EVENTS


@pytest.mark.parametrize(
    "no_name",
    [
        *("NULL", "null", "N/A", "n/a", "-", ".", "--", "?", "\u200b", "\u3164", "NaN", "(null)", "undefined", "12345"),
        *("xxx", "None", "www.evil.example", "Win at https://evil.example", "ali@evil.example", "yok", "❤"),
    ],
)
def test_what_is_no_name_leaves_the_name_empty_and_is_counted(no_name):
    cell = reader("name", Column(column="x"), HABITS)(no_name)

    assert read_name(no_name) is None
    assert cell is None or (isinstance(cell, Misfit) and cell.mild)


@pytest.mark.parametrize("name", ["Nil", "Na", "Nan", "Nur Null", "O'Neil", "Ö.", "李", "M. Emin", "Anna-Lena", "Nona"])
def test_names_that_look_odd_are_names(name):
    assert read_name(name) == name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ornek.example/a?b=ğ", "https://ornek.example/a?b=ğ".replace("ğ", "%C4%9F")),
        ("//cdn.ornek.example/1.jpg", "https://cdn.ornek.example/1.jpg"),
        ("http://örnek.example:81/ü", "http://xn--rnek-4qa.example:81/%C3%BC"),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        (" JaVaScRiPt:alert(1)//https://x.example", None),
        ("data:text/html,hi", None),
        ("vbscript:x", None),
        ("/products/1", None),
        ("https://", None),
        ('https://ornek.example/"onload="x', None),
    ],
)
def test_a_web_address_is_http_in_ascii_or_none(url, expected):
    cell = reader("url", Column(column="x"), HABITS)(url)

    assert web_address(url) == expected
    assert cell == expected or (isinstance(cell, Misfit) and cell.mild)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("M.Emin", "M. Emin"),
        ("St. John", "St. John"),
        ("evil.example/x", "evil. example/x"),
        ("https://evil.example", "https: / /evil. example"),
        ("a@evil.example", "a@evil. example"),
        ("evil\u3002example", "evil\u3002 example"),
        ("3.5", "3.5"),
        ("Ayşe", "Ayşe"),
    ],
)
def test_no_mail_program_makes_a_link_of_a_name(name, shown):
    assert without_links(name) == shown


def test_the_shops_own_addresses_become_punycode_or_are_refused_before_anything_runs():
    settings = Settings(sender_email="merhaba@dağ.example", reply_to=None, public_url="https://dağ.example/vefa")
    brand = Brand(name="Dağ", email="destek@dağ.example", urls={"shop": "https://dağ.example/çay"})

    domain = ascii_domain("dağ.example")
    assert domain is not None and domain.startswith("xn--")
    assert (settings.sender_email, settings.public_url) == (f"merhaba@{domain}", f"https://{domain}/vefa")
    assert (brand.email, brand.urls["shop"]) == (f"destek@{domain}", f"https://{domain}/%C3%A7ay")
    for wrong in ({"sender_email": "ışık@dag.example"}, {"reply_to": "x"}, {"public_url": "dag.example"}):
        with pytest.raises(ValidationError):
            Settings(**wrong)
