"""E-mails in bulk through the real channel and SDK: what the stand-in assembles is what `BulkEmail.email` says."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vefa.channels.base import Accepted, BulkEmail, Busy, Denied, Doubtful, Refused, Sender, deliver_bulk
from vefa.channels.fakes.behaviours import Answer, Drop, Hang, busy
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.outbox import Outbox
from vefa.channels.sendgrid import SendGridChannel
from vefa.channels.sendgrid_bulk import MARKS, BulkRequest, WholeRequest, build_bulk_requests
from vefa.skeletons import Skeleton

SENDER = Sender("merhaba@ornek.example", "Örnek Mağaza")
SKELETON = Skeleton(("Merhaba ", 0), ("<p>Merhaba ", 0, ", ", 1, "</p>"), ("Merhaba ", 0, ", ", 1), 2)


def kinds(outcomes):
    return [type(outcome) for outcome in outcomes]


def bulk_of(number, skeleton=SKELETON, **given):
    words = {
        "skeleton": skeleton,
        "sender": SENDER,
        "refs": [f"{row}.1" for row in range(number)],
        "to": [f"musteri{row}@ornek.example" for row in range(number)],
        "pieces": tuple([f"parça {slot} {row}" for row in range(number)] for slot in range(skeleton.slots)),
        "headers": {"List-Unsubscribe": [f"<https://ornek.example/u/{row}>" for row in range(number)]},
        "journey": "order-thank-you",
        "step": "email-thanks",
    }
    return BulkEmail(**{**words, **given})


def requests_of(bulk):
    return list(build_bulk_requests(bulk, range(len(bulk))))


def assert_arrived(fake, bulk, rows=None):
    """Every ref once, and each one's e-mail as it would be written out."""
    rows = range(len(bulk)) if rows is None else rows
    assert Counter(fake.send_ids) == Counter(bulk.refs[row] for row in rows)
    got = {received.send_id: received for received in fake.received}
    for row in rows:
        email, received = bulk.email(row), got[bulk.refs[row]]
        assert received.to == email.to
        assert (received.subject, received.html, received.text) == (email.subject, email.html, email.text)
        assert (received.headers, received.reply_to) == (email.headers, email.reply_to or "")
        ids = {"send_id": email.ref, "journey": email.journey, "step": email.step}
        assert received.custom_args == {name: value for name, value in ids.items() if value}


def test_many_get_their_own_words_in_requests_of_a_thousand(sendgrid, sendgrid_channel):
    bulk = bulk_of(2300, reply_to="destek@ornek.example")

    outcomes = sendgrid_channel.deliver_bulk(bulk)

    assert kinds(outcomes) == [Accepted] * 2300
    assert sendgrid.requests == 3
    assert_arrived(sendgrid, bulk)


def test_the_skeleton_goes_once_a_request_and_the_pieces_once_a_recipient():
    (request,) = requests_of(bulk_of(2))

    assert orjson.loads(request.body()) == {
        "personalizations": [
            {
                "to": [{"email": f"musteri{row}@ornek.example"}],
                "custom_args": {"send_id": f"{row}.1", "journey": "order-thank-you", "step": "email-thanks"},
                "headers": {"List-Unsubscribe": f"<https://ornek.example/u/{row}>"},
                "substitutions": {"~0;": f"parça 0 {row}", "~1;": f"parça 1 {row}"},
            }
            for row in range(2)
        ],
        "from": {"email": "merhaba@ornek.example", "name": "Örnek Mağaza"},
        "subject": "Merhaba ~0;",
        "content": [
            {"type": "text/plain", "value": "Merhaba ~0;, ~1;"},
            {"type": "text/html", "value": "<p>Merhaba ~0;, ~1;</p>"},
        ],
        "categories": ["order-thank-you", "email-thanks"],
    }


def test_without_slots_all_share_the_words():
    (request,) = requests_of(bulk_of(3, Skeleton(("Kış",), ("<p>Kış</p>",), (), 0), headers={}))
    mail = orjson.loads(request.body())

    assert {name for person in mail["personalizations"] for name in person} == {"to", "custom_args"}
    assert mail["content"] == [{"type": "text/html", "value": "<p>Kış</p>"}]


def test_a_subject_alone_that_is_personal_needs_no_tags():
    (request,) = requests_of(bulk_of(2, Skeleton(("Merhaba ", 0), (), ("Kış",), 1)))
    mail = orjson.loads(request.body())

    assert [person["subject"] for person in mail["personalizations"]] == ["Merhaba parça 0 0", "Merhaba parça 0 1"]
    assert "substitutions" not in mail["personalizations"][0]
    assert "subject" not in mail


def test_tags_begin_with_a_mark_that_nothing_else_holds():
    skeleton = Skeleton(("~",), ("<p>", 0), ("a",), 1)
    (request,) = requests_of(bulk_of(2, skeleton, pieces=(["^", "1"],)))

    assert list(orjson.loads(request.body())["personalizations"][0]["substitutions"]) == ["|0;"]


