"""Which e-mails share a request, and what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from vefa.channels.base import Email, Sender
from vefa.channels.sendgrid_requests import build_requests


def shapes(requests):
    return [(request.shape, tuple(request.positions)) for request in requests]


def test_letters_that_say_the_same_share_a_request(email):
    same = [email(number, subject="Kış kataloğu", html="<p>Kış</p>", text="Kış") for number in range(3)]

    assert shapes(build_requests(same)) == [("shared", (0, 1, 2))]


def test_small_letters_that_differ_share_a_request_by_substitutions(email):
    assert shapes(build_requests([email(1), email(2)])) == [("substituted", (0, 1))]


def test_a_large_letter_goes_alone(email, large):
    assert shapes(build_requests([large(1), large(2), email(3)])) == [
        ("alone", (0,)),
        ("alone", (1,)),
        ("alone", (2,)),
    ]


def test_an_address_comes_once_in_a_request_whatever_its_case(email):
    twice = [email(1), email(2, to="Musteri1@ornek.example"), email(3)]

    assert shapes(build_requests(twice)) == [("substituted", (0, 2)), ("alone", (1,))]


def test_a_request_has_a_thousand_recipients_at_most(email):
    sizes = [len(request.messages) for request in build_requests([email(number) for number in range(2500)])]

    assert sizes == [1000, 1000, 500]


def test_senders_replies_journeys_and_steps_do_not_mix(email):
    different = [
        email(1),
        email(2, sender=Sender("destek@ornek.example")),
        email(3, reply_to="destek@ornek.example"),
        email(4, journey="birthday"),
        email(5, step="email-second"),
    ]

    assert len(build_requests(different)) == 5


def test_words_that_look_like_our_tag_are_never_substituted(email):
    tricky = [email(1, text="-vefa.html-"), email(2), email(3)]

    assert shapes(build_requests(tricky)) == [("alone", (0,)), ("substituted", (1, 2))]


def test_a_request_of_substituted_letters_says_each_ones_words(email):
    unsubscribe = {"List-Unsubscribe": "<https://ornek.example/u/1>"}

    (request,) = build_requests([email(1, headers=unsubscribe, to_name="Yılmaz, Ayşe;"), email(2)])

    assert orjson.loads(request.body()) == {
        "personalizations": [
            {
                "to": [{"email": "musteri1@ornek.example", "name": "Yılmaz Ayşe"}],
                "custom_args": {"send_id": "1.1", "journey": "order-thank-you", "step": "email-thanks"},
                "headers": unsubscribe,
                "subject": "Teşekkürler, müşteri 1",
                "substitutions": {
                    "-vefa.text-": "Merhaba 1, siparişin yolda.",
                    "-vefa.html-": "<p>Merhaba 1, sipari&#351;in yolda.</p>",
                },
            },
            {
                "to": [{"email": "musteri2@ornek.example"}],
                "custom_args": {"send_id": "2.1", "journey": "order-thank-you", "step": "email-thanks"},
                "subject": "Teşekkürler, müşteri 2",
                "substitutions": {
                    "-vefa.text-": "Merhaba 2, siparişin yolda.",
                    "-vefa.html-": "<p>Merhaba 2, sipari&#351;in yolda.</p>",
                },
            },
        ],
        "from": {"email": "merhaba@ornek.example", "name": "Örnek Mağaza"},
        "subject": "Teşekkürler, müşteri 1",
        "content": [{"type": "text/plain", "value": "-vefa.text-"}, {"type": "text/html", "value": "-vefa.html-"}],
        "categories": ["order-thank-you", "email-thanks"],
    }


def test_a_letter_without_a_text_part_has_no_empty_content(large):
    (request,) = build_requests([large(1, text="", journey="", step="", reply_to="destek@ornek.example")])
    mail = orjson.loads(request.body())

    assert [part["type"] for part in mail["content"]] == ["text/html"]
    assert mail["reply_to"] == {"email": "destek@ornek.example"}
    assert "categories" not in mail
    assert mail["personalizations"][0]["custom_args"] == {"send_id": "1.1"}


def test_the_same_messages_make_the_same_bytes(email):
    messages = [email(1), email(2), email(1, ref="9.1")]

    first, second = ([request.body() for request in build_requests(messages)] for _ in range(2))

    assert first == second


LETTERS = st.builds(
    Email,
    ref=st.text("0123456789", min_size=1, max_size=6),
    to=st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "c@x.example"]),
    sender=st.sampled_from([Sender("m@x.example"), Sender("n@x.example", "N")]),
    subject=st.sampled_from(["Merhaba", "-vefa.text-", "Selam"]),
    html=st.sampled_from(["", "<p>1</p>", "<p>-vefa.text-</p>", "ş" * 6000]),
    text=st.sampled_from(["1", "iki", "-vefa.html-"]),
    journey=st.sampled_from(["", "birthday"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LETTERS, max_size=30))
def test_every_message_is_in_one_request_and_reads_as_it_was_written(messages):
    requests = build_requests([replace(message, ref=str(number)) for number, message in enumerate(messages)])

    assert sorted(position for request in requests for position in request.positions) == list(range(len(messages)))
    for request in requests:
        mail = orjson.loads(request.body())
        addresses = Counter(person["to"][0]["email"].lower() for person in mail["personalizations"])
        assert set(addresses.values()) == {1}
        for person, message in zip(mail["personalizations"], request.messages, strict=True):
            bodies = {part["type"]: part["value"] for part in mail["content"]}
            for tag, value in person.get("substitutions", {}).items():
                bodies = {kind: body.replace(tag, value) for kind, body in bodies.items()}
            assert person["custom_args"]["send_id"] == message.ref
            assert person.get("subject", mail["subject"]) == message.subject
            assert bodies.get("text/html", "") == message.html
            assert bodies.get("text/plain", "") == message.text
