"""What our own MIME says, read by the standard library's parser."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vefa.channels.base import Email, Sender
from vefa.channels.mime import encode_email


def parsed(message, **options):
    return message_from_bytes(encode_email(message, **options), policy=policy.default)


def body(letter, kind):
    part = letter.get_body((kind,))
    return part.get_content().replace("\r\n", "\n") if part else None


def test_a_letter_reads_as_it_was_written(email):
    letter = parsed(
        email(
            7,
            to_name='Ayşe "Yıldız" Öz',
            reply_to="destek@ornek.example",
            headers={
                "List-Unsubscribe": "<https://ornek.example/u/" + "x" * 80 + ">, <mailto:u@ornek.example>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        ),
        date=datetime(2026, 11, 22, 9, tzinfo=UTC),
    )

    assert letter["Subject"] == "Teşekkürler, müşteri 7"
    assert str(letter["From"]) == "Örnek Mağaza <merhaba@ornek.example>"
    assert letter["To"].addresses[0].display_name == 'Ayşe "Yıldız" Öz'
    assert letter["To"].addresses[0].addr_spec == "musteri7@ornek.example"
    assert letter["Reply-To"].addresses[0].addr_spec == "destek@ornek.example"
    assert letter["Date"].datetime == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert letter["Message-ID"] == "<vefa.7.1@ornek.example>"
    assert "<mailto:u@ornek.example>" in letter["List-Unsubscribe"]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert body(letter, "plain") == "Merhaba 7, siparişin yolda."
    assert body(letter, "html") == "<p>Merhaba 7, sipari&#351;in yolda.</p>"
    assert not letter.defects


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_letter_of_one_part_needs_no_alternatives(email, part):
    letter = parsed(email(1, **{part: ""}))

    assert letter.get_content_type() == ("text/plain" if part == "html" else "text/html")


def test_no_date_is_made_up(email):
    assert parsed(email(1))["Date"] is None


def test_a_subject_cannot_add_a_header(email):
    letter = parsed(email(1, subject="Merhaba\r\nBcc: all@ornek.example", to_name="A\nX-Bad: 1"))

    assert letter["Bcc"] is None
    assert letter["X-Bad"] is None
    assert letter["Subject"] == "Merhaba Bcc: all@ornek.example"


def test_text_that_is_mostly_not_ascii_goes_as_base64(email):
    assert b"Content-Transfer-Encoding: base64" in encode_email(email(1, text="спасибо за заказ"))


def test_no_line_is_longer_than_mail_servers_take(email):
    raw = encode_email(email(1, subject="ş" * 500, to_name="ğ" * 200, html="x" * 5000, text="ü" * 5000))

    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=120)
BODIES = st.text(st.one_of(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), st.sampled_from("\n=. ")))


@settings(max_examples=150, deadline=None)
@given(subject=WORDS, name=WORDS, text=BODIES, html=BODIES)
def test_any_words_come_back(subject, name, text, html):
    letter = parsed(Email("1.1", "a@x.example", Sender("b@x.example", name), subject, html, "t" + text, to_name=name))

    assert " ".join(letter["Subject"].split()) == " ".join(subject.split())
    assert letter["From"].addresses[0].addr_spec == "b@x.example"
    assert body(letter, "plain").rstrip("\n") == ("t" + text).rstrip("\n")
    assert (body(letter, "html") or "").rstrip("\n") == html.rstrip("\n")