def test_whose_pieces_hold_every_mark_goes_alone(sendgrid, sendgrid_channel):
    bulk = bulk_of(3, pieces=(["Ayşe", MARKS + "0;", "Can"], ["x", "y", "~1;"]))

    assert [(type(request), list(request.positions)) for request in requests_of(bulk)] == [
        (BulkRequest, [0]),
        (WholeRequest, [1]),
        (WholeRequest, [2]),
    ]
    sendgrid_channel.deliver_bulk(bulk)
    assert_arrived(sendgrid, bulk)


def test_words_that_hold_every_mark_go_whole(sendgrid, sendgrid_channel):
    bulk = bulk_of(3, Skeleton(("a",), (MARKS, 0), (), 1))

    assert kinds(sendgrid_channel.deliver_bulk(bulk)) == [Accepted] * 3
    assert_arrived(sendgrid, bulk)


def test_more_slots_than_the_provider_has_tags_go_whole(sendgrid, sendgrid_channel):
    bulk = bulk_of(2, Skeleton(("a",), tuple(range(101)), (), 101))

    assert kinds(sendgrid_channel.deliver_bulk(bulk)) == [Accepted] * 2
    assert_arrived(sendgrid, bulk)


@pytest.mark.parametrize(("length", "alone"), [(4993, 0), (4994, 1)])
def test_ten_thousand_bytes_of_tags_and_pieces_go_along_and_one_more_does_not(length, alone):
    bulk = bulk_of(2, pieces=(["Can", "ş" * length], ["", "12345678"]))  # two tags of three bytes; ş is two

    assert sum(isinstance(request, WholeRequest) for request in requests_of(bulk)) == alone


def test_a_letter_whose_only_words_in_a_part_are_empty_goes_without_that_part(sendgrid, sendgrid_channel):
    bulk = bulk_of(2, Skeleton(("a",), (0,), ("a", 0), 1), pieces=(["", "b"],))

    sendgrid_channel.deliver_bulk(bulk)

    assert_arrived(sendgrid, bulk)
    assert sendgrid.requests == 2


def test_an_address_comes_once_in_a_request_of_a_bulk_whatever_its_case(sendgrid, sendgrid_channel):
    bulk = bulk_of(3, to=["a@x.example", "A@x.example", "b@x.example"])

    assert [list(request.positions) for request in requests_of(bulk)] == [[0, 2], [1]]
    assert kinds(sendgrid_channel.deliver_bulk(bulk)) == [Accepted] * 3


def test_heavy_headers_make_requests_of_fewer(sendgrid):
    bulk = bulk_of(40, headers={"X-Note": ["x" * 1_000_000] * 40})

    assert [len(request) for request in requests_of(bulk)] == [20, 20]


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": ["a@x.example", "şükrü@ornek.example", "c@x.example"]},
        {"headers": {"X-Note": ["a", "two\r\nBcc: all@x.example", "c"]}},
        {"skeleton": Skeleton((0,), ("a", 1), (), 2), "pieces": (["a", " ", "b"], ["a", "b", "c"])},
        {"skeleton": Skeleton(("a",), (0,), (1,), 2), "pieces": (["a", "", "b"], ["a", "", "c"])},
        {"pieces": (["a", "\ud83d", "b"], ["a", "b", "c"])},
    ],
)
def test_one_whom_no_provider_would_take_is_refused_and_the_others_go(sendgrid, sendgrid_channel, wrong):
    bulk = bulk_of(3, **wrong)

    assert kinds(sendgrid_channel.deliver_bulk(bulk)) == [Accepted, Refused, Accepted]
    assert_arrived(sendgrid, bulk, [0, 2])


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [
        ({"sender": Sender("ş@x.example")}, Denied),
        ({"reply_to": "nobody"}, Denied),
        ({"headers": {"Reply-To": ["a@x.example"] * 2}}, Refused),
        ({"skeleton": Skeleton(("\ud83d",), ("a", 0), (), 1)}, Refused),
    ],
)
def test_what_is_wrong_for_all_is_told_to_all(sendgrid, sendgrid_channel, wrong, outcome):
    assert kinds(sendgrid_channel.deliver_bulk(bulk_of(2, **wrong))) == [outcome] * 2
    assert sendgrid.requests == 0


def test_nobody_is_no_request(sendgrid, sendgrid_channel):
    assert sendgrid_channel.deliver_bulk(bulk_of(0)) == []
    assert sendgrid.requests == 0


def test_a_recipient_of_a_bulk_named_by_a_400_is_refused_and_the_others_go_at_once(sendgrid, sendgrid_channel):
    bulk = bulk_of(4, pieces=(["a", "~", "c", "d"], ["", "", "", MARKS]))  # the last goes alone
    field = b'{"errors":[{"field":"personalizations[1].to[0].email","message":"bad"}]}'
    sendgrid.script.rule(lambda asked: Answer(400, field) if asked.body.count(b'"1.1"') else None)

    outcomes = sendgrid_channel.deliver_bulk(bulk)

    assert kinds(outcomes) == [Accepted, Refused, Accepted, Accepted]
    assert_arrived(sendgrid, bulk, [0, 2, 3])


