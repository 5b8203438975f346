"""The outbox's files, and the data of its page."""

from __future__ import annotations

import json
import re
import threading
import zlib
from base64 import b64decode
from datetime import UTC, datetime
from email import message_from_bytes, policy
from importlib.resources import files
from time import perf_counter

import pytest

from vefa.channels.base import Accepted, Refused
from vefa.channels.outbox import Outbox, reset_outbox
from vefa.errors import ChannelError

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def rows(path):
    lines = [line for script in sorted((path / "data").glob("list-*.js")) for line in script.read_text().splitlines()]
    return sorted(json.loads(line.removeprefix("vefa.row(").removesuffix(");")) for line in lines)


def words(path, number):
    script = (path / "data" / f"body-{number // 100}.js").read_text()
    packed = re.search(rf'vefa\.body\({number},"([^"]*)"\);', script)[1]
    return json.loads(zlib.decompress(b64decode(packed)))


def test_a_letter_is_a_file_that_mail_readers_open(tmp_path, email):
    outcome = Outbox(tmp_path, "email", clock=lambda: NOW).deliver([email(12345, ref="12345.1")])

    letter = message_from_bytes((tmp_path / "email/000012/12345.1.eml").read_bytes(), policy=policy.default)
    assert outcome == [Accepted("12345.1.eml")]
    assert letter["Subject"] == "Teşekkürler, müşteri 12345"
    assert letter["X-Vefa-Journey"] == "order-thank-you"
    assert letter["Date"].datetime == NOW


def test_an_sms_is_a_text_file(tmp_path, sms):
    Outbox(tmp_path, "sms").deliver([sms(3, journey="birthday", step="sms-gift")])

    assert (tmp_path / "sms/000000/3.1.txt").read_text() == (
        "From: ORNEK\nTo: +905320000003\nJourney: birthday\nStep: sms-gift\nRef: 3.1\n\nMerhaba 3 ş\n"
    )


def test_the_same_ref_is_one_file_and_one_row(tmp_path, email):
    outbox = Outbox(tmp_path, "email")
    outbox.deliver([email(1)])
    outbox.deliver([email(1, subject="Again")])

    assert [path.name for path in (tmp_path / "email").rglob("*.*")] == ["1.1.eml"]
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize("ref", ["../../etc/passwd", "a/b", "x" * 300, "ş", "CON:1"])
def test_any_ref_stays_in_its_folder(tmp_path, email, ref):
    Outbox(tmp_path / "out", "email").deliver([email(1, ref=ref)])

    (path,) = (tmp_path / "out/email").rglob("*.eml")
    assert path.parent == tmp_path / "out/email/other"
    assert not [other for other in tmp_path.iterdir() if other.name != "out"]


def test_email_and_sms_share_one_page(tmp_path, email, sms):
    Outbox(tmp_path, "email", clock=lambda: NOW).deliver([email(1)])
    Outbox(tmp_path, "sms").deliver([sms(2)])

    mail, text = rows(tmp_path)
    assert mail == [
        0,
        "2026-11-22T09:30:00+00:00",
        "email",
        "order-thank-you",
        "email-thanks",
        "musteri1@ornek.example",
        "Teşekkürler, müşteri 1",
        "email/000000/1.1.eml",
    ]
    assert text[:3] == [1, "", "sms"]
    assert words(tmp_path, 0)["html"] == email(1).html
    assert words(tmp_path, 1)["text"] == sms(2).text
    assert (tmp_path / "data/total.js").read_text() == "vefa.total(2);\n"
    assert "<title>Outbox</title>" in (tmp_path / "index.html").read_text()


def test_lists_and_bodies_are_cut_into_scripts(tmp_path, sms):
    outbox = Outbox(tmp_path, "sms")
    outbox.deliver([sms(number) for number in range(999)])
    outbox.deliver([sms(number) for number in range(999, 1001)])

    assert [row[0] for row in rows(tmp_path)] == list(range(1001))
    assert sorted(path.name for path in (tmp_path / "data").glob("list-*")) == ["list-0.js", "list-1.js"]
    assert len(list((tmp_path / "data").glob("body-*"))) == 11


def test_threads_do_not_tread_on_each_other(tmp_path, sms):
    outboxes = [Outbox(tmp_path, "sms") for _ in range(4)]
    threads = [
        threading.Thread(
            target=lambda outbox=outbox, first=first: [
                outbox.deliver([sms(number)]) for number in range(first, first + 25)
            ]
        )
        for first, outbox in zip((0, 25, 50, 75), outboxes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [row[0] for row in rows(tmp_path)] == list(range(100))


def test_words_that_look_like_markup_stay_words(tmp_path, email):
    Outbox(tmp_path, "email").deliver([email(1, subject='</script><b>"x"</b>\\', html="</script>")])

    assert rows(tmp_path)[0][6] == '</script><b>"x"</b>\\'
    assert "</script>" not in (tmp_path / "data/body-0.js").read_text()


def test_a_bad_message_leaves_no_file(tmp_path, email):
    outcomes = Outbox(tmp_path, "email").deliver([email(1, to="nobody"), email(2)])

    assert [type(outcome) for outcome in outcomes] == [Refused, Accepted]
    assert [row[5] for row in rows(tmp_path)] == ["musteri2@ornek.example"]


def test_no_half_written_file_is_left(tmp_path, email):
    Outbox(tmp_path, "email").deliver([email(number) for number in range(20)])

    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".eml", ".js", ".html", ""}


def test_emptying_takes_only_what_an_outbox_wrote(tmp_path, email):
    outbox = Outbox(tmp_path, "email")
    outbox.deliver([email(1)])
    (tmp_path / "notes.txt").write_text("mine")

    reset_outbox(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    outbox.deliver([email(2)])  # the same channel goes on
    assert [row[5] for row in rows(tmp_path)] == ["musteri2@ornek.example"]


def test_emptying_nothing_is_fine(tmp_path):
    reset_outbox(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_is_told(tmp_path, email):
    (tmp_path / "out").write_text("a file")

    with pytest.raises(ChannelError, match="cannot be written"):
        Outbox(tmp_path / "out", "email").deliver([email(1)])


def test_a_thousand_large_letters_take_seconds_at_most(tmp_path, large):
    messages = [large(number) for number in range(1000)]
    begun = perf_counter()

    Outbox(tmp_path, "email").deliver(messages)

    assert perf_counter() - begun < 5  # a fraction of one on a quiet machine


def test_the_page_asks_the_network_for_nothing_and_makes_no_markup_of_words():
    page = files("vefa.channels").joinpath("outbox.html").read_text()

    assert not re.findall(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)
    assert "allow-scripts" not in page
    assert 'setAttribute("sandbox"' in page