def test_a_bulk_too_large_is_halved(sendgrid, sendgrid_channel):
    sendgrid.script.rule(lambda asked: Answer(413) if asked.body.count(b"send_id") > 2 else None)
    bulk = bulk_of(9)

    assert kinds(sendgrid_channel.deliver_bulk(bulk)) == [Accepted] * 9
    assert_arrived(sendgrid, bulk)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (busy(7), Busy),
        (Answer(401), Denied),
        (Answer(503), Doubtful),
        (Drop(keeps=True), Doubtful),
    ],
)
def test_an_answer_to_one_request_of_a_bulk_is_its_recipients_alone(sendgrid, behaviour, outcome):
    channel = SendGridChannel("SG.made-up", base_url=sendgrid.url, in_flight=1)
    sendgrid.script.queue(None, behaviour)
    bulk = bulk_of(3000)

    told = Counter(kinds(outcomes := channel.deliver_bulk(bulk)))

    stopped = outcome in (Busy, Denied)  # then the third request is not begun
    assert told == {Accepted: 1000 if stopped else 2000, outcome: 2000 if stopped else 1000}
    assert {bulk.refs[n] for n, told in enumerate(outcomes) if isinstance(told, Accepted)} <= set(sendgrid.send_ids)
    channel.close()


def test_no_answer_in_time_leaves_all_of_the_request_in_doubt(sendgrid):
    sendgrid.script.queue(Hang(1.0))
    channel = SendGridChannel("SG.made-up", base_url=sendgrid.url, timeout=0.2)

    assert kinds(channel.deliver_bulk(bulk_of(5))) == [Doubtful] * 5
    channel.close()


def test_a_channel_that_knows_no_bulk_gets_whole_e_mails(tmp_path):
    outbox = Outbox(tmp_path, "email")

    assert kinds(deliver_bulk(outbox, bulk_of(3))) == [Accepted] * 3
    outbox.close()


def test_a_channel_that_does_gets_the_bulk(sendgrid, sendgrid_channel):
    assert kinds(deliver_bulk(sendgrid_channel, bulk_of(3))) == [Accepted] * 3
    assert sendgrid.requests == 1


WORDS = st.one_of(
    st.sampled_from(["", "", "Ayşe", "İğne & ıhlamur", "\"tırnak\" 'tek'", "\\", "<b>", "\n", "\x00", "😀"]),
    st.sampled_from(["~0;", "~", "0;", "^1;~", "|0", MARKS, "-vefa.text-", "%name%", "{{ad}}", "1", ";"]),
    st.sampled_from(["ş" * 2400, "ş" * 5000, "x" * 9_990]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
PARTS = st.lists(st.one_of(WORDS, st.integers(0, 2)), max_size=7).map(tuple)


@st.composite
def bulks(draw):
    number = draw(st.integers(1, 6))
    column = st.lists(WORDS, min_size=number, max_size=number)
    return BulkEmail(
        skeleton=Skeleton(("a", *draw(PARTS)), draw(PARTS), ("b", *draw(PARTS)), 3),
        sender=SENDER,
        refs=[f"{row}.1" for row in range(number)],
        to=draw(st.lists(st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "c@x.example"]),
                         min_size=number, max_size=number)),
        pieces=(draw(column), draw(column), draw(column)),
        headers=draw(st.sampled_from([{}, {"X-Note": [f"~{row};" for row in range(number)]}])),
        reply_to=draw(st.sampled_from([None, "destek@ornek.example", "^0@ornek.example"])),
        journey=draw(st.sampled_from(["", "birthday"])),
    )  # fmt: skip


@pytest.fixture(scope="module")
def one_for_all():
    with FakeSendGrid() as fake:
        channel = SendGridChannel("k", base_url=fake.url, in_flight=4)
        yield fake, channel
        channel.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bulks())
def test_what_is_assembled_is_what_was_written_for_everyone_once(one_for_all, bulk):
    fake, channel = one_for_all
    fake.received.clear()
    fake.send_ids.clear()

    outcomes = channel.deliver_bulk(bulk)

    assert kinds(outcomes) == [Accepted] * len(bulk)
    assert_arrived(fake, bulk)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bulks())
def test_the_order_of_substitution_does_not_matter(bulk):
    for request in requests_of(bulk):
        mail = orjson.loads(request.body())
        for row, person in zip(request.positions, mail["personalizations"], strict=True):
            bodies = {part["type"]: part["value"] for part in mail["content"]}
            for tag, value in reversed(person.get("substitutions", {}).items()):
                bodies = {kind: body.replace(tag, value) for kind, body in bodies.items()}
            assert bodies.get("text/html", "") == bulk.email(row).html
            assert bodies["text/plain"] == bulk.email(row).text
